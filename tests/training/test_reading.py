import pytest

from cyclegan_tf.training.reading import read_curves


def run(**ends: tuple[float, float]) -> list[dict[str, float]]:
    """Five epochs in which each log goes evenly from one value to another."""
    return [
        {"epoch": epoch + 1}
        | {key: first + (last - first) * epoch / 4 for key, (first, last) in ends.items()}
        for epoch in range(5)
    ]


@pytest.mark.parametrize(
    ("ends", "sentence"),
    [
        ((0.1, 0.2), "The cycle loss rose from 0.100 to 0.200. What the generators add"),
        ((0.5, 0.2), "The cycle loss fell from 0.500 to 0.200. The way back restores more"),
        ((0.20, 0.21), "The cycle loss stayed near 0.210. The way back loses as much"),
    ],
)
def test_cycle_loss_is_told_by_where_it_went(ends, sentence):
    assert read_curves(run(cycle_loss=ends)).startswith(f"- {sentence}")


@pytest.mark.parametrize(
    ("real", "fake", "verdict"),
    [
        (0.98, 0.96, "it has nearly won"),
        (0.60, 0.70, "the game is still open"),
        (0.55, 0.45, "it hardly does better than guessing"),
    ],
)
def test_each_discriminator_is_judged_by_its_end(real, fake, verdict):
    rows = run(disc_b_real_accuracy=(0.5, real), disc_b_fake_accuracy=(0.5, fake))
    told = read_curves(rows, names=("photo", "Monet"))
    assert told == (
        f"- At the end the discriminator of the Monets judges {real:.0%} of what is real and "
        f"{fake:.0%} of what is generated correctly: {told.split(': ')[1]}"
    )
    assert verdict in told


@pytest.mark.parametrize(
    ("last", "verdict"), [(0.1, "collapsed"), (1.0, "about as much"), (1.6, "no merit")]
)
def test_diversity_near_zero_or_far_above_one_is_warned_of(last, verdict):
    assert verdict in read_curves(run(sample_diversity=(0.5, last)))


def test_diversity_of_a_generator_that_jumps_is_that_of_its_end():
    rows = [{"epoch": n, "sample_diversity": v} for n, v in enumerate([0.7, 1.6, 1.5, 0.9, 0.45])]
    told = "The samples' diversity ended at 0.45 (between 0.45 and 1.60 on the way): the samples"
    assert told in read_curves(rows)


def test_generator_of_a_dcgan_that_loses_is_told():
    told = read_curves(run(gen_loss=(0.7, 2.8)))
    assert told == (
        "- The generator's loss rose from 0.70 to 2.80. Its pictures fool the discriminator less "
        "and less."
    )


def test_too_few_epochs_give_no_direction():
    assert read_curves([]).startswith("This run has logged 0 epochs: too few")
    assert read_curves(run(cycle_loss=(1, 2))[:1]).startswith("This run has logged 1 epoch: too")

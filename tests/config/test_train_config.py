import dataclasses

import pytest

from cyclegan_tf.config.fields import flag
from cyclegan_tf.config.presets import PRESETS, preset_config
from cyclegan_tf.config.train_config import TrainConfig
from cyclegan_tf.errors import InputError


def test_plain_values_make_the_same_config_again():
    config = TrainConfig(image_size=64, steps_per_epoch=7, budget_minutes=2.5)
    assert TrainConfig.from_dict(config.to_dict()) == config


def test_integer_is_accepted_where_a_float_is_expected():
    assert TrainConfig(cycle_weight=10).cycle_weight == 10.0
    assert type(TrainConfig(cycle_weight=10).cycle_weight) is float


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"batch_size": "4"}, ["--batch-size", "'4'", "int"]),
        ({"batch_size": 4.5}, ["--batch-size", "4.5", "int"]),
        ({"batch_size": True}, ["--batch-size", "True", "int"]),
        ({"skip_bad_images": 1}, ["--skip-bad-images", "true or false"]),
        ({"batch_size": 0}, ["--batch-size", "from 1 to 65,536"]),
        ({"steps_per_epoch": 0}, ["--steps-per-epoch", "from 1 to 1,000,000,000"]),
        ({"learning_rate": float("nan")}, ["--learning-rate", "nan"]),
        ({"flip_left_right": 1.5}, ["--flip-left-right", "from 0 to 1"]),
        (
            {"generator": "transformer"},
            ["--generator", "transformer", "choose one of: unet, resnet"],
        ),
        ({"image_size": 100}, ["--image-size", "100", "multiple of 32", "96"]),
        ({"image_size": 100, "unet_depth": 4}, ["--image-size 100", "--unet-depth 4", "16", "96"]),
        ({"image_size": 98, "generator": "resnet"}, ["98", "multiple of 4"]),
        ({"image_size": 32, "discriminator_layers": 4}, ["--discriminator-layers 4", "48 px"]),
        ({"norm_groups": 3}, ["--norm-groups 3", "divisor"]),
        ({"gradient_penalty": 0, "adversarial_loss": "wgan-gp"}, ["--gradient-penalty 0", "10"]),
        ({"model": "dcgan", "image_size": 96}, ["96", "64 or 128"]),
        ({"model": "dcgan", "discriminator": "two-objective"}, ["--discriminator", "cyclegan"]),
        ({"model": "dcgan", "picture_size": 128}, ["--picture-size", "cyclegan"]),
        ({"model": "dcgan", "cycle_weight": 5.0}, ["--cycle-weight", "cyclegan"]),
        ({"latent_size": 64}, ["--latent-size", "dcgan"]),
        ({"expand": True, "noise_std": 0.05}, ["--expand", "dcgan"]),
        ({"model": "dcgan", "expand": True}, ["--expand", "--noise-std is 0"]),
        ({"identity_weight": 0.0, "identity_weight_end": 5.0}, ["--identity-weight 0", "5.0"]),
        ({"image_size": 256, "picture_size": 320}, ["--picture-size 320", "multiple of 256"]),
        (
            {"generator": "resnet", "picture_size": 40, "discriminator_layers": 4},
            ["--picture-size 40", "at least 48 px"],
        ),
        (
            {"generator": "resnet", "discriminator": "projected", "image_size": 200},
            ["of 16", "192"],
        ),
        ({"a": "photos"}, ["--a", "without --b"]),
        ({"data": "d", "a": "x", "b": "y"}, ["--data d", "with --a x and --b y", "either"]),
        ({"data": "d", "a": "x"}, ["--data d is given together with --a x;"]),
        ({"submit": "best"}, ["--submit best", "--evaluate-every"]),
        ({"image_size": 2**20}, ["--image-size is 1048576", "from 32 to 4,096"]),
        ({"learning_rate": 10**400}, ["--learning-rate is 1000", "expected float"]),
        ({"evaluate_every": 0}, ["--evaluate-every", "at least 1"]),
    ],
)
def test_what_cannot_be_is_refused_with_a_remedy(values, words):
    with pytest.raises(InputError) as error:
        TrainConfig(**values)
    assert all(word in str(error.value) for word in words), str(error.value)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"batchsize": 4}, ["batchsize", "did you mean batch_size?"]),
        ({"zzz": 4}, ["zzz", "choose one of: model, data"]),
        ({"generator": ["resnet"], "unet_depth": 4}, ["--generator is ['resnet']", "choose one"]),
        ({"generator": "resnet", "unet_depth": "4"}, ["--unet-depth is '4'", "int or null"]),
    ],
)
def test_stored_config_that_does_not_fit_is_refused(values, words):
    with pytest.raises(InputError) as error:
        TrainConfig.from_dict(values)
    assert all(word in str(error.value) for word in words), str(error.value)


IGNORED = [
    ({"generator": "resnet", "unet_depth": 4}, "--unet-depth 4 .* with --generator resnet"),
    ({"generator": "resnet", "head_filters": 8}, "--head-filters 8 .* with --generator resnet"),
    ({"residual_blocks": 3}, "--residual-blocks 3 .* with --generator unet; take --generator resn"),
    ({"schedule": "cosine", "decay_from": 0.9}, "--decay-from 0.9 .* with --schedule cosine"),
    ({"decay_from": 0.9}, "--decay-from 0.9 .* with --schedule constant; take --schedule linear"),
    ({"two_objective_weight": 0.3}, "--two-objective-weight 0.3 .* with --discriminator patch"),
    ({"crop_enlarge": 1.2}, "--crop-enlarge 1.2 .* without --crop-probability"),
    ({"skip_blur": 8}, "--skip-blur 8 .* without --global-skip; give --global-skip, too, or"),
    ({"norm": "instance", "norm_groups": 4}, "--norm-groups 4 .* with --norm instance"),
    ({"inception": "x.pb"}, "--inception x.pb .* without --evaluate-every"),
    (
        {"adversarial_loss": "hinge", "label_smoothing": 0.1},
        "--label-smoothing 0.1 .* with --adversarial-loss hinge; take --adversarial-loss bce or ls",
    ),
    ({"latent_size": 64}, "--latent-size 64 .* with --model cyclegan; take --model dcgan"),
    ({"expand": True}, "--expand has no effect with --model cyclegan"),
    ({"model": "dcgan", "cycle_weight": 5.0}, "--cycle-weight 5.0 .* with --model dcgan"),
    ({"model": "dcgan", "unet_depth": 4}, "--unet-depth 4 .* with --model dcgan; take --model cyc"),
    (
        {"model": "dcgan", "spectral_norm": True},
        "--spectral-norm .*--latent-discriminator residual",
    ),
    (
        {"model": "dcgan", "expand": True, "noise_std": 0.1, "flip_up_down": 0.5},
        "--flip-up-down 0.5 has no effect with --expand; take --no-expand, or leave it out",
    ),
    ({"model": "dcgan", "submission": False}, "--no-submission has no effect with --model dcgan"),
]


@pytest.mark.parametrize(("values", "words"), IGNORED)
def test_what_the_other_settings_ignore_is_refused(values, words):
    with pytest.raises(InputError, match=words):
        TrainConfig(**values)


@pytest.mark.parametrize("values", [values for values, _ in IGNORED])
def test_stored_config_opens_without_what_it_ignored(values):
    config = TrainConfig.from_dict(TrainConfig().to_dict() | values)
    (name, _) = list(values.items())[-1]
    assert getattr(config, name) == TrainConfig.__dataclass_fields__[name].default
    others = {key: value for key, value in values.items() if key != name}
    assert config == TrainConfig(**others)


@pytest.mark.parametrize(
    "values",
    [
        {"generator": "unet", "unet_depth": 4, "head_filters": 8},
        {"generator": "resnet", "residual_blocks": 3},
        {"schedule": "linear", "decay_from": 0.9},
        {"discriminator": "two-objective", "two_objective_weight": 0.3},
        {"adversarial_loss": "lsgan", "label_smoothing": 0.1},
        {"crop_probability": 0.5, "crop_enlarge": 1.2},
        {"model": "dcgan", "expand": True, "noise_std": 0.1, "crop_enlarge": 1.2},
        {"model": "dcgan", "latent_discriminator": "residual", "spectral_norm": True},
        {"spectral_norm": True},
        {"generator": "resnet", "unet_depth": None, "head_filters": 0},
    ],
)
def test_what_the_other_settings_use_is_kept(values):
    assert TrainConfig(**values) == TrainConfig.from_dict(values)
    assert TrainConfig(**values).to_dict().items() >= values.items()


@pytest.mark.parametrize(
    ("preset", "change", "reset"),
    [
        ("cpu", {"generator": "unet"}, {"residual_blocks": 9}),
        ("cpu", {"crop_probability": 0.0}, {"crop_enlarge": 1.3}),
        (
            "dcgan-notebook",
            {"model": "cyclegan"},
            {"expand": False, "latent_generator": "residual"},
        ),
    ],
)
def test_what_a_change_of_a_preset_switches_off_goes_unless_the_user_gives_it(
    preset, change, reset
):
    config, before = preset_config(preset, **change), PRESETS[preset]().to_dict()
    assert config.to_dict() == before | change | reset
    name = next(iter(reset))
    with pytest.raises(InputError, match=f"{flag(name)}.* has no effect"):
        preset_config(preset, **change, **{name: before[name]})


def test_a_one_sided_preset_becomes_a_cyclegan_with_a_weak_cycle():
    config = preset_config("cpu", model="cyclegan")
    assert config == TrainConfig(
        **PRESETS["cpu"]().to_dict() | {"model": "cyclegan", "cycle_weight": 2.0}
    )
    assert preset_config("cpu", model="cyclegan", cycle_weight=5.0).cycle_weight == 5


def test_config_cannot_be_changed_in_place():
    with pytest.raises(dataclasses.FrozenInstanceError):
        TrainConfig().batch_size = 2


@pytest.mark.parametrize("name", PRESETS)
def test_every_preset_is_valid_and_says_its_command(name):
    assert PRESETS[name]().image_size in (64, 128, 256)
    assert "python -m cyclegan_tf.train" in PRESETS[name].__doc__


def test_notebook_preset_is_the_reference_recipe():
    config = PRESETS["notebook"]()
    assert (config.generator, config.adversarial_loss) == ("unet", "bce")
    assert (config.learning_rate, config.beta_1) == (2e-4, 0.5)
    assert (config.cycle_weight, config.identity_weight) == (10.0, 5.0)


def test_paper_preset_is_the_papers():
    config = PRESETS["paper"]()
    assert (config.generator, config.residual_blocks, config.norm) == ("resnet", 9, "instance")
    assert (config.adversarial_loss, config.pool_size, config.batch_size) == ("lsgan", 50, 1)
    assert (config.schedule, config.decay_from, config.epochs) == ("linear", 0.5, 200)
    assert (config.cycle_weight, config.identity_weight) == (10.0, 5.0)


def test_unknown_preset_is_refused_with_the_choices():
    with pytest.raises(InputError, match="choose one of: demo"):
        preset_config("monet")


def test_two_numbers_are_a_range():
    config = TrainConfig(range=[0, 4095])
    assert config.range == (0.0, 4095.0)
    assert TrainConfig.from_dict(config.to_dict()) == config
    with pytest.raises(InputError, match="--range is 9 9; expected the lower value first"):
        TrainConfig(range=(9, 9))
    with pytest.raises(InputError, match=r"--range is \[1\]; expected two numbers or null"):
        TrainConfig(range=[1])
    with pytest.raises(InputError, match="--range is 'x'; expected float"):
        TrainConfig(range=["x", 1])


def test_pictures_have_one_channel_or_three():
    assert TrainConfig(channels=1).channels == 1
    with pytest.raises(InputError, match=r"--channels is 2; expected 1 \(grey\) or 3"):
        TrainConfig(channels=2)


def test_home_is_found_in_paths_alone(monkeypatch):
    monkeypatch.setenv("HOME", "/home/me")
    config = TrainConfig(data="~/set")
    assert config.data == "/home/me/set"
    assert TrainConfig(data="gs://bucket/~set").data == "gs://bucket/~set"

"""CycleGan: two generators, two discriminators, and the step that trains them.

In the letters of Zhu et al. 2017: X is domain A, Y is domain B, G is `generator_ab`, F is
`generator_ba`, D_X is `discriminator_a`, D_Y is `discriminator_b`.
"""

from dataclasses import dataclass, field

import keras
import tensorflow as tf

from cyclegan_tf.models.adversarial import AdversarialModel, Images, Losses
from cyclegan_tf.models.losses import AdversarialLoss, CrossEntropy, Logits, mean_absolute_error
from cyclegan_tf.models.memory import read_once
from cyclegan_tf.models.player import Found
from cyclegan_tf.models.stabilizers import ImagePool, Stabilizers

LOG_KEYS = (
    "gen_ab_loss",
    "gen_ba_loss",
    "disc_a_loss",
    "disc_b_loss",
    "cycle_loss",
    "identity_loss",
    "disc_a_real_accuracy",
    "disc_a_fake_accuracy",
    "disc_b_real_accuracy",
    "disc_b_fake_accuracy",
)

# For A and B: DiffAugment's, or those of the gradient penalty.
Draws = tuple[tf.Tensor, tf.Tensor] | tuple[None, None]
# For A and B: the logits of a discriminator, of each of its heads.
Verdicts = tuple[Logits, Logits] | tuple[None, None]


@dataclass(frozen=True)
class Objective:
    """What a CycleGan minimizes.

    Attributes:
        adversarial_a: objective of `discriminator_a` and of the generator it judges.
        adversarial_b: objective of `discriminator_b` and of the generator it judges.
        cycle_weight: weight of cycle consistency (Zhu et al. 2017, section 3.3).
        identity_weight: weight of the identity loss (section 5.2); 0 saves two forward passes.
        cycle_weight_end: what the cycle weight has become at the last step; None: constant.
        identity_weight_end: the same of the identity weight.
    """

    adversarial_a: AdversarialLoss = field(default_factory=CrossEntropy)
    adversarial_b: AdversarialLoss = field(default_factory=CrossEntropy)
    cycle_weight: float = 10.0
    identity_weight: float = 5.0
    cycle_weight_end: float | None = None
    identity_weight_end: float | None = None


class CycleGan(AdversarialModel):
    """Learns to translate between two image domains from unpaired examples.

    Trains under `fit` on batches `(real_a, real_b)`; calling it translates A into B. It logs the
    means of `LOG_KEYS`: `gen_ab_loss` is all that `generator_ab` is trained on (adversarial,
    cycle and its identity loss, weighted); `cycle_loss` and `identity_loss` are the unweighted
    sums over both domains; the accuracies are shares of patches judged rightly.

    Args:
        generator_ab: translates A into B.
        generator_ba: translates B into A.
        discriminator_a: tells real A from fake A, by logits.
        discriminator_b: tells real B from fake B, by logits.
        objective: what is minimized.
        stabilizers: what keeps the players in balance.
        seed: of pools, augmentation and penalties.

    Reference: Zhu et al. 2017, arXiv:1703.10593, section 3.
    """

    def __init__(
        self,
        generator_ab: keras.Model,
        generator_ba: keras.Model,
        discriminator_a: keras.Model,
        discriminator_b: keras.Model,
        objective: Objective = Objective(),
        stabilizers: Stabilizers = Stabilizers(),  # noqa: B008 - frozen
        *,
        seed: int = 0,
    ) -> None:
        generators, discriminators = (
            (generator_ab, generator_ba),
            (discriminator_a, discriminator_b),
        )
        super().__init__(
            generators, discriminators, stabilizers, LOG_KEYS, seed=seed, name="cyclegan"
        )
        self.generator_ab, self.generator_ba = generators
        self.discriminator_a, self.discriminator_b = discriminators
        self.objective = objective
        size = stabilizers.pool_size
        self.pool_a, self.pool_b = (
            ImagePool(size, seed=seed + place) if size else keras.layers.Identity(dtype="float32")
            for place in (2, 3)
        )

    def call(self, real_a: Images, training: bool = False) -> Images:
        """Translates A into B."""
        return self.generator_ab(real_a, training=training)

    def train_step(self, batch: tuple[Images, Images]) -> Losses:
        """One step of both generators, then of both discriminators on the same fakes."""
        if self.stabilizers.same_fakes:
            return self._joint_step(batch)

        def generators(real_a: Images, real_b: Images, draws: Draws) -> Found:
            with tf.GradientTape() as tape:
                with read_once(self.generators + self.discriminators):
                    fakes, _, losses = self.generator_losses(real_a, real_b, draws)
                loss = self.generator_optimizer.scale_loss(self.generator_objective(losses))
            return self.gradients(tape, loss, self.generator_variables), losses, fakes

        def discriminators(images: tuple[Images, ...], draws: Draws, mixes: Draws) -> Found:
            with tf.GradientTape() as tape:
                losses = self.both_discriminator_losses(*images, draws, mixes)
                objective = self.discriminator_objective(losses)
                loss = self.discriminator_optimizer.scale_loss(objective)
            return self.gradients(tape, loss, self.discriminator_variables), losses, ()

        real_a, real_b = batch
        count = real_a.shape[0]
        draws = self.draw(count), self.draw(count)
        gradients, losses, (fake_a, fake_b) = self.in_parts(generators, real_a, real_b, draws)
        self.update_generators(gradients)

        older_a, older_b = (
            self.remembered(self.pool_a, fake_a),
            self.remembered(self.pool_b, fake_b),
        )
        # else a graph begins with them at once, in the memory of both players
        with tf.control_dependencies(gradients):
            real_a, real_b, older_a, older_b = map(tf.identity, (real_a, real_b, older_a, older_b))
        for _ in range(self.stabilizers.discriminator_steps):
            mixes = self.draw_mix(count), self.draw_mix(count)
            images = real_a, real_b, older_a, older_b
            gradients, found, _ = self.in_parts(discriminators, images, draws, mixes)
            self.update_discriminators(gradients)
        self.finish_step()
        return self.averaged(losses | found, count)

    def test_step(self, batch: tuple[Images, Images]) -> Losses:
        """The losses of the averaged generators, without training or augmentation."""
        real_a, real_b = batch
        fakes, verdicts, losses = self.generator_losses(real_a, real_b)
        losses |= self.both_discriminator_losses(real_a, real_b, *fakes, verdicts=verdicts)
        # the last batch may be smaller
        return self.averaged(losses, tf.shape(real_a)[0], by_images=True)

    def _joint_step(self, batch: tuple[Images, Images]) -> Losses:
        """The same step where both sides see the same fakes: judged once, for both."""

        def players(real_a: Images, real_b: Images, draws: Draws) -> Found:
            # the outer tape sees nothing of the generators, whom its loss must not reach
            with tf.GradientTape(watch_accessed_variables=False) as outer:
                outer.watch([variable.value for variable in self.discriminator_variables])
                with tf.GradientTape() as tape:
                    with read_once(self.generators + self.discriminators):
                        fakes, verdicts, losses = self.generator_losses(real_a, real_b, draws)
                    loss = self.generator_optimizer.scale_loss(self.generator_objective(losses))
                with outer.stop_recording():
                    gradients = self.gradients(tape, loss, self.generator_variables)
                with tf.control_dependencies(gradients):  # as in the other step
                    reals = tf.identity(real_a), tf.identity(real_b)
                losses |= self.both_discriminator_losses(*reals, *fakes, draws, verdicts=verdicts)
                objective = self.discriminator_objective(losses)
                disc_loss = self.discriminator_optimizer.scale_loss(objective)
            gradients += self.gradients(outer, disc_loss, self.discriminator_variables)
            return gradients, losses, ()

        real_a, real_b = batch
        count = real_a.shape[0]
        draws = self.draw(count), self.draw(count)
        gradients, losses, _ = self.in_parts(players, real_a, real_b, draws)
        generators = len(self.generator_variables)
        self.update_generators(gradients[:generators])
        self.update_discriminators(gradients[generators:])
        self.finish_step()
        return self.averaged(losses, count)

    def generator_losses(
        self, real_a: Images, real_b: Images, draws: Draws = (None, None)
    ) -> tuple[tuple[Images, Images], Verdicts, Losses]:
        """Translates both ways and back.

        Args:
            real_a: images of domain A.
            real_b: images of domain B.
            draws: of DiffAugment; without them nothing is augmented or dropped out, and the
                averages of the generators translate.

        Returns:
            The fakes of A and B; the discriminators' logits of them; and the losses
            `gen_ab_loss`, `gen_ba_loss`, `cycle_loss` and `identity_loss`.
        """
        training = draws[0] is not None
        objective, (draw_a, draw_b) = self.objective, draws
        adversarial_a, adversarial_b = objective.adversarial_a, objective.adversarial_b
        generator_ab, generator_ba = self.generators if training else self.averages
        if objective.identity_weight:
            fake_b, same_b = _together(generator_ab, real_a, real_b, training=training)
            fake_a, same_a = _together(generator_ba, real_b, real_a, training=training)
            identity_a = mean_absolute_error(real_a, same_a)
            identity_b = mean_absolute_error(real_b, same_b)
        else:
            fake_b = generator_ab(real_a, training=training)
            fake_a = generator_ba(real_b, training=training)
            identity_a = identity_b = tf.constant(0.0)
        cycled_a = generator_ba(fake_b, training=training)
        cycled_b = generator_ab(fake_a, training=training)
        cycle_loss = mean_absolute_error(real_a, cycled_a) + mean_absolute_error(real_b, cycled_b)

        logits_b = self.discriminator_b(self.seen(fake_b, draw_b), training=training)
        logits_a = self.discriminator_a(self.seen(fake_a, draw_a), training=training)
        cycle = self.falling(objective.cycle_weight, objective.cycle_weight_end) * cycle_loss
        weight = self.falling(objective.identity_weight, objective.identity_weight_end)
        losses = {
            "gen_ab_loss": adversarial_b.generator(logits_b) + cycle + weight * identity_b,
            "gen_ba_loss": adversarial_a.generator(logits_a) + cycle + weight * identity_a,
            "cycle_loss": cycle_loss,
            "identity_loss": identity_a + identity_b,
        }
        return (fake_a, fake_b), (logits_a, logits_b), losses

    def generator_objective(self, losses: Losses) -> tf.Tensor:
        """One scalar whose gradient is, for each generator, that of its own loss.

        The adversarial and identity losses of one generator do not depend on the other; the cycle
        loss is part of both totals and must count once.
        """
        objective = self.objective
        weight = self.falling(objective.cycle_weight, objective.cycle_weight_end)
        return losses["gen_ab_loss"] + losses["gen_ba_loss"] - weight * losses["cycle_loss"]

    def discriminator_objective(self, losses: Losses) -> tf.Tensor:
        """One scalar whose gradient is, for each discriminator, that of its own loss."""
        return losses["disc_a_loss"] + losses["disc_b_loss"]

    def both_discriminator_losses(
        self,
        real_a: Images,
        real_b: Images,
        fake_a: Images,
        fake_b: Images,
        draws: Draws = (None, None),
        mixes: Draws = (None, None),
        verdicts: Verdicts = (None, None),
    ) -> Losses:
        """Losses and accuracies of both discriminators on real images and given fakes.

        Args:
            real_a: images of domain A.
            real_b: images of domain B.
            fake_a: fakes of domain A.
            fake_b: fakes of domain B.
            draws: of DiffAugment; none while testing.
            mixes: of the gradient penalty; not needed without one.
            verdicts: the logits of these fakes, where they are known.
        """
        objective, (draw_a, draw_b), (mix_a, mix_b) = self.objective, draws, mixes
        adversarial_a, adversarial_b = objective.adversarial_a, objective.adversarial_b
        disc_a, disc_b, (fakes_a, fakes_b) = self.discriminator_a, self.discriminator_b, verdicts
        return self.discriminator_losses(
            "disc_a", disc_a, adversarial_a, real_a, fake_a, draw_a, mix_a, fakes_a
        ) | self.discriminator_losses(
            "disc_b", disc_b, adversarial_b, real_b, fake_b, draw_b, mix_b, fakes_b
        )


def _together(network: keras.Model, *batches: Images, training: bool) -> list[Images]:
    """What a network makes of equal batches, in one pass: it reads and grades its weights once.

    Right for networks that see each image alone, as all of a CycleGan do.
    """
    return tf.split(network(tf.concat(batches, 0), training=training), len(batches))

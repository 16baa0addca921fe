"""CycleGan: two generators, two discriminators, and the step that trains them.

In the letters of Zhu et al. 2017: X is domain A, Y is domain B, G is `generator_ab`, F is
`generator_ba`, D_X is `discriminator_a`, D_Y is `discriminator_b`.
"""

from typing import Any

import keras
import tensorflow as tf

from cyclegan_tf.losses import AdversarialLoss, mean_absolute_error

Images = tf.Tensor  # (n, h, w, 3) float32 in [-1, 1]

LOSS_KEYS = (
    "gen_ab_loss",
    "gen_ba_loss",
    "disc_a_loss",
    "disc_b_loss",
    "cycle_loss",
    "identity_loss",
)


class CycleGan(keras.Model):
    """Learns to translate between two image domains from unpaired examples.

    Trains under `fit` on batches `(real_a, real_b)`; calling it translates A into B. Logs the
    keys of `LOSS_KEYS`: `gen_ab_loss` is all that `generator_ab` is trained on (adversarial,
    cycle and its identity loss, weighted); `cycle_loss` and `identity_loss` are the unweighted
    sums over both domains.

    Args:
        generator_ab: translates A into B.
        generator_ba: translates B into A.
        discriminator_a: tells real A from fake A, by logits.
        discriminator_b: tells real B from fake B, by logits.
        adversarial_loss: the objective of generators and discriminators.
        cycle_weight: weight of cycle consistency.
        identity_weight: weight of the identity loss; 0 saves its two forward passes.

    Reference: Zhu et al. 2017, arXiv:1703.10593, section 3.
    """

    def __init__(
        self,
        generator_ab: keras.Model,
        generator_ba: keras.Model,
        discriminator_a: keras.Model,
        discriminator_b: keras.Model,
        *,
        adversarial_loss: AdversarialLoss,
        cycle_weight: float = 10.0,
        identity_weight: float = 5.0,
    ) -> None:
        super().__init__(name="cyclegan")
        self.generator_ab = generator_ab
        self.generator_ba = generator_ba
        self.discriminator_a = discriminator_a
        self.discriminator_b = discriminator_b
        self.adversarial_loss = adversarial_loss
        self.cycle_weight = cycle_weight
        self.identity_weight = identity_weight
        self.means = {key: keras.metrics.Mean(name=key) for key in LOSS_KEYS}
        self.built = True  # its four parts are

    def compile(
        self,
        generator_optimizer: keras.optimizers.Optimizer,
        discriminator_optimizer: keras.optimizers.Optimizer,
        **options: Any,
    ) -> None:
        """Takes one optimizer for both generators and one for both discriminators.

        An element-wise optimizer such as Adam does the same with the joint variables as one
        optimizer for each network would.

        Args:
            generator_optimizer: of both generators.
            discriminator_optimizer: of both discriminators.
            **options: of `keras.Model.compile`, for example `jit_compile`.
        """
        super().compile(optimizer=None, **options)
        self.generator_optimizer = generator_optimizer
        self.discriminator_optimizer = discriminator_optimizer
        generator_optimizer.build(self.generator_variables)
        discriminator_optimizer.build(self.discriminator_variables)

    @property
    def generator_variables(self) -> list[keras.Variable]:
        """Trainable variables of both generators."""
        return self.generator_ab.trainable_variables + self.generator_ba.trainable_variables

    @property
    def discriminator_variables(self) -> list[keras.Variable]:
        """Trainable variables of both discriminators."""
        return self.discriminator_a.trainable_variables + self.discriminator_b.trainable_variables

    def call(self, real_a: Images, training: bool = False) -> Images:
        """Translates A into B."""
        return self.generator_ab(real_a, training=training)

    def train_step(self, batch: tuple[Images, Images]) -> dict[str, tf.Tensor]:
        """One step of both generators, then one of both discriminators on the same fakes."""
        real_a, real_b = batch
        with tf.GradientTape() as tape:
            fake_a, fake_b, losses = self.generator_losses(real_a, real_b, training=True)
            loss = self.generator_optimizer.scale_loss(self.generator_objective(losses))
        gradients = tape.gradient(loss, self.generator_variables)
        self.generator_optimizer.apply(gradients, self.generator_variables)

        with tf.GradientTape() as tape:
            losses |= self.discriminator_losses(real_a, real_b, fake_a, fake_b, training=True)
            loss = losses["disc_a_loss"] + losses["disc_b_loss"]
            loss = self.discriminator_optimizer.scale_loss(loss)
        gradients = tape.gradient(loss, self.discriminator_variables)
        self.discriminator_optimizer.apply(gradients, self.discriminator_variables)
        return self._averaged(losses)

    def test_step(self, batch: tuple[Images, Images]) -> dict[str, tf.Tensor]:
        """The losses of `train_step` without training."""
        real_a, real_b = batch
        fake_a, fake_b, losses = self.generator_losses(real_a, real_b, training=False)
        losses |= self.discriminator_losses(real_a, real_b, fake_a, fake_b, training=False)
        return self._averaged(losses)

    def generator_losses(
        self, real_a: Images, real_b: Images, *, training: bool
    ) -> tuple[Images, Images, dict[str, tf.Tensor]]:
        """Translates both ways and back.

        Returns:
            `fake_a`, `fake_b` and the losses `gen_ab_loss`, `gen_ba_loss`, `cycle_loss` and
            `identity_loss`.
        """
        fake_b = self.generator_ab(real_a, training=training)
        fake_a = self.generator_ba(real_b, training=training)
        cycled_a = self.generator_ba(fake_b, training=training)
        cycled_b = self.generator_ab(fake_a, training=training)
        cycle_loss = mean_absolute_error(real_a, cycled_a) + mean_absolute_error(real_b, cycled_b)
        identity_a, identity_b = self._identity_losses(real_a, real_b, training=training)

        adversarial_b = self.adversarial_loss.generator(
            self.discriminator_b(fake_b, training=training)
        )
        adversarial_a = self.adversarial_loss.generator(
            self.discriminator_a(fake_a, training=training)
        )
        shared = self.cycle_weight * cycle_loss
        losses = {
            "gen_ab_loss": adversarial_b + shared + self.identity_weight * identity_b,
            "gen_ba_loss": adversarial_a + shared + self.identity_weight * identity_a,
            "cycle_loss": cycle_loss,
            "identity_loss": identity_a + identity_b,
        }
        return fake_a, fake_b, losses

    def generator_objective(self, losses: dict[str, tf.Tensor]) -> tf.Tensor:
        """One scalar whose gradient is, for each generator, that of its own loss.

        The adversarial and identity losses of one generator do not depend on the other; the cycle
        loss is part of both totals and must count once.
        """
        both = losses["gen_ab_loss"] + losses["gen_ba_loss"]
        return both - self.cycle_weight * losses["cycle_loss"]

    def discriminator_losses(
        self, real_a: Images, real_b: Images, fake_a: Images, fake_b: Images, *, training: bool
    ) -> dict[str, tf.Tensor]:
        """The losses `disc_a_loss` and `disc_b_loss` on real images and given fakes."""
        losses = {}
        for key, discriminator, real, fake in (
            ("disc_a_loss", self.discriminator_a, real_a, fake_a),
            ("disc_b_loss", self.discriminator_b, real_b, fake_b),
        ):
            real_logits = discriminator(real, training=training)
            # fakes come as constants: this loss must not reach the generators
            fake_logits = discriminator(tf.stop_gradient(fake), training=training)
            losses[key] = self.adversarial_loss.discriminator(real_logits, fake_logits)
        return losses

    def _identity_losses(
        self, real_a: Images, real_b: Images, *, training: bool
    ) -> tuple[tf.Tensor, tf.Tensor]:
        if not self.identity_weight:
            return tf.constant(0.0), tf.constant(0.0)
        same_a = self.generator_ba(real_a, training=training)
        same_b = self.generator_ab(real_b, training=training)
        return mean_absolute_error(real_a, same_a), mean_absolute_error(real_b, same_b)

    def _averaged(self, losses: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        for key, mean in self.means.items():
            mean.update_state(losses[key])
        return {key: mean.result() for key, mean in self.means.items()}

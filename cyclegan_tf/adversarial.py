"""AdversarialModel: what CycleGan and DcGan share, two sides that are trained in turn."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import keras
import tensorflow as tf

from cyclegan_tf import workers
from cyclegan_tf.augment import DiffAugment
from cyclegan_tf.losses import AdversarialLoss, share_called_real
from cyclegan_tf.optim import progress, update_average
from cyclegan_tf.penalties import gradient_penalty, r1_penalty

Images = tf.Tensor  # (n, h, w, 3) float32 in [-1, 1]
Losses = dict[str, tf.Tensor]


@dataclass(frozen=True)
class Stabilizers:
    """What keeps the two sides in balance; 0 and False turn each off.

    Attributes:
        pool_size: fakes remembered for the discriminators (Shrivastava et al. 2017).
        augment_color: DiffAugment's colours (Zhao et al. 2020).
        augment_geometry: DiffAugment's translation and cutout.
        ema_decay: of the moving average of the generators' weights.
        discriminator_steps: updates of the discriminators, on the same images, after each of the
            generators.
        r1_weight: of the R1 penalty on real images.
        penalty_weight: of the gradient penalty between real and fake images.
    """

    pool_size: int = 0
    augment_color: bool = False
    augment_geometry: bool = False
    ema_decay: float = 0.0
    discriminator_steps: int = 1
    r1_weight: float = 0.0
    penalty_weight: float = 0.0


class AdversarialModel(keras.Model):
    """Generators on one side, discriminators on the other, an optimizer for each side.

    Args:
        generators: networks of the one side.
        discriminators: networks of the other.
        stabilizers: what keeps them in balance.
        log_keys: of the scalars that a step reports; their means are logged.
        seed: of pools, augmentation and penalties.
        name: of the model.

    Attributes:
        averages: moving averages of the generators; the generators themselves without EMA.
        total_steps: steps of the whole training; schedules and falling weights read it.
        step_number: steps done.
    """

    def __init__(
        self,
        generators: Sequence[keras.Model],
        discriminators: Sequence[keras.Model],
        stabilizers: Stabilizers,
        log_keys: Sequence[str],
        *,
        seed: int,
        name: str,
    ) -> None:
        super().__init__(name=name)
        self.generators = list(generators)
        self.discriminators = list(discriminators)
        self.stabilizers = stabilizers
        averaged = stabilizers.ema_decay > 0
        self.averages = [_copy(g) for g in generators] if averaged else self.generators
        self.random = keras.random.SeedGenerator(seed)
        self.diff_augment = DiffAugment(
            color=stabilizers.augment_color,
            geometry=stabilizers.augment_geometry,
            random=self.random,
        )
        self.means = {key: keras.metrics.Mean(name=key) for key in log_keys}
        self.total_steps = keras.Variable(1, dtype="int64", trainable=False, name="total_steps")
        self.step_number = keras.Variable(0, dtype="int64", trainable=False, name="step_number")
        self.built = True  # its networks are

    def compile(
        self,
        generator_optimizer: keras.optimizers.Optimizer,
        discriminator_optimizer: keras.optimizers.Optimizer,
        **options: Any,
    ) -> None:
        """Takes one optimizer for all generators and one for all discriminators.

        An element-wise optimizer such as Adam does the same with the joint variables as one
        optimizer for each network would.

        Args:
            generator_optimizer: of the generators.
            discriminator_optimizer: of the discriminators.
            **options: of `keras.Model.compile`, for example `jit_compile`.
        """
        super().compile(optimizer=None, **options)
        self.generator_optimizer = generator_optimizer
        self.discriminator_optimizer = discriminator_optimizer
        generator_optimizer.build(self.generator_variables)
        discriminator_optimizer.build(self.discriminator_variables)

    @property
    def generator_variables(self) -> list[keras.Variable]:
        """Trainable variables of all generators."""
        return [v for network in self.generators for v in network.trainable_variables]

    @property
    def discriminator_variables(self) -> list[keras.Variable]:
        """Trainable variables of all discriminators."""
        return [v for network in self.discriminators for v in network.trainable_variables]

    def update_generators(self, tape: tf.GradientTape, scaled_loss: tf.Tensor) -> None:
        """One step of the generators' optimizer."""
        variables = self.generator_variables
        self.generator_optimizer.apply(_gradients(tape, scaled_loss, variables), variables)

    def update_discriminators(self, tape: tf.GradientTape, scaled_loss: tf.Tensor) -> None:
        """One step of the discriminators' optimizer."""
        variables = self.discriminator_variables
        self.discriminator_optimizer.apply(_gradients(tape, scaled_loss, variables), variables)

    def seen(self, images: Images, draw: tf.Tensor | None) -> Images:
        """What a discriminator is shown: augmented as drawn, or as it is where nothing is."""
        return images if draw is None else self.diff_augment.apply(images, draw)

    def discriminator_losses(
        self,
        key: str,
        discriminator: keras.Model,
        adversarial: AdversarialLoss,
        real: Images,
        fake: Images,
        draw: tf.Tensor | None,
    ) -> Losses:
        """The loss of one discriminator, and how often it is right.

        Args:
            key: what its log keys begin with.
            discriminator: is shown real images and fakes, augmented alike.
            adversarial: its objective.
            real: real images.
            fake: fakes, taken as constants: this loss must not reach the generators.
            draw: of DiffAugment; None while testing: no augmentation, dropout or penalty.

        Returns:
            `KEY_loss`, and `KEY_real_accuracy` and `KEY_fake_accuracy`, the shares of real and
            of fake patches that it calls by their names.
        """
        training = draw is not None
        real, fake = self.seen(real, draw), self.seen(tf.stop_gradient(fake), draw)
        real_logits = discriminator(real, training=training)
        fake_logits = discriminator(fake, training=training)
        loss = adversarial.discriminator(real_logits, fake_logits)
        if training:
            loss += self._penalties(discriminator, real, fake)
        return {
            f"{key}_loss": loss,
            f"{key}_real_accuracy": share_called_real(real_logits, adversarial.threshold),
            f"{key}_fake_accuracy": 1.0 - share_called_real(fake_logits, adversarial.threshold),
        }

    def falling(self, start: float, end: float | None) -> float | tf.Tensor:
        """A weight that moves in a straight line over the training; constant without an end."""
        if end is None:
            return start
        return start + (end - start) * progress(self.step_number, self.total_steps)

    def finish_step(self) -> None:
        """Counts the step and moves the averages."""
        if self.stabilizers.ema_decay:
            for average, network in zip(self.averages, self.generators, strict=True):
                decay = self.stabilizers.ema_decay
                update_average(average, network, decay=decay, step=self.step_number)
        self.step_number.assign_add(1)

    def averaged(self, losses: Losses) -> Losses:
        """The running means that Keras logs."""
        for key, mean in self.means.items():
            mean.update_state(losses[key])
        return {key: workers.loggable(mean.result()) for key, mean in self.means.items()}

    def _maybe_symbolic_build(self, *args: Any, **options: Any) -> None:
        """Nothing to build; Keras would look for it with a batch, and fails on several machines."""

    def _penalties(self, discriminator: keras.Model, real: Images, fake: Images) -> tf.Tensor:
        penalty = tf.constant(0.0)
        if self.stabilizers.r1_weight:
            penalty += self.stabilizers.r1_weight * r1_penalty(discriminator, real)
        if self.stabilizers.penalty_weight:
            mix = keras.random.uniform((real.shape[0],), seed=self.random)
            slope = gradient_penalty(discriminator, real, fake, mix)
            penalty += self.stabilizers.penalty_weight * slope
        return penalty


def _gradients(
    tape: tf.GradientTape, loss: tf.Tensor, variables: list[keras.Variable]
) -> list[tf.Tensor]:
    """Gradients of this replica's share of the mean over the global batch."""
    # optimizers sum over replicas; what they must take is the mean
    replicas = tf.distribute.get_replica_context().num_replicas_in_sync
    return tape.gradient(loss, variables, output_gradients=tf.constant(1.0 / replicas))


def _copy(network: keras.Model) -> keras.Model:
    """The same network with the same weights, named NAME_ema."""
    copy = network.from_config({**network.get_config(), "name": f"{network.name}_ema"})
    copy.set_weights(network.get_weights())
    copy.trainable = False
    return copy

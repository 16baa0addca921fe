"""AdversarialModel: what CycleGan and DcGan share, two sides that are trained in turn."""

from collections.abc import Callable, Sequence
from typing import Any, NoReturn

import keras
import tensorflow as tf

from cyclegan_tf.distribution import replicas
from cyclegan_tf.models import player as accumulation
from cyclegan_tf.models.losses import AdversarialLoss, Logits, share_called_real
from cyclegan_tf.models.memory import add_late
from cyclegan_tf.models.optimizers import progress, takes_totals, update_average
from cyclegan_tf.models.stabilizers import DiffAugment, Stabilizers, gradient_penalty, r1_penalty

Images = tf.Tensor  # (n, h, w, 3) float32 in [-1, 1]
Losses = dict[str, tf.Tensor]


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
        self.means = {key: replicas.RunningMean(name=key) for key in log_keys}
        # every replica counts for itself, and to the same number
        integer = {"dtype": "int64", "trainable": False, "aggregation": "none"}
        self.total_steps = keras.Variable(1, name="total_steps", **integer)
        self.step_number = keras.Variable(0, name="step_number", **integer)
        self.built = True  # its networks are

    def compile(
        self,
        generator_optimizer: keras.optimizers.Optimizer,
        discriminator_optimizer: keras.optimizers.Optimizer,
        *,
        gradient_accumulation: int = 1,
        **options: Any,
    ) -> None:
        """Takes one optimizer for all generators and one for all discriminators.

        An element-wise optimizer such as Adam does the same with the joint variables as one
        optimizer for each network would.

        Args:
            generator_optimizer: of the generators.
            discriminator_optimizer: of the discriminators.
            gradient_accumulation: parts in which each batch is worked off to save memory.
            **options: of `keras.Model.compile`, for example `jit_compile`.

        Raises:
            ValueError: for several replicas, if an optimizer would sum over them once more.
        """
        optimizers = (generator_optimizer, discriminator_optimizer)
        if replicas.count() > 1 and not all(map(takes_totals, optimizers)):
            raise ValueError(
                "Several replicas need optimizers that take the sum of their gradients; make them "
                f"with optim.adam. Received: {', '.join(type(o).__name__ for o in optimizers)}"
            )
        super().compile(optimizer=None, **options)
        self.gradient_accumulation = gradient_accumulation
        self.generator_optimizer = generator_optimizer
        self.discriminator_optimizer = discriminator_optimizer
        generator_optimizer.build(self.generator_variables)
        discriminator_optimizer.build(self.discriminator_variables)

    @property
    def steps_done(self) -> int:
        """`step_number`, as an integer; outside of the step."""
        return int(keras.ops.convert_to_numpy(self.step_number))

    @property
    def generator_variables(self) -> list[keras.Variable]:
        """Trainable variables of all generators."""
        return [v for network in self.generators for v in network.trainable_variables]

    @property
    def discriminator_variables(self) -> list[keras.Variable]:
        """Trainable variables of all discriminators."""
        return [v for network in self.discriminators for v in network.trainable_variables]

    @property
    def state_variables(self) -> list[keras.Variable]:
        """All that the next step depends on: networks, averages, pools, seeds, both optimizers."""
        optimizers = (self.generator_optimizer, self.discriminator_optimizer)
        return self.variables + [v for optimizer in optimizers for v in optimizer.variables]

    def draw(self, count: int) -> tf.Tensor:
        """DiffAugment's draws for this replica's `count` images of the global batch."""
        return replicas.share(self.diff_augment.draw(replicas.count() * count))

    def draw_mix(self, count: int) -> tf.Tensor:
        """`(count,)` in [0, 1) for the gradient penalty; 0 where there is none."""
        if not self.stabilizers.penalty_weight:
            return tf.zeros([count])
        return replicas.share(keras.random.uniform((replicas.count() * count,), seed=self.random))

    def remembered(self, pool: keras.layers.Layer, fake: Images) -> Images:
        """What the pool gives for these fakes: it sees those of all replicas, in their order."""
        if not self.stabilizers.pool_size:
            return fake
        return replicas.share(pool(replicas.gather(fake)))

    def in_parts(self, work: Callable[..., accumulation.Found], *batch: Any) -> accumulation.Found:
        """`work` on the batch, in as many parts as gradients are accumulated over."""
        return accumulation.in_parts(work, self.gradient_accumulation, *batch)

    def gradients(
        self, tape: tf.GradientTape, scaled_loss: tf.Tensor, variables: list[keras.Variable]
    ) -> list[tf.Tensor]:
        """What this part of the batch adds to the gradient of the mean over the global batch."""
        # Taken on the way back, not from its result: in float16 each image then has the same
        # gradients, and over- or underflows alike, however many parts and replicas there are.
        part = tf.constant(1.0 / (replicas.count() * self.gradient_accumulation))
        zero = tf.UnconnectedGradients.ZERO
        gradients = tape.gradient(
            scaled_loss, variables, output_gradients=part, unconnected_gradients=zero
        )
        return add_late(gradients)

    def update_generators(self, gradients: list[tf.Tensor]) -> None:
        """One step of the generators' optimizer, with the gradients of all replicas."""
        # summed before the optimizer clips them, or looks for overflow
        self.generator_optimizer.apply(replicas.total(gradients), self.generator_variables)

    def update_discriminators(self, gradients: list[tf.Tensor]) -> None:
        """One step of the discriminators' optimizer, with the gradients of all replicas."""
        self.discriminator_optimizer.apply(replicas.total(gradients), self.discriminator_variables)

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
        mix: tf.Tensor | None = None,
        fake_logits: Logits | None = None,
    ) -> Losses:
        """The loss of one discriminator, and how often it is right.

        Args:
            key: what its log keys begin with.
            discriminator: is shown real images and fakes, augmented alike.
            adversarial: its objective.
            real: real images.
            fake: fakes, taken as constants: this loss must not reach the generators.
            draw: of DiffAugment; None while testing: no augmentation, dropout or penalty.
            mix: of the gradient penalty; not needed without one.
            fake_logits: what the discriminator says of the fakes, where it has said it; only for
                the gradients of its own weights.

        Returns:
            `KEY_loss`, and `KEY_real_accuracy` and `KEY_fake_accuracy`, the shares of real and
            of fake patches that it calls by their names.
        """
        training = draw is not None
        real, fake = self.seen(real, draw), self.seen(tf.stop_gradient(fake), draw)
        real_logits = discriminator(real, training=training)
        if fake_logits is None:
            fake_logits = discriminator(fake, training=training)
        loss = adversarial.discriminator(real_logits, fake_logits)
        if training:
            loss += self._penalties(discriminator, real, fake, mix)
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

    def averaged(
        self, losses: Losses, images: int | tf.Tensor, *, by_images: bool = False
    ) -> Losses:
        """The running means that Keras logs, over all replicas.

        Under loss scaling, steps that overflow are left out of them, as the optimizers leave them
        out; `guards.StopOnNonFinite` tells when there are too many.

        Args:
            losses: means over this replica's images.
            images: how many those are.
            by_images: a batch counts as many times as it has images; where all batches are of
                one size it need not, and sums of plain losses round less.
        """
        values, everyone = replicas.mean([losses[key] for key in self.means], images)
        weight = everyone if by_images else None
        if isinstance(self.generator_optimizer, keras.optimizers.LossScaleOptimizer):
            finite = tf.reduce_all(tf.math.is_finite(tf.stack(values)))
            values = [tf.where(finite, value, 0.0) for value in values]
            weight = tf.where(finite, 1.0 if weight is None else tf.cast(weight, tf.float32), 0.0)
        for mean, value in zip(self.means.values(), values, strict=True):
            mean.update_state(value, weight)
        return replicas.packed({key: mean.result() for key, mean in self.means.items()})

    def make_train_function(self, force: bool = False) -> None:
        """As Keras does; the step's logs come with their names from several machines, too."""
        if self.train_function is None or force:
            super().make_train_function(force)
            self.train_function = replicas.unpacking(self.train_function, self.means)

    def make_test_function(self, force: bool = False) -> None:
        """The same for the step of `evaluate`."""
        if self.test_function is None or force:
            super().make_test_function(force)
            self.test_function = replicas.unpacking(self.test_function, self.means)

    def get_config(self) -> NoReturn:
        """Refuses to be saved as one file; Keras asks for the config to do so.

        Raises:
            TypeError: saying what can be saved.
        """
        name = type(self).__name__
        raise TypeError(
            f"A {name} is not saved whole, but its networks are: a generator alone by "
            "model.generators[0].save('generator.keras'), all numbers by "
            f"model.save_weights('all.weights.h5'), for a {name} that is built alike."
        )

    def _maybe_symbolic_build(self, *args: Any, **options: Any) -> None:
        """Nothing to build; Keras would look for it with a batch, and fails on several machines."""

    def _penalties(
        self, discriminator: keras.Model, real: Images, fake: Images, mix: tf.Tensor | None
    ) -> tf.Tensor:
        penalty = tf.constant(0.0)
        if self.stabilizers.r1_weight:
            penalty += self.stabilizers.r1_weight * r1_penalty(discriminator, real)
        if self.stabilizers.penalty_weight:
            slope = gradient_penalty(discriminator, real, fake, mix)
            penalty += self.stabilizers.penalty_weight * slope
        return penalty


def _copy(network: keras.Model) -> keras.Model:
    """The same network with the same weights, named NAME_ema."""
    copy = network.from_config({**network.get_config(), "name": f"{network.name}_ema"})
    copy.set_weights(network.get_weights())
    copy.trainable = False
    return copy

"""AdversarialModel: what CycleGan and DcGan share, two sides that are trained in turn."""

import inspect
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import keras
import tensorflow as tf
from keras.saving import deserialize_keras_object, serialize_keras_object

from cyclegan_tf.distribution import replicas
from cyclegan_tf.models.internals import NothingToBuild, schedule_of
from cyclegan_tf.models.losses import AdversarialLoss, Logits, share_called_real
from cyclegan_tf.models.optimizers import progress, update_average
from cyclegan_tf.models.player import Images, Losses, Player, Turn, after, move_together
from cyclegan_tf.models.stabilizers import DiffAugment, Stabilizers, gradient_penalty, r1_penalty

# DiffAugment's for each discriminator, None while testing; a model may append its own.
Draws = tuple[tf.Tensor | None, ...]


@dataclass(frozen=True)
class Judge:
    """A discriminator in the game.

    Attributes:
        key: what its log keys begin with.
        network: tells real images from fakes, by logits.
        objective: what it minimizes, and the generator that it judges.
    """

    key: str
    network: keras.Model
    objective: AdversarialLoss


class AdversarialModel(NothingToBuild, keras.Model):
    """Generators on one side, discriminators on the other, an optimizer for each side.

    Args:
        generators: networks of the one side.
        judges: the other side, the discriminators.
        stabilizers: what keeps them in balance.
        log_keys: of the scalars that a step reports; their means are logged.
        seed: of pools, augmentation and penalties.
        name: of the model.

    Attributes:
        players: generators and discriminators, as they move.
        averages: moving averages of the generators; the generators themselves without EMA.
        total_steps: steps of the whole training; schedules and falling weights read it.
        step_number: steps done.
    """

    def __init__(
        self,
        generators: Sequence[keras.Model],
        judges: Sequence[Judge],
        stabilizers: Stabilizers,
        log_keys: Sequence[str],
        *,
        seed: int,
        name: str,
    ) -> None:
        super().__init__(name=name)
        self.generators = list(generators)
        self.discriminators = [judge.network for judge in judges]
        self.judges = tuple(judges)
        self.players = (
            Player(self.generators, others=self.discriminators),
            Player(self.discriminators),
        )
        self.stabilizers = stabilizers
        self.seed = seed
        averaged = stabilizers.ema_decay > 0
        self.averages = [_copy(g) for g in generators] if averaged else self.generators
        self.random = keras.random.SeedGenerator(seed)
        self.diff_augment = DiffAugment(
            color=stabilizers.augment_color,
            geometry=stabilizers.augment_geometry,
            mirrored=stabilizers.mirrored,
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
        """
        super().compile(optimizer=None, **options)
        self.compile_options = {"gradient_accumulation": gradient_accumulation, **options}
        self.generator_optimizer = generator_optimizer
        self.discriminator_optimizer = discriminator_optimizer
        optimizers = (generator_optimizer, discriminator_optimizer)
        for player, optimizer in zip(self.players, optimizers, strict=True):
            player.optimizer, player.parts = optimizer, gradient_accumulation
            optimizer.build(player.variables)

    @property
    def steps_done(self) -> int:
        """`step_number`, as an integer; outside of the step."""
        return int(keras.ops.convert_to_numpy(self.step_number))

    @property
    def judges_once(self) -> bool:
        """Whether one look of the discriminators at the fakes serves both sides."""
        return self.stabilizers.same_fakes

    @property
    def state_variables(self) -> list[keras.Variable]:
        """All that the next step depends on: networks, averages, pools, seeds, both optimizers."""
        optimizers = (self.generator_optimizer, self.discriminator_optimizer)
        return self.variables + [v for optimizer in optimizers for v in optimizer.variables]

    def train_step(self, batch: Any) -> Losses:
        """The generators move, then the discriminators, on the same fakes.

        Reference: Goodfellow et al. 2014, arXiv:1406.2661, algorithm 1, the generators first.
        """
        real = self.real_images(batch)
        known = real[0].shape[0] is not None  # else the last batch may be smaller
        count = real[0].shape[0] if known else tf.shape(real[0])[0]
        draws = self.draw(count)
        if self.judges_once:
            turns = self.generators_turn, self.discriminators_turn
            losses = move_together(*self.players, *turns, real, draws)
        else:
            generators, discriminators = self.players
            losses, fakes, gradients = generators.move(self.generators_turn, real, draws)
            # D must not begin earlier: memory
            real, fakes = after(gradients, (real, self.replay(fakes)))
            for _ in range(self.stabilizers.discriminator_steps):
                turn = self.discriminators_turn
                judged, *_ = discriminators.move(turn, real, fakes, draws, self.draw_mixes(count))
                losses |= judged
        self.finish_step()
        return self.log(losses, count, by_images=not known)

    def test_step(self, batch: Any) -> Losses:
        """The losses of the averaged generators, without training or augmentation."""
        real = self.real_images(batch)
        count = tf.shape(real[0])[0]  # the last batch may be smaller
        draws = self.draw(count, training=False)
        made = self.generators_turn(real, draws)
        judged = self.discriminators_turn(real, made.fakes, draws, logits=made.logits)
        return self.log(made.losses | judged.losses, count, by_images=True)

    def real_images(self, batch: Any) -> tuple[Images, ...]:
        """The real images of a batch, those of one domain after those of the other."""
        raise TypeError(f"{type(self).__name__} does not say what its batches are")

    def generators_turn(self, real: tuple[Images, ...], draws: Draws) -> Turn:
        """What the generators minimize.

        Args:
            real: as `real_images` gives them.
            draws: as `draw` gives them.
        """
        raise TypeError(f"{type(self).__name__} does not say what its generators minimize")

    def discriminators_turn(
        self,
        real: tuple[Images, ...],
        fakes: tuple[Images, ...],
        draws: Draws,
        mixes: tuple[tf.Tensor, ...] | None = None,
        logits: tuple[Logits, ...] | None = None,
    ) -> Turn:
        """What the discriminators minimize: each its own loss, on real images and fakes.

        Args:
            real: real images, for each discriminator.
            fakes: fakes for each.
            draws: of DiffAugment for each; None while testing.
            mixes: of the gradient penalty for each; not needed without one.
            logits: what each says of its fakes, where that is known.
        """
        losses = {}
        for place, judge in enumerate(self.judges):
            losses |= self.judge_losses(
                judge,
                real[place],
                fakes[place],
                draws[place],
                mixes[place] if mixes else None,
                logits[place] if logits else None,
            )
        return Turn(sum(losses[f"{judge.key}_loss"] for judge in self.judges), losses)

    def judge_losses(
        self,
        judge: Judge,
        real: Images,
        fake: Images,
        draw: tf.Tensor | None,
        mix: tf.Tensor | None,
        fake_logits: Logits | None,
    ) -> Losses:
        """The loss of one discriminator, and how often it is right.

        Args:
            judge: is shown real images and fakes, augmented alike.
            real: real images.
            fake: fakes, taken as constants: this loss must not reach the generators.
            draw: of DiffAugment; None while testing: no augmentation, dropout or penalty.
            mix: of the gradient penalty; not needed without one.
            fake_logits: what it says of the fakes, where it has said it; only for the gradients
                of its own weights.

        Returns:
            `KEY_loss`, and `KEY_real_accuracy` and `KEY_fake_accuracy`, the shares of real and
            of fake patches that it calls by their names.
        """
        training, objective = draw is not None, judge.objective
        real, fake = self.augmented(real, draw), self.augmented(tf.stop_gradient(fake), draw)
        real_logits = judge.network(real, training=training)
        if fake_logits is None:
            fake_logits = judge.network(fake, training=training)
        loss = objective.discriminator(real_logits, fake_logits)
        if training:
            loss += self._penalties(judge.network, real, fake, mix)
        return {
            f"{judge.key}_loss": loss,
            f"{judge.key}_real_accuracy": share_called_real(real_logits, objective),
            f"{judge.key}_fake_accuracy": 1.0 - share_called_real(fake_logits, objective),
        }

    def draw(self, count: int | tf.Tensor, *, training: bool = True) -> Draws:
        """DiffAugment's numbers for this replica's images, one draw for each discriminator.

        Args:
            count: images of each domain.
            training: whether anything is augmented or dropped out; otherwise each is None.
        """
        if not training:
            return (None,) * len(self.judges)
        whole = replicas.count() * count
        return tuple(replicas.shard(self.diff_augment.draw(whole)) for _ in self.judges)

    def draw_mixes(self, count: int | tf.Tensor) -> tuple[tf.Tensor, ...]:
        """`(count,)` in [0, 1) for the gradient penalty of each; 0 where there is none."""
        if not self.stabilizers.penalty_weight:
            return (tf.zeros([count]),) * len(self.judges)
        shape = (replicas.count() * count,)
        return tuple(
            replicas.shard(keras.random.uniform(shape, seed=self.random)) for _ in self.judges
        )

    def replay(self, fakes: tuple[Images, ...]) -> tuple[Images, ...]:
        """What the pools give for these fakes: they see those of all replicas, in their order."""
        if not self.stabilizers.pool_size:
            return fakes
        pairs = zip(self.pools, fakes, strict=True)
        return tuple(replicas.shard(pool(replicas.gather(fake))) for pool, fake in pairs)

    def augmented(self, images: Images, draw: tf.Tensor | None) -> Images:
        """What a discriminator is shown: augmented as drawn, or as it is where nothing is."""
        return images if draw is None else self.diff_augment.apply(images, draw)

    def scheduled(self, start: float, end: float | None) -> float | tf.Tensor:
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

    def log(self, losses: Losses, images: int | tf.Tensor, *, by_images: bool = False) -> Losses:
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

    def get_config(self) -> dict[str, Any]:
        """What `from_config` makes the same model of: its networks, objective and settings."""
        arguments = list(inspect.signature(type(self).__init__).parameters)[1:]
        parts = {name: serialize_keras_object(getattr(self, name)) for name in arguments}
        shapes = [list(pool.images.shape[1:]) for pool in self.pools if hasattr(pool, "images")]
        # first, because Keras prints the config where it does not know the class
        needed = f"from cyclegan_tf import {type(self).__name__}"
        return {"to_load_it_first_run": needed, "pooled": shapes[:1], **parts}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        """Makes what `get_config` has described, with weights of its own."""
        parts = {name: deserialize_keras_object(part) for name, part in config.items()}
        parts.pop("to_load_it_first_run")
        shapes = parts.pop("pooled")
        model = cls(**parts)
        for shape in shapes:
            for pool in model.pools:  # they have weights, too
                pool.build((None, *shape))
        return model

    def get_compile_config(self) -> dict[str, Any] | None:
        """What `compile` was given; None before that."""
        if not self.compiled:
            return None
        optimizers = {
            "generator_optimizer": self.generator_optimizer,
            "discriminator_optimizer": self.discriminator_optimizer,
        }
        return optimizers | self.compile_options

    def compile_from_config(self, config: dict[str, Any]) -> None:
        """Compiles as `get_compile_config` has described; rates fall with this model's steps."""
        self.compile(**deserialize_keras_object(config))
        for optimizer in (self.generator_optimizer, self.discriminator_optimizer):
            schedule = schedule_of(optimizer)
            if hasattr(schedule, "total_steps"):
                schedule.total_steps = self.total_steps

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

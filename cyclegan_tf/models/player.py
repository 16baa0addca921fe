"""Player: one side of the game and how it moves: tape, loss scaling, parts of a batch, replicas."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

import keras
import tensorflow as tf

from cyclegan_tf.distribution import replicas
from cyclegan_tf.models.internals import call_not_inlined, compute_after
from cyclegan_tf.models.networks.layers import Share, sharing_draws
from cyclegan_tf.models.optimizers import takes_totals

Images = tf.Tensor  # (n, h, w, 3) float32 in [-1, 1]
Losses = dict[str, tf.Tensor]


@dataclass(frozen=True)
class Turn:
    """What a player makes of a batch.

    Attributes:
        minimize: scalar whose gradient moves the player.
        losses: scalars for the log, means over the images.
        fakes: what the generators made, a tensor for each of them.
        logits: what the discriminators say of the fakes, each of its own.
    """

    minimize: tf.Tensor
    losses: Losses
    fakes: tuple[Images, ...] = ()
    logits: tuple[Any, ...] = ()


@dataclass(frozen=True)
class Found:
    """What a part of a batch adds to a step.

    Attributes:
        gradients: shares of the gradient of the mean over the global batch.
        losses: means over the part.
        fakes: of the part.
        states: what layers have assigned, by the variable's place among all states.
    """

    gradients: list[tf.Tensor]
    losses: Losses
    fakes: tuple[Images, ...]
    states: dict[int, tf.Tensor]


class Player:
    """One side of the game: its networks and the optimizer that moves them.

    Args:
        networks: what it trains.
        others: networks of the other side that its turn calls, too.

    Attributes:
        optimizer: of the networks; `compile` of the model sets it.
        parts: in which each batch is worked off, to save memory.
    """

    def __init__(self, networks: Sequence[keras.Model], others: Sequence[keras.Model] = ()) -> None:
        self.networks = list(networks)
        self.called = [*networks, *others]
        self.optimizer: keras.optimizers.Optimizer | None = None
        self.parts = 1

    @property
    def variables(self) -> list[keras.Variable]:
        """Trainable variables of all its networks."""
        return [v for network in self.networks for v in network.trainable_variables]

    def move(
        self, turn: Callable[..., Turn], *batch: Any
    ) -> tuple[Losses, tuple[Images, ...], list[tf.Tensor]]:
        """Minimizes what the turn says of the batch: part by part, over all replicas, loss-scaled.

        Args:
            turn: finds out what is to be minimized.
            *batch: what it is given, tensors `(n, ...)` or nested ones.

        Returns:
            The losses, the fakes, and the gradients of this replica.
        """

        def part(states: States, *batch: Any) -> tuple[list[tf.Tensor], Turn]:
            with tf.GradientTape() as tape:
                with states.read_once():
                    found = turn(*batch)
                loss = self.optimizer.scale_loss(found.minimize)
            return self.gradients(tape, loss), found

        found = accumulate(part, self.called, self.parts, *batch)
        self.apply(found.gradients)
        return found.losses, found.fakes, found.gradients

    def gradients(self, tape: tf.GradientTape, scaled_loss: tf.Tensor) -> list[tf.Tensor]:
        """What this part of the batch adds to the gradient of the mean over the global batch."""
        # Taken on the way back, not from its result: in float16 each image then has the same
        # gradients, and over- or underflows alike, however many parts and replicas there are.
        share = tf.constant(1.0 / (replicas.count() * self.parts))
        zero = tf.UnconnectedGradients.ZERO
        gradients = tape.gradient(
            scaled_loss, self.variables, output_gradients=share, unconnected_gradients=zero
        )
        return add_late(gradients)

    def apply(self, gradients: list[tf.Tensor]) -> None:
        """One step of the optimizer, with the gradients of all replicas."""
        if takes_totals(self.optimizer):  # else Keras sums them, after clipping each replica's own
            gradients = replicas.total(gradients)
        self.optimizer.apply(gradients, self.variables)


def move_together(
    generators: Player,
    discriminators: Player,
    generators_turn: Callable[..., Turn],
    discriminators_turn: Callable[..., Turn],
    *batch: Any,
) -> Losses:
    """Both players move at once; what the discriminators say of the fakes serves both of them.

    Numerically the step in which the generators move first, and the discriminators then look at
    the same fakes once more; without that second look.

    Args:
        generators: move by what their turn says of the batch.
        discriminators: move by what their turn says of the batch, the fakes and their logits.
        generators_turn: is given the batch.
        discriminators_turn: is given the real images, the fakes, the draws, and the logits.
        *batch: the real images, and the draws.
    """

    def part(states: States, real: Any, draws: Any) -> tuple[list[tf.Tensor], Turn]:
        # the outer tape sees nothing of the generators, whom its loss must not reach
        with tf.GradientTape(watch_accessed_variables=False) as outer:
            outer.watch([variable.value for variable in discriminators.variables])
            with tf.GradientTape() as tape:
                with states.read_once():
                    made = generators_turn(real, draws)
                loss = generators.optimizer.scale_loss(made.minimize)
            with outer.stop_recording():
                gradients = generators.gradients(tape, loss)
            real = after(gradients, real)  # D must not begin earlier: memory
            with states.read_once(discriminators.networks):
                judged = discriminators_turn(real, made.fakes, draws, logits=made.logits)
            disc_loss = discriminators.optimizer.scale_loss(judged.minimize)
        gradients += discriminators.gradients(outer, disc_loss)
        return gradients, Turn(judged.minimize, made.losses | judged.losses)

    found = accumulate(part, generators.called, generators.parts, *batch)
    count = len(generators.variables)
    generators.apply(found.gradients[:count])
    discriminators.apply(found.gradients[count:])
    return found.losses


def accumulate(
    work: Callable[..., tuple[list[tf.Tensor], Turn]],
    networks: Sequence[keras.Model],
    parts: int,
    *batch: Any,
) -> Found:
    """Works a batch off part by part, in the memory of one part.

    Every part, on every replica, begins with the same states, draws what dropout and noise draw
    for the whole batch, and takes its rows of that; so the states move once a step.

    Args:
        work: is given the states and its rows of the batch; returns gradients, which are shares of
            that of the batch, and its turn.
        networks: all that it calls.
        parts: their number, which divides the batch.
        *batch: tensors `(n, ...)`, or nested ones; each part has the next `n / parts` rows.

    Returns:
        The sums of the gradients, the means of the losses, the fakes of the whole batch.

    Raises:
        ValueError: if the parts cannot be equal.
    """
    shares = replicas.count() * parts
    rows = _rows_of_a_part(tf.nest.flatten(batch)[0], parts, shares)
    states = States(networks)
    before = states.values

    def one(place: tf.Tensor | int, before: list[tf.Tensor], *batch: Any) -> tuple[Any, ...]:
        states = States(networks, before)
        with sharing_draws(Share(rows, shares, place)):
            gradients, turn = work(states, *batch)
        return gradients, turn.losses, turn.fakes, states.changes(before)

    first = replicas.place() * parts
    if parts == 1:
        found = Found(*one(first, before, *batch))
    else:
        found = _in_turn(one, first, before, parts, *batch)
    states.assign(found.states)
    return found


def _rows_of_a_part(batch: tf.Tensor, parts: int, shares: int) -> int:
    """How many rows each part has; 0 of a batch of any size, which is not to be divided."""
    rows = batch.shape[0]
    if rows is None and shares > 1:
        raise ValueError(
            "Batches that replicas or parts share must all be of one known size: write "
            ".batch(n, drop_remainder=True). Received: batches of any size"
        )
    if rows and rows % parts:
        raise ValueError(
            f"A batch must be a multiple of its parts. Received: {rows} images in {parts} parts"
        )
    return (rows or 0) // parts


def _in_turn(
    work: Callable[..., tuple[Any, ...]], first: Any, before: Any, parts: int, *batch: Any
) -> Found:
    """One part after the other, and what comes of all."""
    if not tf.executing_eagerly():
        # Traced once, called for each part; inlined, the parts took the memory of all. No
        # tf.while_loop: TensorFlow 2.21 fails in its second turn, on temporary variables that its
        # memory optimizer puts in.
        work = call_not_inlined(work)
    sums, kept, states = None, [], {}
    for i in range(parts):
        done = [] if sums is None else tf.nest.flatten(sums)
        # a graph would run the parts at once, in the memory of all
        with tf.control_dependencies(done):
            rows = tf.nest.map_structure(partial(_rows, parts=parts, i=i), batch)
            gradients, losses, fakes, states = work(tf.constant(i) + first, before, *rows)
        found = list(gradients), losses
        sums = found if sums is None else tf.nest.map_structure(tf.add, sums, found)
        kept.append(fakes)
    gradients, losses = sums
    losses = {key: loss / parts for key, loss in losses.items()}
    fakes = tuple(tf.concat(images, 0) for images in zip(*kept, strict=True))
    return Found(gradients, losses, fakes, states)


def _rows(x: tf.Tensor, *, parts: int, i: int) -> tf.Tensor:
    rows = x.shape[0] // parts
    # a copy even of the first row, or it would not wait for the part before
    return tf.identity(x[i * rows : (i + 1) * rows])


def with_identity(
    network: Callable[[Images], Images], real: Images, own: Images, *, wanted: bool
) -> tuple[Images, Images]:
    """What a generator makes of an image, and of one that is already as it should be.

    In one pass, which reads and grades its weights once: right for networks that see each image
    alone, as all that translate do.

    Args:
        network: the generator.
        real: `(n, h, w, 3)`, of the domain that it translates.
        own: the same shape, of the domain that it translates into.
        wanted: whether there is an identity loss; without one, `own` passes for the same.
    """
    if not wanted:
        return network(real), own
    fake, same = tf.split(network(tf.concat([real, own], 0)), 2)
    return fake, same


class States:
    """What networks hold besides their weights: seeds, singular vectors, running statistics.

    Args:
        networks: built; all that are called within `read_once`.
        values: of their `non_trainable_variables`; by default those that they have now.

    Attributes:
        values: what the states are by now; the variables keep what they had until `assign`.

    Raises:
        ValueError: if there is no network.
    """

    def __init__(
        self, networks: Sequence[keras.Model], values: Sequence[tf.Tensor] | None = None
    ) -> None:
        if not networks:
            raise ValueError(
                "Without networks a scope would lose what layers assign; name all that are called "
                "within it. Received: networks=[]"
            )
        self._networks = networks
        self._variables = [v for network in networks for v in network.non_trainable_variables]
        now = [v.value for v in self._variables] if values is None else values
        self.values = [tf.convert_to_tensor(value) for value in now]

    @contextmanager
    def read_once(self, networks: Sequence[keras.Model] = ()) -> Iterator[None]:
        """Within it, all calls of the networks see one reading of their weights.

        A graph then casts each weight once to the type it computes in, and keeps one copy of it
        until the way back; of readings, TensorFlow cannot know that they are the same.

        Args:
            networks: those that are called, if not all.

        Raises:
            ValueError: if something was assigned that none of the networks owns.
        """
        called = networks or self._networks
        weights = [v for network in called for v in network.trainable_variables]
        readings = [(v, tf.convert_to_tensor(v.value)) for v in weights]
        states = zip(self._variables, self.values, strict=True)
        with keras.StatelessScope(state_mapping=[*readings, *states]) as scope:
            yield
        known = {id(v) for v in (*weights, *self._variables)}
        if lost := set(scope.state_mapping) - known:
            raise ValueError(
                f"{len(lost)} variables were assigned by layers of other networks, and would be "
                "lost; name all networks that are called. Received: "
                f"{', '.join(network.name for network in self._networks)}"
            )
        self.values = [scope.get_current_value(v) for v in self._variables]

    def changes(self, before: Sequence[tf.Tensor]) -> dict[int, tf.Tensor]:
        """The values that are others than before, by their place."""
        pairs = enumerate(zip(self.values, before, strict=True))
        return {place: now for place, (now, then) in pairs if now is not then}

    def assign(self, changes: dict[int, tf.Tensor]) -> None:
        """Gives the variables the values that have changed."""
        for place, value in changes.items():
            self._variables[place].assign(value)


def after(done: list[tf.Tensor], values: Any) -> Any:
    """The values, nested as they are; a graph does not begin with them before the others are there.

    It would compute with them at its first chance, in the memory of both.
    """
    with tf.control_dependencies(done):
        return tf.nest.map_structure(tf.identity, values)


def add_late(gradients: list[tf.Tensor]) -> list[tf.Tensor]:
    """Lets a graph compute the parts of a sum only when the last of them can be computed.

    Where a network has been passed through twice, the gradient of a weight is the sum of two.
    TensorFlow computes each at its first chance, and those of a whole network wait for the others;
    the maps from which the deep layers' are made are far smaller than the gradients themselves.

    Args:
        gradients: as a tape gives them.

    Returns:
        The same; outside of a graph nothing is done.
    """
    for gradient in gradients:
        if tf.is_symbolic_tensor(gradient) and gradient.op.type == "AddN":
            *early, last = map(_uncast, gradient.op.inputs)
            for part in early:
                if _only_waits(part):
                    compute_after(part, [x.op for x in last.inputs])
    return gradients


def _uncast(x: tf.Tensor) -> tf.Operation:
    """What has computed it, before it was cast."""
    return _uncast(x.op.inputs[0]) if x.op.type == "Cast" else x.op


def _only_waits(op: tf.Operation) -> bool:
    """Whether it makes much out of little, for one reader: then no circle can come about."""
    sizes = [x.shape.num_elements() for x in (*op.inputs, *op.outputs)]
    readers = [reader for x in op.outputs for reader in x.consumers()]
    return len(readers) == 1 and None not in sizes and sizes[-1] > sum(sizes[:-1])

"""Training on several machines with TensorFlow: the strategy, what Keras needs, agreements."""

import contextlib
import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf

from cyclegan_tf.distribution import rendezvous
from cyclegan_tf.distribution.cluster import WHOLE, Cluster, Shard
from cyclegan_tf.errors import InputError

# What TensorFlow raises when a connection to another worker breaks.
BROKEN = (tf.errors.UnavailableError, tf.errors.AbortedError, tf.errors.CancelledError)
VERDICT_SECONDS = 20.0


class Workers:
    """All workers of a training, or the only one, for which everything here does nothing.

    Args:
        strategy: models are built and trained under its `scope()`.
        cluster: all workers; None if there is only this one.
        summary: one line about them for the user.
    """

    def __init__(
        self, strategy: tf.distribute.Strategy, cluster: Cluster | None = None, summary: str = ""
    ) -> None:
        self.strategy = strategy
        self.summary = summary
        self.cluster = cluster
        self._replicas = strategy.num_replicas_in_sync // (cluster.count if cluster else 1)
        self._total = tf.function(self._summed)

    @property
    def is_chief(self) -> bool:
        """Whether this is the one that writes."""
        return self.cluster is None or self.cluster.is_chief

    @property
    def shard(self) -> Shard:
        """What this worker reads of each batch."""
        if self.cluster is None:
            return WHOLE  # Keras divides batches among the replicas of one machine
        return Shard(self.cluster.index, self.cluster.count, self._replicas)

    def own_folder(self, path: Path) -> contextlib.AbstractContextManager[Path]:
        """Where this worker writes: in `path`, unless another one is the chief."""
        return self.cluster.own_folder(path) if self.cluster else contextlib.nullcontext(path)

    def agreed(self, value: float) -> float:
        """The chief's number, for all workers; all have to call this at the same place."""
        if self.cluster is None:
            return value
        return float(self._total(tf.constant(value if self.is_chief else 0.0, tf.float64)))

    def anyone(self, flag: bool) -> bool:
        """Whether any worker says so; all have to call this at the same place."""
        if self.cluster is None:
            return flag
        return float(self._total(tf.constant(float(flag), tf.float64))) > 0

    def distributed(self, batches: tf.data.Dataset) -> Any:
        """What `fit` takes in place of `batches`, of which every worker has its own.

        Keras would divide a plain data set among the workers once more.
        """
        if self.cluster is None:
            return batches
        return self.strategy.distribute_datasets_from_function(lambda context: batches)

    def require_same(self, what: str, facts: str) -> None:
        """Refuses a worker that was started otherwise than the chief; all have to call this.

        Args:
            what: the facts' name for the user.
            facts: what must be the same on all.

        Raises:
            InputError: on all workers, if one has other facts.
        """
        if self.cluster is None:
            return
        # 48 bits: a float64 holds them exactly
        own = float(int.from_bytes(hashlib.sha256(facts.encode()).digest()[:6], "big"))
        differs = self.agreed(own) != own
        if self.anyone(differs):
            who = "this worker" if differs else "another worker"
            raise InputError(
                f"{what} of {who} differ from the chief's; start all workers with the same flags "
                "on the same data."
            )

    @contextlib.contextmanager
    def watched(self, remedy: str = "") -> Iterator[None]:
        """Ends the body within a minute once another worker is lost; at its end all wait for all.

        Args:
            remedy: what the user should do then.

        Raises:
            WorkerLost: naming who is lost. If TensorFlow does not let go of the main thread, the
                process ends with that message and exit code 1.
        """
        if self.cluster is None:
            yield
            return
        heartbeat = rendezvous.Heartbeat(self.cluster, remedy)
        heartbeat.start()
        try:
            yield
            self.agreed(0.0)  # who leaves first must not be taken for lost
        except BROKEN as error:
            raise rendezvous.WorkerLost(heartbeat.verdict(VERDICT_SECONDS)) from error
        finally:
            heartbeat.stop()

    def _summed(self, value: tf.Tensor) -> tf.Tensor:
        """The sum over the workers; of several replicas of a worker the first one speaks."""

        def in_replica() -> tf.Tensor:
            replica = tf.distribute.get_replica_context()
            first = replica.replica_id_in_sync_group % self._replicas == 0
            spoken = tf.where(first, value, tf.zeros_like(value))
            return replica.all_reduce(tf.distribute.ReduceOp.SUM, spoken)

        return self.strategy.experimental_local_results(self.strategy.run(in_replica))[0]


class StopTogether(keras.callbacks.Callback):
    """Stops all workers when one stops; else they would wait for it for ever.

    It has to be the last callback, and every worker needs it.

    Args:
        workers: that train together.
    """

    def __init__(self, workers: Workers) -> None:
        super().__init__()
        self.workers = workers

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """Asks all after each step."""
        self._ask()

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Asks once more, for what stops after an epoch."""
        self._ask()

    def _ask(self) -> None:
        self.model.stop_training = self.workers.anyone(bool(self.model.stop_training))


def connect(
    cluster: Cluster,
    seconds: float = rendezvous.MEETING_SECONDS,
    say: Callable[[str], None] = print,
) -> Workers:
    """Meets the other workers and starts TensorFlow's servers.

    Call it before TensorFlow computes anything: afterwards it takes no servers any more.

    Args:
        cluster: as `read_cluster` has found it.
        seconds: to wait for the others.
        say: is given a line when there is somebody to wait for.

    Raises:
        InputError: if this worker's port cannot be opened.
        WorkerLost: if not all have come in time.
    """
    rendezvous.join(cluster, seconds, say)
    gpus = len(tf.config.list_physical_devices("GPU"))
    resolver = tf.distribute.cluster_resolver.SimpleClusterResolver(
        tf.train.ClusterSpec({"worker": list(cluster.addresses)}),
        task_type="worker",
        task_id=cluster.index,
        num_accelerators={"GPU": gpus},
        rpc_layer="grpc",
    )
    implementation = tf.distribute.experimental.CommunicationImplementation
    options = tf.distribute.experimental.CommunicationOptions(
        implementation=implementation.AUTO if gpus else implementation.RING
    )
    strategy = tf.distribute.MultiWorkerMirroredStrategy(resolver, options)
    return Workers(strategy, cluster, f"strategy: {cluster.summary()}")

"""A worker that trains a tiny CycleGan: run with TF_CONFIG as `tests.distribution.worker FOLDER`.

It trains an epoch of 20 steps, writes FOLDER/worker-INDEX.npz, and trains on until it is killed.
"""

import os
import sys
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from cyclegan_tf.config.train_config import TrainConfig
from cyclegan_tf.data import pipeline
from cyclegan_tf.data.build import build_training_batches
from cyclegan_tf.data.dataset import DataSet, ImageSet
from cyclegan_tf.distribution import rendezvous, runtime
from cyclegan_tf.distribution.cluster import read_cluster
from cyclegan_tf.distribution.workers import StopTogether, Workers, connect
from cyclegan_tf.errors import InputError
from cyclegan_tf.models import build
from tests.pictures import image_set

CONFIG = TrainConfig(
    image_size=32,
    batch_size=4,
    epochs=2,
    steps_per_epoch=20,
    base_filters=2,
    unet_depth=2,
    dropout=0.0,
    discriminator_filters=2,
    discriminator_layers=1,
    adversarial_loss="lsgan",
    pool_size=3,
    diff_augment="all",
    ema_decay=0.9,
    clip_norm=1.0,
    seed=3,
)
# Of a gradient that is zero but for rounding, Adam makes a step of full length unless its epsilon
# is larger; how sums are rounded depends on how many add them up.
EPSILON = 1e-3


class Writer(keras.callbacks.Callback):
    """Keeps what the first epoch left, and tells the steps after it."""

    def __init__(self, workers: Workers, read: list, path: Path) -> None:
        super().__init__()
        self.workers = workers
        self.read = read
        self.path = path
        self.epoch = 0

    def on_epoch_end(self, epoch, logs=None):
        if self.epoch == 0:
            weights = named(self.model)
            own = self.workers.cluster.index if self.workers.cluster else 0
            facts = {"agreed": self.workers.agreed(7.0 + own)}
            facts["anyone"] = self.workers.anyone(own == 1)
            self.workers.require_same("settings", "the same")
            facts["refused"] = refusal(self.workers, f"worker {own}")
            logs = {f"log {key}": float(value) for key, value in logs.items()}
            np.savez(self.path, read=np.array(self.read), **weights, **logs, **facts)
        self.epoch += 1
        print(f"epoch {self.epoch}", flush=True)


def named(model: keras.Model) -> dict[str, np.ndarray]:
    """All variables; their paths depend on what else the process has built."""
    return {f"weight {i} {v.name}": v.numpy() for i, v in enumerate(model.variables)}


def refusal(workers: Workers, facts: str) -> str:
    try:
        workers.require_same("settings", facts)
    except InputError as error:
        return str(error)
    return ""


def recorded(batches: tf.data.Dataset, read: list) -> tf.data.Dataset:
    """The same batches; which pictures they show is written down when they are drawn."""

    def note(*batch: np.ndarray) -> np.int64:
        read.append([[round(127.5 * (picture[0, 0, 0] + 1)) for picture in x] for x in batch])
        return np.int64(0)

    def look(*batch: tf.Tensor) -> tuple[tf.Tensor, ...]:
        with tf.control_dependencies([tf.numpy_function(note, batch, tf.int64)]):
            return tuple(tf.ensure_shape(tf.identity(x), x.shape) for x in batch)

    return batches.map(look)


def train(workers: Workers, path: Path, epochs: int) -> None:
    a, b = image_set(11), image_set(6)
    data = DataSet(
        a, b, image_set(5), image_set(2), ImageSet((), ()), kaggle_shaped=False, skipped=()
    )
    read: list = []
    with workers.strategy.scope():
        model = build.build_model(CONFIG)
    for optimizer in (model.generator_optimizer, model.discriminator_optimizer):
        optimizer.epsilon = EPSILON
    batches = build_training_batches(CONFIG, data, shard=workers.shard)
    validation = pipeline.paired_by_place(
        data.validation_a, data.validation_b, image_size=32, batch_size=4
    )
    model.fit(
        workers.distributed(recorded(batches, read)),
        validation_data=workers.distributed(validation),
        epochs=epochs,
        steps_per_epoch=CONFIG.steps_per_epoch,
        callbacks=[Writer(workers, read, path), StopTogether(workers)],
        shuffle=False,
        verbose=0,
    )


def main() -> int:
    cluster = read_cluster(os.environ)
    runtime.set_up(precision="float32", seed=CONFIG.seed, deterministic=False)
    try:
        workers = connect(cluster, seconds=120)
        with workers.watched("To go on, start all workers with --resume."):
            train(workers, Path(sys.argv[1]) / f"worker-{cluster.index}.npz", epochs=10_000)
    except rendezvous.WorkerLost as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

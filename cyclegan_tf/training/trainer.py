"""A session of training: data and model of a configured run, from where it stands to its end."""

import contextlib
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from cyclegan_tf.config.train_config import TrainConfig
from cyclegan_tf.data import image as images
from cyclegan_tf.data import pipeline
from cyclegan_tf.data.build import (
    build_data_set,
    build_training_batches,
    build_validation_batches,
    steps_per_epoch,
    validation_images,
)
from cyclegan_tf.data.dataset import name_hashes
from cyclegan_tf.distribution import runtime
from cyclegan_tf.distribution.strategy import choose_workers
from cyclegan_tf.distribution.workers import StopTogether, Workers
from cyclegan_tf.errors import Fault, InputError, first_line
from cyclegan_tf.inference import submission
from cyclegan_tf.inference.loading import build_translator, load_best
from cyclegan_tf.io.run_folder import FolderRemoved, RunDir, versions
from cyclegan_tf.metrics.inception import Inception
from cyclegan_tf.metrics.inception_download import default_inception
from cyclegan_tf.models import build
from cyclegan_tf.training.callbacks import build as reporting
from cyclegan_tf.training.callbacks import logs as training_line
from cyclegan_tf.training.callbacks.autosave import AutoSave
from cyclegan_tf.training.callbacks.guards import TimeBudget
from cyclegan_tf.training.callbacks.interruption import Interrupted, Interruption
from cyclegan_tf.training.checkpoint import Facts, Start, restore_state
from cyclegan_tf.training.loop import train_epochs
from cyclegan_tf.training.profiling import profile
from cyclegan_tf.training.resumption import differences


@contextlib.contextmanager
def open_session(
    config: TrainConfig, facts: Facts | None = None, *, started: float, remedy: str = ""
) -> Iterator["Session"]:
    """Sets the machine up, meets the others of a cluster, and watches over them to the end.

    Args:
        config: of the run.
        facts: of the state to go on from, if there is one.
        started: when the user's clock began to run, as `time.monotonic` counts.
        remedy: what the user should do if another machine is lost.

    Raises:
        InputError: if the data cannot be used, or the devices.
        WorkerLost: if another machine does not come, or is lost.
    """
    runtime.set_up(precision=config.precision, seed=config.seed, deterministic=config.deterministic)
    workers, reason = choose_workers(config.strategy, config.batch_size)
    with workers.watched(remedy):
        yield Session(config, facts, workers=workers, strategy=reason, started=started)


class Session:
    """Reads the data and builds the model; nothing is written yet.

    Args:
        config: of the run.
        facts: of the state to go on from, if there is one.
        workers: the machines and devices that train.
        strategy: one line about them.
        started: when the user's clock began to run, as `time.monotonic` counts.

    Raises:
        InputError: if the data cannot be used.
    """

    def __init__(
        self,
        config: TrainConfig,
        facts: Facts | None = None,
        *,
        workers: Workers,
        strategy: str,
        started: float,
    ) -> None:
        self.workers, self.strategy = workers, strategy
        self.config = config
        self.started = started
        self._read(facts)
        with self.workers.strategy.scope():
            self.model = build.build_model(config, self.most_steps)
        self.draw = build_translator(config, self.model)
        self.interruption = Interruption(self.workers.anyone if self.workers.cluster else None)
        self.start = Start()
        self.memories: dict[str, dict] = {}

    def _read(self, facts: Facts | None) -> None:
        """What is read before the model is built, the images above all."""
        config = self.config
        self.inception = None
        if config.evaluate_every:
            graph = Path(config.inception) if config.inception else default_inception()
            self.inception = Inception(graph)
        self.data = build_data_set(config)
        # each machine may have its own copy of the images, in a folder of its own
        here = {"data", "a", "b", "inception"}
        settings = {k: v for k, v in sorted(config.to_dict().items()) if k not in here}
        self.workers.require_same("settings", f"{settings}")
        self.names = name_hashes(self.data)
        self.workers.require_same("images", f"{self.names}")
        for warning in differences(facts, self.names) if facts else []:
            print(f"warning: {warning}", file=sys.stderr)
        self.steps_per_epoch = (
            facts.steps_per_epoch if facts else steps_per_epoch(config, self.data)
        )
        self.most_steps = config.epochs * self.steps_per_epoch

    def take_up(self, run: RunDir) -> None:
        """Gives the model the state that the run has saved.

        Raises:
            InputError: if the state cannot be used.
        """
        with self.workers.strategy.scope():
            state = restore_state(run.state_file, self.model)
        facts = state.facts
        self.memories = facts.memories
        means = state.means if facts.epoch_steps else ()
        self.start = Start(facts.step, facts.epoch, facts.epoch_steps, means)
        if self.config.budget_minutes is None:
            self.model.total_steps.assign(self.most_steps)
        for optimizer, rate in build.learning_rates(self.config, self.model):
            if self.config.schedule == "constant":  # the state holds the rate that it had
                optimizer.learning_rate = rate

    def budget(self, used: float = 0.0) -> list[TimeBudget]:
        """The callback that keeps the time budget, if there is one.

        Args:
            used: seconds of the budget that earlier sessions took.

        Raises:
            InputError: if nothing is left of it.
        """
        minutes = self.config.budget_minutes
        if minutes is None:
            return []
        submits = self.data.kaggle_shaped and self.config.model == "cyclegan"
        reserve = self._submission_seconds() if submits else 5.0
        deadline = self.started + 60 * minutes - used
        if time.monotonic() + reserve > deadline:
            needed = (time.monotonic() + reserve - self.started) / 60
            spent = f" {used / 60:.1f} of them are used up, and" if used else ""
            raise InputError(
                f"--budget-minutes {minutes:g} leaves no time for training:{spent} starting and "
                f"images.zip alone take about {needed:.1f}; give more (a budget that is given with "
                "--resume counts from then on)."
            )
        agreed, epoch_end = self.workers.agreed, self._epoch_end_steps()
        return [TimeBudget(deadline, reserve, self.most_steps, agreed=agreed, epoch_end=epoch_end)]

    def train(self, run: RunDir, budget: Sequence[TimeBudget], used: float = 0.0) -> None:
        """Trains to the end, saving the state on the way.

        Args:
            run: where everything goes.
            budget: what keeps the time budget.
            used: seconds that earlier sessions took.

        Raises:
            Interrupted: if a signal asked to stop; the state is saved.
            Fault: at the first number that is none, if the disk or the memory is full, if the run
                folder was removed just when it was being written, or another machine is lost.
        """
        config = self.config
        print(f"{runtime.describe()}\n{self.strategy}\ndata: {self.data.summary()}")
        print(f"run: {run.path}")
        if self.start.step:
            print(f"going on after step {self.start.step:,}, in epoch {self.start.epoch + 1}")
        callbacks = self._callbacks(run, budget)
        save = self._auto_save(run, callbacks, used)
        validation = build_validation_batches(config, self.data)
        if config.profile:
            self._profile(run)
        verbose, shown = training_line.of_training(run.samples)
        ends = StopTogether(self.workers), save, self.interruption
        try:
            with self.workers.strategy.scope():
                train_epochs(
                    self.model,
                    self._batches_from,
                    epochs=config.epochs,
                    steps_per_epoch=self.steps_per_epoch,
                    callbacks=[*callbacks, *shown, *ends],
                    start=self.start,
                    validation=self.workers.distributed(validation) if validation else None,
                    verbose=verbose,
                )
        except Interrupted:
            save.save()
            self.save_weights(run)
            raise
        except FileNotFoundError as error:
            if not run.restore():
                raise
            save.save(again=True)
            raise FolderRemoved(
                f"{run.path} was removed while it was being written; the state is saved anew."
            ) from error
        except Exception as error:
            if line := explain(error, config):
                raise Fault(line) from error
            raise
        for line in [c.summary() for c in callbacks if hasattr(c, "summary")]:
            print(line)

    def _batches_from(self, step: int) -> Any:
        share = self.workers.share
        batches = build_training_batches(self.config, self.data, first_step=step, share=share)
        return self.workers.distributed(batches)

    def _callbacks(
        self, run: RunDir, budget: Sequence[TimeBudget]
    ) -> list[keras.callbacks.Callback]:
        """What watches and reports, with what it remembers from earlier sessions."""
        reports = reporting.build_callbacks(
            self.config,
            run,
            data=self.data,
            model=self.model,
            draw=self.draw,
            inception=self.inception,
        )
        callbacks = [*budget, *reports]
        for callback in callbacks:
            if memory := self.memories.get(type(callback).__name__):
                callback.remember(memory)
        return callbacks

    def _auto_save(
        self, run: RunDir, callbacks: Sequence[keras.callbacks.Callback], used: float
    ) -> AutoSave:
        save = AutoSave(
            run,
            minutes=self.config.checkpoint_minutes,
            writes=self.workers.is_chief,
            agreed=self.workers.agreed,
            start=self.start,
            callbacks=callbacks,
            seconds=lambda: time.monotonic() - self.started + used,
            steps_per_epoch=self.steps_per_epoch,
            data=self.names,
            versions=versions(),
        )
        # a signal may come before `fit` has done it
        save.set_model(self.model)
        save.set_params({"epochs": self.config.epochs})
        return save

    def _profile(self, run: RunDir) -> None:
        count = self.config.images_per_step
        with self.workers.strategy.scope():
            print(profile(self.model, self._batches_from(0), run.tensorboard, count))

    def save_weights(self, run: RunDir) -> None:
        """Gives a run whose last epoch is not done the weights of now, as each epoch's end does."""
        for network in reporting.saved_networks(self.model):
            run.save_weights(network)

    def finish(self, run: RunDir) -> None:
        """What a finished training leaves besides its weights: the submission, or a strip."""
        if not self.workers.is_chief:
            return
        self.interruption.leave_training()
        load_best(run, self.config, self.model)
        if self.config.model == "dcgan":
            latents = reporting.strip_latents(self.config)
            rows = [images.to_uint8(self.draw(row)) for row in latents]
            images.save_png(run.samples / "interpolation.png", images.grid(rows))
            print(
                f"more pictures: python -m cyclegan_tf.generate --run {run.path} "
                "--output images.zip"
            )
        elif self.data.kaggle_shaped:
            self._submit(run)
        run.finish()

    def _submit(self, run: RunDir) -> None:
        photos = self.data.all_a()
        batches = pipeline.image_batches(
            photos, image_size=submission.SIZE, batch_size=self.draw.batch_size
        )
        count = submission.write_submission(run.submission, photos.names, batches, self.draw)
        print(f"submission: {run.submission}, {count:,} images")
        if warning := submission.count_warning(count):
            print(f"warning: {warning}", file=sys.stderr)

    def _epoch_end_steps(self) -> float:
        """What validating takes, in training steps: it goes forwards only."""
        config = self.config
        images = validation_images(config, self.data)
        larger = config.whole_size / config.image_size
        return 0.6 * images / config.batch_size * larger**2

    def _submission_seconds(self) -> float:
        """How long images.zip will take, from the time of one batch."""
        size = submission.SIZE
        batch = np.zeros((self.draw.batch_size, size, size, 3), np.float32)
        self.draw(batch)  # the first call compiles
        began = time.monotonic()
        self.draw(batch)
        batches = -(-len(self.data.all_a()) // self.draw.batch_size)
        # half as much again for JPEGs and a machine that slows down, and the last samples
        return 1.5 * batches * (time.monotonic() - began) + 10.0


def explain(error: BaseException, config: TrainConfig) -> str | None:
    """One line about an error of the training: what happened and which flags to change.

    Args:
        error: what was raised.
        config: of the run.

    Returns:
        None for an error that says nothing about the machine: a defect.
    """
    if isinstance(error, tf.errors.ResourceExhaustedError) and "No space left" in error.message:
        return f"the disk is full ({first_line(error)}); free some space."
    if isinstance(error, tf.errors.ResourceExhaustedError | MemoryError):
        return _out_of_memory(config)
    return None


def _out_of_memory(config: TrainConfig) -> str:
    smaller = [
        f"--batch-size {config.batch_size // 2}" if config.batch_size > 1 else "",
        _more_parts(config),
        "--precision mixed_float16" if config.precision == "float32" else "",
        f"--image-size {config.image_size // 2}" if config.image_size >= 64 else "",
        f"--base-filters {config.base_filters // 2}" if config.base_filters > 1 else "",
    ]
    count = config.batch_size
    batch = "an image" if count == 1 else f"a batch of {count} images"
    advice = ", ".join(filter(None, smaller))
    return (
        f"out of memory: training on {batch} of {config.image_size} px with "
        f"{config.base_filters} base filters in {config.precision} does not fit this device; "
        f"lower one or several, the mildest first: {advice or 'take a larger device'}."
    )


def _more_parts(config: TrainConfig) -> str:
    """The next larger number of parts that divides the batch."""
    if config.model == "dcgan":
        return ""
    parts = range(config.gradient_accumulation + 1, config.batch_size + 1)
    fitting = next((n for n in parts if config.batch_size % n == 0), None)
    return f"--gradient-accumulation {fitting}" if fitting else ""

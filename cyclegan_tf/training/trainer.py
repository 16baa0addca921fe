"""The training itself: a model, its data and its callbacks, from any step to the last one."""

import contextlib
from collections.abc import Sequence
from functools import partial
from typing import Any

import keras

from cyclegan_tf.config.train_config import TrainConfig
from cyclegan_tf.data.build import (
    build_training_batches,
    build_validation_batches,
    steps_per_epoch,
    validation_count,
)
from cyclegan_tf.data.dataset import DataSet, name_hashes
from cyclegan_tf.distribution import runtime
from cyclegan_tf.distribution.workers import StopTogether, Workers
from cyclegan_tf.errors import Fault
from cyclegan_tf.inference.loading import compile_generator
from cyclegan_tf.inference.submission import submission_seconds
from cyclegan_tf.io import machine
from cyclegan_tf.io.run_folder import FolderRemoved, RunFolder
from cyclegan_tf.metrics.inception import Inception
from cyclegan_tf.models.build import build_model, learning_rates
from cyclegan_tf.training.callbacks.autosave import AutoSave
from cyclegan_tf.training.callbacks.budget import Clock, TimeBudget
from cyclegan_tf.training.callbacks.build import (
    build_auto_save,
    build_callbacks,
    build_report,
    restore_states,
    saved_networks,
)
from cyclegan_tf.training.callbacks.console import build_console
from cyclegan_tf.training.callbacks.interruption import Interrupted, Interruption
from cyclegan_tf.training.callbacks.report import facts_so_far
from cyclegan_tf.training.checkpoint import CheckpointMetadata, Start, restore_state
from cyclegan_tf.training.faults import explain
from cyclegan_tf.training.loop import EpochLoop
from cyclegan_tf.training.profiling import profile, step_seconds, undone, validation_seconds


class Trainer:
    """Trains the model of a config; nothing is written before `train`.

    Args:
        config: of the run.
        data: its images.
        workers: the machines and devices that train.
        started: when the user's clock began to run, as `time.monotonic` counts.
        metadata: of the state to go on from, if there is one.
        inception: gives the features of the scores, if there are to be any.
        warnings: that came before, and to which others are added as they come; for the report.

    Attributes:
        model: compiled; its weights are those of the first step, or after `restore` those saved.
        generator: makes pictures with the weights that samples and submission are made with.
        interruption: catches the signals that ask a training to stop.
        start: where the training begins.
    """

    def __init__(
        self,
        config: TrainConfig,
        data: DataSet,
        workers: Workers,
        *,
        started: float,
        metadata: CheckpointMetadata | None = None,
        inception: Inception | None = None,
        warnings: Sequence[str] = (),
    ) -> None:
        self.config, self.data, self.workers = config, data, workers
        self.started = started
        self.inception = inception
        self.warnings = warnings
        # images may have been added since: epochs keep their length
        told = metadata.steps_per_epoch if metadata else 0
        self.steps_per_epoch = told or steps_per_epoch(config, data)
        self.most_steps = config.epochs * self.steps_per_epoch
        with workers.strategy.scope():
            self.model = build_model(config, self.most_steps)
        self.generator = compile_generator(config, self.model)
        self.interruption = Interruption(workers.anyone if workers.cluster else None)
        self.start = Start()
        self.states: dict[str, dict] = {}

    def restore(self, run: RunFolder) -> None:
        """Gives the model the state that the run has saved, and starts from there.

        Raises:
            InputError: if the state cannot be used.
        """
        with self.workers.strategy.scope():
            state = restore_state(run.state_file, self.model)
        metadata = state.metadata
        self.states = metadata.states
        means = state.means if metadata.epoch_steps else ()
        self.start = Start(metadata.step, metadata.epoch, metadata.epoch_steps, means)
        if self.config.budget_minutes is None:
            self.model.total_steps.assign(self.most_steps)
        for optimizer, rate in learning_rates(self.config, self.model):
            if self.config.schedule == "constant":  # the state holds the rate that it had
                optimizer.learning_rate = rate

    @property
    def submits(self) -> bool:
        """Whether the run ends with `images.zip`."""
        config = self.config
        return config.submission and config.model != "dcgan" and self.data.kaggle_shaped

    def time_budget(self, used: float = 0.0) -> TimeBudget:
        """The callback that keeps the time budget, if there is one, and knows what is left to do.

        Args:
            used: seconds of the budget that earlier sessions took.

        Raises:
            InputError: if nothing is left of it.
        """
        minutes = self.config.budget_minutes
        submission = partial(submission_seconds, self.data.all_a(), self.generator)
        budget = TimeBudget(
            Clock(self.started, minutes, used),
            self.most_steps,
            submission=submission if self.submits else None,
            agreed=self.workers.agreed,
        )
        if minutes is not None:
            budget.measure_submission()
            budget.require_time()
        return budget

    def rehearse(self, budget: TimeBudget) -> None:
        """Compiles the step and measures it, for a plan before the first one; undoes what it did.

        Args:
            budget: learns how long a step and a validation take; without a deadline nothing is
                measured.

        Raises:
            InputError: if no time is left for a step.
            Fault: if the memory is full.
        """
        if budget.clock.minutes is None:
            return
        batches, validation, seconds = self._batches_from(0), self._validation(), 0.0
        try:
            with self.workers.strategy.scope(), undone(self.model):
                pace = step_seconds(self.model, batches, self.workers.agreed)
                if validation is not None:
                    count = validation_count(self.config, self.data)
                    seconds = validation_seconds(self.model, validation, count)
        except Exception as error:
            if line := explain(error, self.config):
                raise Fault(line) from error
            raise
        budget.learn(pace=pace, validation=seconds)
        budget.require_time()

    def train(self, run: RunFolder, budget: TimeBudget) -> None:
        """Trains to the end, saving the state on the way.

        Args:
            run: where everything goes.
            budget: keeps the time budget.

        Raises:
            Interrupted: if a signal asked to stop; the state is saved.
            Fault: at the first number that is not finite, if the disk or the memory is full, if
                the run folder was removed while it was being written, or another machine is lost.
        """
        callbacks = [*self._callbacks(run, budget), *self._report(run, budget.clock)]
        save = self._auto_save(run, callbacks, budget.clock)
        if self.config.profile:
            self._profile(run)
        try:
            self._train_epochs(run, callbacks, save, budget)
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
            if line := explain(error, self.config):
                raise Fault(line) from error
            raise
        for line in [c.summary() for c in callbacks if hasattr(c, "summary")]:
            print(line)

    def save_weights(self, run: RunFolder) -> None:
        """Gives a run whose last epoch is not done the weights of now, as each epoch's end does."""
        for network in saved_networks(self.model):
            run.save_weights(network)

    def _train_epochs(
        self,
        run: RunFolder,
        callbacks: Sequence[keras.callbacks.Callback],
        save: AutoSave,
        budget: TimeBudget,
    ) -> None:
        shown = build_console(budget, self.config.images_per_step, run.samples)
        ends = StopTogether(self.workers), save, self.interruption
        with self.workers.strategy.scope(), contextlib.closing(shown):
            loop = EpochLoop(
                self.model,
                self._batches_from,
                [*callbacks, shown, *ends],
                epochs=self.config.epochs,
                steps_per_epoch=self.steps_per_epoch,
                validation=self._validation(),
            )
            loop.run(self.start)

    def _validation(self) -> Any:
        validation = build_validation_batches(self.config, self.data)
        return None if validation is None else self.workers.distributed(validation)

    def _batches_from(self, step: int) -> Any:
        shard = self.workers.shard
        batches = build_training_batches(self.config, self.data, first_step=step, shard=shard)
        return self.workers.distributed(batches)

    def _callbacks(self, run: RunFolder, budget: TimeBudget) -> list[keras.callbacks.Callback]:
        """What watches and reports, in the state that an earlier session left it in."""
        reports = build_callbacks(
            self.config,
            run,
            data=self.data,
            model=self.model,
            generator=self.generator,
            inception=self.inception,
        )
        callbacks = [budget, *reports]
        restore_states(callbacks, self.states)
        return callbacks

    def _report(self, run: RunFolder, clock: Clock) -> list[keras.callbacks.Callback]:
        """What writes the report: one machine is enough for that."""
        if not self.workers.is_chief:
            return []
        constant = {
            "data": self.data.summary(),
            "machine": {
                "machine": machine.describe(),
                "software": runtime.describe(),
                "devices": f"{runtime.accelerators()} {self.workers.summary}".strip(),
            },
        }
        report = build_report(
            self.config,
            run,
            data=self.data,
            model=self.model,
            generator=self.generator,
            facts=facts_so_far(run, constant, seconds=clock.spent, warnings=self.warnings),
        )
        return [report]

    def _auto_save(
        self, run: RunFolder, callbacks: Sequence[keras.callbacks.Callback], clock: Clock
    ) -> AutoSave:
        save = build_auto_save(
            self.config,
            run,
            workers=self.workers,
            callbacks=callbacks,
            start=self.start,
            seconds=lambda: clock.spent,
            facts={"steps_per_epoch": self.steps_per_epoch, "data": name_hashes(self.data)},
        )
        save.set_model(self.model)  # a signal may come before `fit` has done it
        return save

    def _profile(self, run: RunFolder) -> None:
        count = self.config.images_per_step
        with self.workers.strategy.scope():
            print(profile(self.model, self._batches_from(0), run.tensorboard, count))

"""The only training loop. It owns time, order, checkpoints and logging; the phase owns the gradients."""

import time
import warnings
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from netchip.errors import ConfigError, DataError, DivergedError, Interrupted, NetchipWarning
from netchip.train.accelerating import Accelerator, make_accelerator, release
from netchip.train.checkpoint import NAME, Checkpoint, Position, read_checkpoint, write_checkpoint
from netchip.train.distributed import (
    any_process,
    broadcast_buffers,
    broadcast_object,
    gather_object,
    is_main,
    process_count,
    process_index,
)
from netchip.train.interruption import Interruption, interruptible
from netchip.train.metrics import METRICS_FILE, MetricsLog, RunningMeans
from netchip.train.phase import Batch, Loader, Phase, Step
from netchip.train.progress import Display
from netchip.train.seeding import rng_state, set_rng_state
from netchip.train.spec import TrainSpec

_DEFAULT = TrainSpec()


@dataclass(frozen=True, kw_only=True)
class FitResult:
    """What a phase came to. `epochs_done` counts from epoch 0, a later `start_epoch` included; `steps` are this
    phase's optimizer steps.

    `seconds` is time spent in training steps, over all resumes, without validation and checkpoints. `history` has the
    figures of every epoch, `metrics` those of the last.
    """

    epochs_done: int
    stopped_early: bool
    seconds: float
    steps: int
    metrics: Mapping[str, Any]
    history: tuple[Mapping[str, Any], ...]


def fit(
    phase: Phase,
    loader: Loader,
    *,
    epochs: int,
    folder: str | Path,
    validation: Loader | None = None,
    start_epoch: int = 0,
    spec: TrainSpec = _DEFAULT,
    config_hash: str = "",
) -> FitResult:
    """Trains `phase` from `start_epoch` to `epochs` (or until its `end_epoch` says so), or goes on where `folder`
    says it was.

    Called again after any stop, with the same arguments, it ends with the same weights (bit-equal on a CPU at an
    equal thread count); a finished phase is taken up from its checkpoint and returns at once. Under `torchrun` or
    `accelerate launch` every optimizer step uses one batch of `loader`, cut into one part a process and micro batch;
    BatchNorm statistics are per part, those saved are rank 0's.

        phase = Classification(model, OptimizerSpec(learning_rate=0.1))
        result = fit(phase, loader, epochs=20, folder="runs/mine/train", validation=validation)

    Writes `folder/checkpoint.pt` and lines of `folder/../metrics.jsonl`. Raises `ConfigError`, `DataError`,
    `CheckpointMismatch` before work; `DivergedError` when a loss is NaN or infinite, `CheckpointError` when the disk
    refuses, `Interrupted` after SIGTERM or Ctrl-C.
    """
    _check_range(loader, start_epoch, epochs)
    with ExitStack() as stack:
        stack.enter_context(_threads(spec.threads))
        run = _Run(
            phase,
            loader,
            validation,
            epochs,
            Path(folder),
            spec,
            make_accelerator(spec),
            _identity(loader, config_hash, start_epoch, epochs),
        )
        run.take_up(start_epoch)
        if not run.position.finished:
            run.interruption = stack.enter_context(interruptible())
            run.open(stack)
            while not run.position.finished:
                run.train_epoch()
                run.end_epoch()
        return run.result()


class _Run:
    """One call of `fit`: the phase, where it is, and what it writes to."""

    interruption: Interruption
    log: MetricsLog | None
    display: Display

    def __init__(
        self,
        phase: Phase,
        loader: Loader,
        validation: Loader | None,
        epochs: int,
        folder: Path,
        spec: TrainSpec,
        accelerator: Accelerator,
        identity: Mapping[str, Any],
    ) -> None:
        self.phase, self.loader, self.validation, self.epochs, self.folder = phase, loader, validation, epochs, folder
        self.spec, self.accelerator, self.identity = spec, accelerator, identity
        self.checkpoint_path = folder / NAME
        self.position = Position(epoch=0)
        self.means = RunningMeans()
        self._saved_at = time.monotonic()
        self._training_since = time.monotonic()

    def take_up(self, start_epoch: int) -> None:
        """Starts the phase, or puts back everything that rank 0's checkpoint holds."""
        saved = broadcast_object(read_checkpoint(self.checkpoint_path, self.identity) if is_main() else None)
        if saved is None:
            self.phase.setup(self.accelerator)
            self.position = Position(epoch=start_epoch, finished=start_epoch == self.epochs)
            return
        _compare(saved.circumstances, self._circumstances(), self.checkpoint_path)
        self.phase.load_state_dict(saved.phase)
        self.phase.setup(self.accelerator)
        self.phase.model.load_state_dict(saved.model)
        self.phase.optimizer.load_state_dict(dict(saved.optimizer))
        if saved.scaler is not None and self.accelerator.scaler is not None:
            self.accelerator.scaler.load_state_dict(saved.scaler)
        self.position = saved.position
        self.means = RunningMeans(saved.position.sums)
        set_rng_state(saved.rng[process_index() % len(saved.rng)])

    def open(self, stack: ExitStack) -> None:
        """Opens the log (rank 0 writes it) and the display."""
        name, main = self.folder.name, is_main()
        self.display = stack.enter_context(
            Display(name, epochs=self.epochs, style=self.spec.progress if main else "quiet")
        )
        self.log = None
        if main:
            path = self.folder.parent / METRICS_FILE
            self.log = stack.enter_context(
                MetricsLog(path, name, keep=self.position.lines, tensorboard=self.spec.tensorboard)
            )

    def train_epoch(self) -> None:
        """The steps of the epoch that are left, a checkpoint now and then."""
        position = self.position
        self.display.begin_epoch(position.epoch, done=position.index, steps=len(self.loader))
        self.phase.model.train()
        self._start_clock()
        for step, micro_batches in self._steps():
            for batch in micro_batches:
                moved = tuple(tensor.to(self.accelerator.device, non_blocking=True) for tensor in batch)
                self.means.add(self.phase.train_step(moved, step), step.index)
            position.index, position.steps = step.index + 1, position.steps + 1
            self.display.advance()
            if position.index % self.spec.log_every == 0 and position.index < len(self.loader):
                self._log_means()
            self._save_when_due()
        self._check_finite()
        self._stop_clock()

    def end_epoch(self) -> None:
        """Validates, logs, asks the phase whether to stop, prepares a changed model again, and saves."""
        position, model = self.position, self.phase.model
        broadcast_buffers(model)
        figures: dict[str, Any] = self.means.means()
        if self.validation is not None:
            figures |= self.phase.validate(self.validation)
        position.history.append({"epoch": position.epoch, **figures})
        self._write(figures, seconds=position.seconds)
        self.display.end_epoch(position.epoch, figures, seconds=position.seconds)
        before = dict(model.named_parameters(remove_duplicate=False))
        position.stopped_early = broadcast_object(self.phase.end_epoch(position.epoch))
        if not _same_structure(before, self.phase.model):
            release(self.accelerator)
            self.phase.setup(self.accelerator)
        position.epoch, position.index = position.epoch + 1, 0
        position.finished = position.stopped_early or position.epoch == self.epochs
        self.means = RunningMeans()
        self._save()
        if any_process(self.interruption.requested is not None)[0]:
            raise self._interrupted()

    def result(self) -> FitResult:
        """The position as a value."""
        here = self.position
        return FitResult(
            epochs_done=here.epoch,
            stopped_early=here.stopped_early,
            seconds=here.seconds,
            steps=here.steps,
            metrics=here.history[-1] if here.history else {},
            history=tuple(here.history),
        )

    def _steps(self) -> Iterator[tuple[Step, tuple[Batch, ...]]]:
        """The steps left in this epoch, each with this process's micro batches: of W processes and A micro batches,
        part r A + a.
        """
        count, here = self.spec.accumulate, self.position
        parts = [process_index() * count + micro for micro in range(count)]
        streams = [
            self.loader.epoch(here.epoch, start=here.index, part=part, parts=count * process_count()) for part in parts
        ]
        for index, batches in enumerate(zip(*streams, strict=True), start=here.index):
            yield Step(epoch=here.epoch, index=index, steps_per_epoch=len(self.loader), epochs=self.epochs), batches

    def _save_when_due(self) -> None:
        due = is_main() and time.monotonic() - self._saved_at >= self.spec.checkpoint_seconds
        due, stop = any_process(due, self.interruption.requested is not None)
        if stop or (due and self.position.index < len(self.loader)):  # the end of the epoch saves anyway
            self._check_finite()
            self._stop_clock()
            self._save()
            self._start_clock()
            if stop:
                raise self._interrupted()

    def _save(self) -> None:
        self._check_weights()
        rng, self.position.sums = gather_object(rng_state()), self.means.sums()
        if self.log is not None:
            self.log.sync()
            self.position.lines = self.log.lines
            write_checkpoint(self.checkpoint_path, self._checkpoint(rng))
        self._saved_at = time.monotonic()

    def _checkpoint(self, rng: list[dict[str, Any]]) -> Checkpoint:
        scaler: Any = self.accelerator.scaler
        return Checkpoint(
            identity=self.identity,
            circumstances=self._circumstances(),
            position=self.position,
            model=self.phase.model.state_dict(),
            optimizer=self.phase.optimizer.state_dict(),
            scaler=None if scaler is None else scaler.state_dict(),
            phase=self.phase.state_dict(),
            rng=rng,
        )

    def _circumstances(self) -> dict[str, Any]:
        return {
            "threads": torch.get_num_threads(),
            "processes": process_count(),
            "device": self.accelerator.device.type,
        }

    def _log_means(self) -> None:
        self._check_finite()
        means = self.means.means()
        self.display.figures(means)
        self._write(means, step_in_epoch=self.position.index)

    def _write(self, figures: Mapping[str, Any], **more: float) -> None:
        if self.log is not None:
            here = self.position
            rate = float(self.phase.optimizer.param_groups[0]["lr"])
            step = here.epoch * len(self.loader) + here.index
            self.log.write({"epoch": here.epoch, "step": step, **figures, "learning_rate": rate, **more}, step=step)

    def _check_finite(self) -> None:
        """Raises `DivergedError` in every process when a loss of this epoch was NaN or infinite in any."""
        bad = [index for index in gather_object(self.means.first_bad()) if index is not None]
        if bad:
            raise self._diverged(
                f"the loss became NaN or infinite in epoch {self.position.epoch + 1}, step {min(bad) + 1}"
            )

    def _check_weights(self) -> None:
        finite = torch.stack([parameter.detach().isfinite().all() for parameter in self.phase.model.parameters()]).all()
        if any_process(not bool(finite))[0]:
            raise self._diverged(
                f"a weight became NaN or infinite by epoch {self.position.epoch + 1}, step {self.position.index}"
            )

    def _diverged(self, what: str) -> DivergedError:
        kept = self.checkpoint_path.is_file()
        kept_text = (
            f"the last good checkpoint is kept: {self.checkpoint_path}"
            if kept
            else "no checkpoint had been written yet"
        )
        return DivergedError(
            f"{self.folder.name}: {what}; {kept_text}. A lower learning rate or a warm-up usually helps."
        )

    def _interrupted(self) -> Interrupted:
        here, name = self.position, self.interruption.requested or "a signal to another process"
        where = f"epoch {here.epoch + 1}, after {here.index} of {len(self.loader)} steps"
        return Interrupted(
            f"{self.folder.name}: stopped by {name} in {where}; everything is in {self.checkpoint_path}. Run the same command again: it goes on."
        )

    def _start_clock(self) -> None:
        self._training_since = time.monotonic()

    def _stop_clock(self) -> None:
        self.position.seconds += time.monotonic() - self._training_since


def _check_range(loader: Loader, start_epoch: int, epochs: int) -> None:
    if not 0 <= start_epoch <= epochs:
        raise ConfigError(
            f"start_epoch = {start_epoch}, epochs = {epochs}: training goes from start_epoch to epochs, both counted from 0"
        )
    if len(loader) == 0:
        raise DataError(
            "the loader has no batches, so there is nothing to train on; check its split and its batch size"
        )


def _identity(loader: Loader, config_hash: str, start_epoch: int, epochs: int) -> dict[str, Any]:
    """What must be equal for a checkpoint to be taken up."""
    data = {f"loader {name}": value for name, value in loader.state().items()}
    return {"config": config_hash, "start_epoch": start_epoch, "epochs": epochs, "steps an epoch": len(loader), **data}


def _compare(saved: Mapping[str, Any], here: Mapping[str, Any], path: Path) -> None:
    differing = [
        f"{name} {saved.get(name)} there, {value} here" for name, value in here.items() if saved.get(name) != value
    ]
    if differing:
        warnings.warn(
            f"{path} was written under other circumstances ({'; '.join(differing)}): training goes on, but its result is bit-equal "
            "to an uninterrupted one only under the same",
            NetchipWarning,
            stacklevel=4,
        )


def _same_structure(before: Mapping[str, nn.Parameter], model: nn.Module) -> bool:
    """Whether `model` has the very same parameter objects, of the same shapes, as `before`."""
    after = dict(model.named_parameters(remove_duplicate=False))
    return before.keys() == after.keys() and all(before[name] is after[name] for name in after)


@contextmanager
def _threads(count: int | None) -> Iterator[None]:
    before = torch.get_num_threads()
    if count is not None:
        torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)

"""The only training loop. It owns time, order, checkpoints and logging; the phase owns the gradients."""

import math
import time
import warnings
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from netchip.errors import ConfigError, DataError, Interrupted, NetchipWarning
from netchip.train.accelerating import Accelerator, make_accelerator, release
from netchip.train.checkpoint import Position
from netchip.train.determinism import deterministic
from netchip.train.distributed import (
    any_process,
    broadcast_buffers,
    broadcast_object,
    is_main,
    process_count,
    process_index,
    sum_over_processes,
)
from netchip.train.interruption import Interruption, interruptible
from netchip.train.keeping import Keeper
from netchip.train.layout import batch_like, laid_out, lay_out
from netchip.train.metrics import METRICS_FILE, MetricsLog, RunningMeans
from netchip.train.phase import Batch, Loader, Phase, Step
from netchip.train.progress import Display
from netchip.train.spec import TrainSpec

_DEFAULT = TrainSpec()


@dataclass(frozen=True, kw_only=True)
class FitResult:
    """What a phase came to.

    `epochs_done` counts from epoch 0, a later `start_epoch` included; `steps` are this phase's own optimizer steps.
    `seconds` is the time spent in training steps and in the phase's own end of an epoch (drawing a mask, say), over all
    resumes, without validation and checkpoints; `energy_j` the joules of that same time, summed over processes, None
    unless all of it was measured. `history` has the figures of every epoch, `metrics` those of the last, `spent` what
    seconds and joules had come to at the end of each.
    """

    epochs_done: int
    stopped_early: bool
    seconds: float
    steps: int
    metrics: Mapping[str, Any]
    history: tuple[Mapping[str, Any], ...]
    energy_j: float | None = None
    spent: tuple[tuple[float, float | None], ...] = ()

    def until(self, epoch: int) -> "FitResult":
        """What the phase had come to when `epoch` epochs were done; itself for its last one."""
        later = self.epochs_done - epoch
        if later <= 0 or later >= len(self.spent):
            return self
        seconds, energy_j = self.spent[-1 - later]
        history = self.history[:-later]
        return replace(
            self,
            epochs_done=epoch,
            stopped_early=True,
            seconds=seconds,
            steps=self.steps * len(history) // len(self.history),
            metrics=history[-1],
            history=history,
            energy_j=energy_j,
            spent=self.spent[:-later],
        )


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
    energy_counter: Callable[[], float] | None = None,
) -> FitResult:
    """Trains `phase` from `start_epoch` to `epochs` (or until its `end_epoch` says so), or goes on where `folder`
    says it was.

        phase = Classification(model, OptimizerSpec(learning_rate=0.1))
        result = fit(phase, loader, epochs=20, folder="runs/mine/train", validation=validation)

    Called again after any stop, with the same arguments, it ends with the same weights (bit-equal on a CPU at an equal
    thread count, and on CUDA with `spec.deterministic`); a finished phase is taken up from its checkpoint and returns at
    once. Under `torchrun` or `accelerate launch` every optimizer step uses one batch of `loader`, cut into a part for each
    process and micro batch; BatchNorm statistics are per part, and those saved are rank 0's. `energy_counter` returns the
    joules that this process's device has used so far; one that fails is left alone from then on, with a `NetchipWarning`.

    Writes `folder/checkpoint.pt` and lines of `folder/../metrics.jsonl`. Raises `ConfigError`, `DataError` and
    `CheckpointMismatch` before work; `DivergedError` when a loss becomes NaN or infinite, `CheckpointError` when a
    checkpoint is damaged or the disk refuses one, `Interrupted` after SIGTERM or Ctrl-C.
    """
    _check(loader, start_epoch, epochs)
    folder = Path(folder)
    with ExitStack() as stack:
        stack.enter_context(_threads(spec.threads))
        accelerator = make_accelerator(spec)
        stack.enter_context(deterministic(spec.deterministic, accelerator.device))
        stack.enter_context(laid_out(phase, spec.channels_last))
        keeper = Keeper(phase, accelerator, folder, _identity(loader, config_hash, start_epoch, epochs))
        position = keeper.take_up(_start(start_epoch, epochs, energy_counter))
        if not position.finished:
            stop = stack.enter_context(interruptible())
            display = stack.enter_context(_display(folder, epochs, spec))
            log = stack.enter_context(_log(folder, spec, position)) if is_main() else None
            meter = _EnergyMeter(energy_counter)
            loop = _Loop(
                phase, loader, validation, epochs, spec, accelerator, keeper, position, meter, stop, display, log
            )
            while not position.finished:
                loop.train_epoch()
                loop.end_epoch()
        return _result(position)


@dataclass
class _Loop:
    """What the loop works on."""

    phase: Phase
    loader: Loader
    validation: Loader | None
    epochs: int
    spec: TrainSpec
    accelerator: Accelerator
    keeper: Keeper
    position: Position
    meter: "_EnergyMeter"
    interruption: Interruption
    display: Display
    log: MetricsLog | None

    def __post_init__(self) -> None:
        self.means = RunningMeans(self.position.sums)
        self._training_since = time.monotonic()

    def train_epoch(self) -> None:
        """The steps of the epoch that are left, with a checkpoint now and then."""
        position = self.position
        self.display.begin_epoch(position.epoch, done=position.index, steps=len(self.loader))
        self.phase.model.train()
        self._go_on()
        for step, micro_batches in self._steps():
            for batch in micro_batches:
                moved = tuple(self._moved(tensor) for tensor in batch)
                self.means.add(self.phase.train_step(moved, step), step.index)
            position.index, position.steps = step.index + 1, position.steps + 1
            self.display.advance()
            if position.index % self.spec.log_every == 0 and position.index < len(self.loader):
                self._log_means()
            self._save_when_due()
        self._pause()

    def end_epoch(self) -> None:
        """Validates, asks the phase whether to end, logs, prepares a model that was cut again, and saves."""
        position, model = self.position, self.phase.model
        broadcast_buffers(model)
        figures: dict[str, Any] = self.means.means()
        if self.validation is not None:
            figures |= self.phase.validate(self.validation)
        before = dict(model.named_parameters(remove_duplicate=False))
        self._go_on()
        position.stopped_early = broadcast_object(bool(self.phase.end_epoch(position.epoch)))
        self._pause()
        position.spent.append((position.seconds, position.energy_j))
        position.history.append({"epoch": position.epoch, **figures})
        self._write(figures | {"seconds": position.seconds})
        self.display.end_epoch(position.epoch, figures, seconds=position.seconds)
        if not _same_structure(before, self.phase.model):
            release(self.accelerator)
            if self.spec.channels_last:
                lay_out(self.phase.model)
            self.phase.setup(self.accelerator)
        self.means = RunningMeans()
        position.epoch, position.index = position.epoch + 1, 0
        position.finished = position.stopped_early or position.epoch == self.epochs
        self.keeper.save(position, self.means, self.log)
        if any_process(self.interruption.requested is not None)[0]:
            raise self._interrupted()

    def _moved(self, tensor: Tensor) -> Tensor:
        return batch_like(tensor.to(self.accelerator.device, non_blocking=True), self.spec.channels_last)

    def _steps(self) -> Iterator[tuple[Step, tuple[Batch, ...]]]:
        """The steps left in this epoch with this process's micro batches: of W processes and A micro batches, parts r
        A + a.
        """
        micro, here = self.spec.accumulate, self.position
        parts = range(process_index() * micro, (process_index() + 1) * micro)
        total = micro * process_count()
        streams = [self.loader.epoch(here.epoch, start=here.index, part=part, parts=total) for part in parts]
        for index, batches in enumerate(zip(*streams, strict=True), start=here.index):
            yield Step(epoch=here.epoch, index=index, steps_per_epoch=len(self.loader), epochs=self.epochs), batches

    def _save_when_due(self) -> None:
        due = is_main() and self.keeper.seconds_since_save >= self.spec.checkpoint_seconds
        due, stop = any_process(due, self.interruption.requested is not None)
        if stop or (due and self.position.index < len(self.loader)):  # the end of the epoch saves anyway
            self._pause()
            self.keeper.save(self.position, self.means, self.log)
            self._go_on()
            if stop:
                raise self._interrupted()

    def _go_on(self) -> None:
        """Starts the clock and the energy meter."""
        self.meter.start()
        self._training_since = time.monotonic()

    def _pause(self) -> None:
        """Stops them; what was trained so far is done and finite."""
        position = self.position
        self.keeper.check_loss(position, self.means)
        position.seconds += time.monotonic() - self._training_since
        spent_j = self.meter.spent_j()
        if position.energy_j is not None:
            position.energy_j = None if spent_j is None else position.energy_j + spent_j

    def _log_means(self) -> None:
        self.keeper.check_loss(self.position, self.means)
        means = self.means.means()
        self.display.figures(means)
        self._write(means)

    def _write(self, figures: Mapping[str, Any]) -> None:
        if self.log is not None:
            here = self.position
            step = here.epoch * len(self.loader) + here.index
            rate = float(self.phase.optimizer.param_groups[0]["lr"])
            self.log.write({"epoch": here.epoch, "step": step, **figures, "learning_rate": rate}, step=step)

    def _interrupted(self) -> Interrupted:
        here, name = self.position, self.interruption.requested or "a signal to another process"
        where = f"epoch {here.epoch + 1}, after {here.index} of {len(self.loader)} steps"
        return Interrupted(
            f"stopped by {name} in {where}; everything is in {self.keeper.path}. Run the same command again to go on."
        )


class _EnergyMeter:
    """Joules from a start on, over all processes; unknown without a counter, and from when one fails."""

    def __init__(self, counter: Callable[[], float] | None) -> None:
        self._counter, self._since_j = counter, math.nan

    def start(self) -> None:
        """Measures from here."""
        self._since_j = self._read_j()

    def spent_j(self) -> float | None:
        """Joules since the start, the same in every process, which all call it; None when unknown in any."""
        now_j = self._read_j()
        here_j = now_j - self._since_j
        if self._counter is not None and not 0 <= here_j < math.inf:
            here_j = self._fail(f"it went from {self._since_j} J to {now_j} J")
        total_j = float(sum_over_processes(torch.tensor(here_j, dtype=torch.float64)))
        return None if math.isnan(total_j) else total_j

    def _read_j(self) -> float:
        try:
            return math.nan if self._counter is None else float(self._counter())
        except Exception as error:  # noqa: BLE001 - a counter is handed in and may raise anything; training goes on
            return self._fail(str(error) or type(error).__name__)

    def _fail(self, reason: str) -> float:
        """Leaves the counter alone from now on; not a number."""
        self._counter = None
        warnings.warn(
            f"the energy counter failed ({reason}): training goes on, but the energy of this phase stays unknown; train "
            "it again from its beginning (--fresh) to measure it",
            NetchipWarning,
            stacklevel=2,
        )
        return math.nan


def _start(start_epoch: int, epochs: int, energy_counter: Callable[[], float] | None) -> Position:
    """Where nothing was trained yet, and no energy used, if it can be measured."""
    energy_j = None if energy_counter is None else 0.0
    return Position(epoch=start_epoch, finished=start_epoch == epochs, energy_j=energy_j)


def _result(here: Position) -> FitResult:
    return FitResult(
        epochs_done=here.epoch,
        stopped_early=here.stopped_early,
        seconds=here.seconds,
        steps=here.steps,
        metrics=here.history[-1] if here.history else {},
        history=tuple(here.history),
        energy_j=here.energy_j,
        spent=tuple((seconds, energy_j) for seconds, energy_j in here.spent),
    )


def _check(loader: Loader, start_epoch: int, epochs: int) -> None:
    if not 0 <= start_epoch <= epochs:
        raise ConfigError(
            f"start_epoch = {start_epoch}, epochs = {epochs}: training goes from one to the other, "
            "so 0 <= start_epoch <= epochs"
        )
    if len(loader) == 0:
        raise DataError(
            "the loader has no batches, so there is nothing to train on; check its split and its batch size"
        )


def _identity(loader: Loader, config_hash: str, start_epoch: int, epochs: int) -> dict[str, Any]:
    """What must be equal for a checkpoint to be taken up."""
    data = {f"loader {name}": value for name, value in loader.state().items()}
    return {"config": config_hash, "start_epoch": start_epoch, "epochs": epochs, "steps an epoch": len(loader), **data}


def _display(folder: Path, epochs: int, spec: TrainSpec) -> Display:
    return Display(folder.name, epochs=epochs, style=spec.progress if is_main() else "quiet")


def _log(folder: Path, spec: TrainSpec, position: Position) -> MetricsLog:
    return MetricsLog(folder.parent / METRICS_FILE, folder.name, keep=position.lines, tensorboard=spec.tensorboard)


def _same_structure(before: Mapping[str, nn.Parameter], model: nn.Module) -> bool:
    """Whether `model` has the very same parameter objects under the same names as `before`."""
    after = dict(model.named_parameters(remove_duplicate=False))
    return before.keys() == after.keys() and all(before[name] is after[name] for name in after)


@contextmanager
def _threads(count: int | None) -> Generator[None]:
    """Sets torch's CPU threads, and puts them back."""
    before = torch.get_num_threads()
    if count is not None:
        torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)

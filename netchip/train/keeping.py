"""A phase kept on disk: taken up from its checkpoint, saved into it, and never saved once it has diverged."""

import time
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from netchip.errors import DivergedError, NetchipWarning
from netchip.train.accelerating import Accelerator
from netchip.train.checkpoint import NAME, Checkpoint, Position, read_checkpoint, write_checkpoint
from netchip.train.distributed import (
    any_process,
    broadcast_object,
    gather_object,
    is_main,
    process_count,
    process_index,
)
from netchip.train.metrics import MetricsLog, RunningMeans
from netchip.train.phase import Phase
from netchip.train.seeding import rng_state, set_rng_state


class Keeper:
    """Saves `phase` in `folder/checkpoint.pt` and takes it up from there; under several processes rank 0 reads and
    writes.
    """

    def __init__(self, phase: Phase, accelerator: Accelerator, folder: Path, identity: Mapping[str, Any]) -> None:
        self.path = folder / NAME
        self._phase, self._accelerator, self._name, self._identity = phase, accelerator, folder.name, identity
        self._saved_at = time.monotonic()

    @property
    def seconds_since_save(self) -> float:
        """Seconds since the last save, or since the start."""
        return time.monotonic() - self._saved_at

    def take_up(self, start: Position) -> Position:
        """Sets the phase up at `start`, or puts back everything the checkpoint holds; where that leaves it.

        Raises `CheckpointError` for a damaged checkpoint, `CheckpointMismatch` for one of another training; warns
        when threads, processes or device differ, since the result is then no longer bit-equal.
        """
        saved = broadcast_object(self._read() if is_main() else None)
        if saved is None:
            self._phase.setup(self._accelerator)
            return start
        _warn_of_other(saved.circumstances, self._circumstances(), self.path)
        self._put_back(saved)
        return saved.position

    def save(self, position: Position, means: RunningMeans, log: MetricsLog | None) -> None:
        """Writes the checkpoint; all processes call it. Raises `DivergedError` instead when a weight is NaN or
        infinite.
        """
        self._check_weights(position)
        rng, position.sums = gather_object(rng_state()), means.sums()
        if log is not None:
            log.sync()
            position.lines = log.lines
        if is_main():
            write_checkpoint(self.path, self._content(position, rng))
        self._saved_at = time.monotonic()

    def check_loss(self, position: Position, means: RunningMeans) -> None:
        """Raises `DivergedError` in every process when a loss of this epoch was NaN or infinite in any."""
        bad = [index for index in gather_object(means.first_bad()) if index is not None]
        if bad:
            raise self._diverged(f"the loss became NaN or infinite in epoch {position.epoch + 1}, step {min(bad) + 1}")

    def _read(self) -> Checkpoint | None:
        for left in self.path.parent.glob(f".{NAME}.*.tmp"):  # by a process that was killed while it wrote
            left.unlink(missing_ok=True)
        return read_checkpoint(self.path, self._identity)

    def _put_back(self, saved: Checkpoint) -> None:
        self._phase.load_state_dict(saved.phase)
        self._phase.setup(self._accelerator)
        self._phase.model.load_state_dict(saved.model)
        self._phase.optimizer.load_state_dict(dict(saved.optimizer))
        scaler = self._accelerator.scaler
        if saved.scaler is not None and scaler is not None:
            scaler.load_state_dict(saved.scaler)
        set_rng_state(saved.rng[process_index() % len(saved.rng)])

    def _content(self, position: Position, rng: list[dict[str, Any]]) -> Checkpoint:
        scaler = self._accelerator.scaler
        return Checkpoint(
            identity=self._identity,
            circumstances=self._circumstances(),
            position=position,
            model=self._phase.model.state_dict(),
            optimizer=self._phase.optimizer.state_dict(),
            scaler=None if scaler is None else scaler.state_dict(),
            phase=self._phase.state_dict(),
            rng=rng,
        )

    def _circumstances(self) -> dict[str, Any]:
        return {
            "threads": torch.get_num_threads(),
            "processes": process_count(),
            "device": self._accelerator.device.type,
        }

    def _check_weights(self, position: Position) -> None:
        flags = [parameter.detach().isfinite().all() for parameter in self._phase.model.parameters()]
        if any_process(bool(flags) and not bool(torch.stack(flags).all()))[0]:
            raise self._diverged(
                f"a weight became NaN or infinite in epoch {position.epoch + 1}, by step {position.index}"
            )

    def _diverged(self, what: str) -> DivergedError:
        there = self.path.is_file()
        kept = f"the last good checkpoint is kept: {self.path}" if there else "no checkpoint had been written yet"
        return DivergedError(f"{self._name}: {what}; {kept}. A lower learning rate or a warm-up usually helps.")


def _warn_of_other(saved: Mapping[str, Any], here: Mapping[str, Any], path: Path) -> None:
    differing = [
        f"{name} {saved.get(name)} there, {value} here" for name, value in here.items() if saved.get(name) != value
    ]
    if differing and is_main():
        warnings.warn(
            f"{path} was written under other circumstances ({'; '.join(differing)}): training goes on, but it ends "
            "bit-equal to one that was never stopped only under the same",
            NetchipWarning,
            stacklevel=4,
        )

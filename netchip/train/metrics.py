"""Figures of a training: means over an epoch that never wait for a GPU, `metrics.jsonl`, and TensorBoard events."""

import json
import os
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any, Self

import torch
from torch import Tensor

from netchip.errors import MissingExtra
from netchip.files import write_atomic
from netchip.train.distributed import mean_over_processes

METRICS_FILE = "metrics.jsonl"


class RunningMeans:
    """Sums of the figures of an epoch, kept on the device; reading them is the only time that waits for it."""

    def __init__(self, sums: Mapping[str, float] | None = None) -> None:
        self._sums: dict[str, Tensor | float] = dict(sums or {})
        self._count = self._sums.pop("", 0.0)
        self._first_bad: Tensor | None = None

    def add(self, figures: Mapping[str, float | Tensor], index: int) -> None:
        """Takes in the figures of one micro batch of step `index`."""
        self._count += 1
        for name, value in figures.items():
            value = value.detach() if isinstance(value, Tensor) else torch.as_tensor(value, dtype=torch.float32)
            self._sums[name] = self._sums.get(name, 0.0) + value
            if "loss" in name:
                self._watch(value, index)

    def first_bad(self) -> int | None:
        """The first step of this process whose loss was NaN or infinite."""
        index = -1 if self._first_bad is None else int(self._first_bad)
        return index if index >= 0 else None

    def sums(self) -> dict[str, float]:
        """What a checkpoint keeps: the sums so far, averaged over the processes, and under "" how many were added."""
        return mean_over_processes(
            {"": float(self._count)} | {name: float(value) for name, value in self._sums.items()}
        )

    def means(self) -> dict[str, float]:
        """The mean of each figure over the epoch so far, over all processes."""
        sums = self.sums()
        count = sums.pop("")
        return {name: value / count for name, value in sums.items()}

    def _watch(self, value: Tensor, index: int) -> None:
        bad = torch.where(value.isfinite().all(), -1, index)
        self._first_bad = bad if self._first_bad is None else torch.where(self._first_bad >= 0, self._first_bad, bad)


class MetricsLog:
    """Appends lines to `metrics.jsonl`, and to TensorBoard when asked; lines that a resumed phase will write again
    are dropped first.
    """

    def __init__(self, path: Path, phase: str, *, keep: int, tensorboard: bool = False) -> None:
        self._phase = phase
        self.lines = _drop_lines(path, phase, keep)
        self._events: Any = _event_writer(path.parent / "tensorboard" / phase) if tensorboard else None
        self._file = path.open("a", encoding="utf-8")

    def write(self, line: Mapping[str, Any], *, step: int) -> None:
        """Appends `line`; its numbers become TensorBoard scalars at `step`. NaN and infinity become null, as JSON has
        neither.
        """
        self._file.write(
            json.dumps({"phase": self._phase, **{key: _jsonable(value) for key, value in line.items()}}) + "\n"
        )
        self._file.flush()
        self.lines += 1
        if self._events is not None:
            for name, value in line.items():
                if isinstance(value, float):
                    self._events.add_scalar(f"{self._phase}/{name}", value, step)

    def sync(self) -> None:
        """Makes sure the lines are on disk before a checkpoint counts them."""
        os.fsync(self._file.fileno())
        if self._events is not None:
            self._events.flush()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()
        if self._events is not None:
            self._events.close()


def _drop_lines(path: Path, phase: str, keep: int) -> int:
    """Rewrites the file with the first `keep` whole lines of `phase` and all whole lines of others; how many of
    `phase` stayed.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    before = path.read_bytes() if path.is_file() else b""
    kept: list[bytes] = []
    own = 0
    for line in before.splitlines(keepends=True):
        if _phase_of(line) == phase:
            own += 1
            if own > keep:
                continue
        if _phase_of(line) is not None:
            kept.append(line)
    after = b"".join(kept)
    if after != before:
        write_atomic(path, after)
    return min(own, keep)


def _phase_of(line: bytes) -> str | None:
    """The phase of a whole line, None for one that was cut short."""
    try:
        return str(json.loads(line)["phase"]) if line.endswith(b"\n") else None
    except (ValueError, KeyError, TypeError):
        return None


def _jsonable(value: Any) -> Any:
    return None if isinstance(value, float) and not torch.isfinite(torch.tensor(value)) else value


def _event_writer(folder: Path) -> Any:
    try:
        module: Any = import_module("tensorboardX")
    except ImportError:
        raise MissingExtra("tensorboardX", "track", "writing TensorBoard events") from None
    return module.SummaryWriter(logdir=str(folder))

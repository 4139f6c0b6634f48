"""Latency measured on this device: every operator timed once, and kept on disk for this device.

The latency of a network is taken as the sum of its operators' own; what the whole network takes is measured at the end.
"""

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from netchip.errors import DataError
from netchip.files import cache_folder, read_json, write_json
from netchip.measure.device import device_description
from netchip.measure.latency import measure_latency
from netchip.methods.autogan_distiller.costing.counting import Count
from netchip.methods.autogan_distiller.costing.measures import Priced
from netchip.methods.autogan_distiller.space.modules import OperatorModule
from netchip.units import format_seconds

FORMAT = 1  # raise it when an operator runs otherwise than it did
Progress = Callable[[int, int], None]
"""Told how many operators are timed, and how many there are."""


@dataclass(frozen=True)
class MeasuredLatency:
    """Seconds of a forward pass of one image on `device`, the median of `repeats` passes with `threads` torch threads.

    Kept in `folder` (the cache, where it is None), one file a device with its software; a table that was begun goes on.
    """

    device: str = "cpu"
    threads: int = 1
    repeats: int = 15
    folder: Path | None = None
    progress: Progress | None = None
    name: str = "latency"
    count: Count = "macs"

    def prices(self, items: Sequence[Priced]) -> list[float]:
        """Measured, or read from the file of this device. Raises `RequestError` where torch cannot use the device."""
        known = self._known()
        missing = [item for item in items if _key(item) not in known]
        for done, group in enumerate(_alike(missing), start=1):
            known |= self._measured(group)
            write_json(self.file, {"device": self._device(), "seconds": known})
            if self.progress is not None:
                self.progress(done, len(_alike(missing)))
        return [known[_key(item)] for item in items]

    def of_model(self, model: nn.Module, example: Tensor) -> float:
        """Measured now."""
        [found] = measure_latency(
            {"model": model}, example, batch_sizes=(1,), repeats=self.repeats, threads=self.threads, device=self.device
        )
        return found.median_s

    def written(self, cost: float) -> str:
        """ "3.50 ms"."""
        return format_seconds(cost)

    @property
    def file(self) -> Path:
        """Where the table of this device lies."""
        digest = hashlib.sha256(json.dumps(self._device(), sort_keys=True).encode()).hexdigest()[:16]
        return (self.folder or cache_folder() / "operator_latency") / f"{digest}.json"

    def _device(self) -> dict[str, Any]:
        """What a measurement holds for; torch's thread count at the moment is not part of it, `threads` is."""
        found = device_description(self.device).to_json()
        return found | {"threads": self.threads, "repeats": self.repeats, "format": FORMAT}

    def _known(self) -> dict[str, float]:
        try:
            return {str(key): float(seconds) for key, seconds in read_json(self.file)["seconds"].items()}
        except (DataError, KeyError, TypeError, ValueError, AttributeError):
            return {}  # no file, or a damaged one: measured again

    def _measured(self, group: Sequence[Priced]) -> dict[str, float]:
        """Operators with one input, side by side; the random numbers of their weights are nobody else's."""
        first = group[0]
        with torch.random.fork_rng():
            models = {_key(item): OperatorModule(item.operator, item.inputs, item.outputs) for item in group}
            example = torch.rand(1, first.inputs, *first.size)
        found = measure_latency(
            models, example, batch_sizes=(1,), repeats=self.repeats, threads=self.threads, device=self.device
        )
        return {each.model: _own(item) * each.median_s for each, item in zip(found, group, strict=True)}


def _own(item: Priced) -> float:
    """1; 0 for an identity, which is not there in the network."""
    return 0.0 if not item.operator.body and item.operator.enlarge == 1 else 1.0


def _key(item: Priced) -> str:
    operator = json.dumps(asdict(item.operator), sort_keys=True)
    name = hashlib.sha256(operator.encode()).hexdigest()[:12]
    return f"{item.operator.name}-{name} {item.inputs}-{item.outputs} {item.size[0]}x{item.size[1]}"


def _alike(items: Sequence[Priced]) -> list[list[Priced]]:
    """In groups of one input width and size."""
    groups: dict[tuple[int, tuple[int, int]], list[Priced]] = {}
    for item in items:
        groups.setdefault((item.inputs, item.size), []).append(item)
    return list(groups.values())

"""A mapped network written for Timeloop or ZigZag: the files read again, and what their words change of its costs, step by step."""

import tempfile
from collections.abc import Mapping as Table
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from netchip.errors import RunError
from netchip.export.checked_text import layers_of
from netchip.export.mapped_network import (
    MappedNetwork,
    for_zigzag,
    problem_name,
    timeloop_files,
    write_files,
    zigzag_files,
)
from netchip.export.timeloop_reading import read_timeloop_accelerator, read_timeloop_layer, read_timeloop_mapping
from netchip.export.zigzag_mapping_reading import WrittenMapping, read_zigzag_mapping
from netchip.export.zigzag_reading import read_zigzag_accelerator
from netchip.export.zigzag_workload_reading import read_zigzag_workload
from netchip.export.zigzag_writing import array_names
from netchip.hardware.accelerator import Accelerator
from netchip.hardware.conventions import DEFAULT, TIMELOOP4, ZIGZAG, Conventions
from netchip.hardware.cost import Latency, evaluate
from netchip.hardware.mapping import Loop, Mapping
from netchip.hardware.mapping_batch import MappingBatch
from netchip.units import format_energy_pj, format_seconds, share_to_percent
from netchip.workload.layer import Layer

_NEARLY = 1e-9


@dataclass(frozen=True)
class CostStep:
    """The costs of one pass after a change: energy in pJ, latency in s."""

    what: str
    energy_pj: float
    latency_s: float


@dataclass(frozen=True, kw_only=True)
class MappedFiles:
    """The files of one tool in a folder. `steps`: from the costs as they were searched to those that the tool's words come to."""

    file: str
    tool: str
    holds: str
    files: tuple[str, ...]
    steps: tuple[CostStep, ...]

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)

    def line(self) -> str:
        """In words: what was written, then a line a step."""
        first = self.steps[0]
        head = f"{self.file}: {len(self.files)} files of {self.tool}, {self.holds}; read again by netchip, they say the same"
        begun = f"  as searched: {format_energy_pj(first.energy_pj)}, {format_seconds(first.latency_s)}"
        return "\n".join([head, begun, *(f"  {each.what}: {_beside(each, first)}" for each in self.steps[1:])])


def write_timeloop(mapped: MappedNetwork, folder: Path) -> MappedFiles:
    """Writes Timeloop's v0.4 files into a folder, once they read back as they should.

    Raises `RequestError` for what Timeloop has no word for, `RunError` where a file does not say what was written.
    """
    files = timeloop_files(mapped)
    chip, layers, mappings = _parts(mapped)
    with tempfile.TemporaryDirectory() as place:
        write_files(Path(place), files)
        read = read_timeloop_accelerator(Path(place) / "architecture.yaml", Path(place) / "ERT.yaml")
        stems = [Path(place) / problem_name(layer) for layer in layers]
        found = [read_timeloop_layer(Path(f"{stem}.problem.yaml"), read.precision) for stem in stems]
        again = [read_timeloop_mapping(Path(f"{stem}.mapping.yaml"), read) for stem in stems]
    for layer, own, other in zip(layers, mappings, again, strict=True):
        _require(_merged(own) == _merged(other), f"the mapping of {layer.name}")
    free = _without_hops(chip)
    padded = [_padded(layer) for layer in layers]
    plain = [Layer(layer.name, layer.shape, precision=read.precision) for layer in padded]
    bits = read.precision
    words = f"{bits.weight_bits}/{bits.input_bits}/{bits.output_bits}/{bits.accumulator_bits}"
    costs = (
        _cost("as searched", chip, layers, mappings),
        _cost("steps through the array free", free, layers, mappings),
        _cost("and padding counted as inputs", free, padded, mappings),
        _cost(f"and all layers at the file's {words} bits", free, plain, mappings),
        _cost("and no port shared by reads and writes: the files", read, found, again),
        _cost("counted as Timeloop v4 counts", read, found, again, TIMELOOP4),
    )
    _require(np.isclose(costs[4].energy_pj, costs[3].energy_pj, rtol=_NEARLY), "what the files cost")
    write_files(folder, files)
    return MappedFiles(
        file=str(folder), tool="Timeloop v0.4", holds=layers_of(mapped.workload), files=tuple(files), steps=costs
    )


def write_zigzag_mapped(mapped: MappedNetwork, folder: Path) -> MappedFiles:
    """Writes ZigZag's 3.x files into a folder, once they read back as they should. It places loops in memories by itself.

    Raises `RequestError` for what ZigZag has no word for, `RunError` where a file does not say what was written.
    """
    files = zigzag_files(mapped)
    chip, layers, mappings = _parts(mapped)
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        write_files(place, files)
        workload, written = read_zigzag_workload(place / "workload.yaml"), read_zigzag_mapping(place / "mapping.yaml")
        read = read_zigzag_accelerator(
            place / "accelerator.yaml", frequency_hz=chip.frequency_hz, precision=chip.precision
        )
    names = array_names(chip)
    _require(workload.layers == mapped.workload.layers, "the workload")
    for layer, own in zip(layers, mappings, strict=True):
        _require(written[layer.name] == _as_written(own, names), f"the mapping of {layer.name}")
    free = _without_hops(chip)
    renamed = [_renamed(own, names) for own in mappings]
    costs = (
        _cost("as searched", chip, layers, mappings),
        _cost("steps through the array free", free, layers, mappings),
        _cost("and accesses as wide as their ports", for_zigzag(free), layers, mappings),
        _cost("and ZigZag's conventions", for_zigzag(free), layers, mappings, ZIGZAG),
        _cost("and its stalls, first loads and last drains: the files", read, layers, renamed, ZIGZAG, "stalls"),
    )
    _require(np.isclose(costs[4].energy_pj, costs[3].energy_pj, rtol=_NEARLY), "what the files cost")
    write_files(folder, files)
    return MappedFiles(
        file=str(folder), tool="ZigZag 3.x", holds=layers_of(mapped.workload), files=tuple(files), steps=costs
    )


def _parts(mapped: MappedNetwork) -> tuple[Accelerator, Sequence[Layer], Sequence[Mapping]]:
    layers = mapped.workload.layers
    return mapped.accelerator, layers, [mapped.mappings[layer.name] for layer in layers]


def _cost(
    what: str,
    chip: Accelerator,
    layers: Sequence[Layer],
    mappings: Sequence[Mapping],
    conventions: Conventions = DEFAULT,
    latency: Latency = "bound",
) -> CostStep:
    batch = MappingBatch.of(list(mappings), chip, layers=range(len(layers)))
    costs = evaluate(layers, chip, batch, conventions=conventions, latency=latency)
    energy, cycles = (float(np.sum(np.asarray(each))) for each in (costs.energy_pj, costs.cycles))
    return CostStep(what, energy, cycles / chip.frequency_hz)


def _without_hops(chip: Accelerator) -> Accelerator:
    return chip.model_copy(update={"energy": chip.energy.model_copy(update={"hop": None})})


def _padded(layer: Layer) -> Layer:
    """The layer with its padding as part of the input."""
    shape = layer.shape
    height = (shape.out_height - 1) * shape.stride[0] + (shape.kernel_height - 1) * shape.dilation[0] + 1
    width = (shape.out_width - 1) * shape.stride[1] + (shape.kernel_width - 1) * shape.dilation[1] + 1
    whole = type(shape)(**{**asdict(shape), "in_height": height, "in_width": width, "padding": (0, 0)})
    return Layer(layer.name, whole, precision=layer.precision)


def _merged(mapping: Mapping) -> tuple[list[tuple[str, int, str]], dict[tuple[str, str], float]]:
    """Loops of more than one step with their memory, neighbours of one dimension as one; factors above 1 side by side."""
    loops: list[tuple[str, int, str]] = []
    for loop in mapping.loops:
        same = bool(loops) and loop.bound > 1 and (loops[-1][0], loops[-1][2]) == (loop.dim, loop.at["W"])
        bound = loop.bound * (loops.pop()[1] if same else 1)
        loops += [(loop.dim, bound, loop.at["W"])] if bound > 1 else []
    side = {(name, dim): factor for name, row in mapping.spatial.items() for dim, factor in row.items() if factor > 1}
    return loops, side


def _as_written(mapping: Mapping, names: Table[str, str]) -> WrittenMapping:
    """What ZigZag's file is to say of a mapping."""
    units = {
        written: tuple((dim, -int(-factor // 1)) for dim, factor in mapping.spatial.get(name, {}).items() if factor > 1)
        for name, written in names.items()
    }
    return WrittenMapping(units, tuple((loop.dim, loop.bound) for loop in mapping.loops if loop.bound > 1))


def _renamed(mapping: Mapping, names: Table[str, str]) -> Mapping:
    loops: tuple[Loop, ...] = mapping.loops
    return Mapping(loops=loops, spatial={names[name]: row for name, row in mapping.spatial.items()})


def _require(same: bool | np.bool_, what: str) -> None:
    if not same:
        raise RunError(f"{what} does not read back as it was; nothing was written")


def _beside(step: CostStep, first: CostStep) -> str:
    ratios = (step.energy_pj / first.energy_pj - 1, step.latency_s / first.latency_s - 1)
    return "energy {:+.2f} %, latency {:+.2f} %".format(*map(share_to_percent, ratios))

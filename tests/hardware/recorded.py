"""Recorded inputs and outputs of other tools, as netchip's values: ZigZag, Timeloop, the Timeloop runs of DOSA."""

import csv
import gzip
import json
import math
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from netchip.hardware.accelerator import Accelerator
from netchip.hardware.mapping import Loop, Mapping
from netchip.workload.encoding import Precision
from netchip.workload.layer import Layer
from netchip.workload.shape import LayerShape

_PORTS = {"tl": "read", "fh": "fill", "fl": "update", "th": "drain"}
MOVES = {"rd_out_to_low": "read", "wr_in_by_low": "update", "rd_out_to_high": "drain", "wr_in_by_high": "fill"}
_OPERANDS = {"I1": "I", "I2": "W", "O": "O"}


def accelerator(
    name: str, array: dict[str, int], memories: list[dict[str, Any]], prices: dict[str, Any], mac: float
) -> Accelerator:
    """An accelerator of the tool's own figures; `prices` gives (read, write) in pJ."""
    energies = {key: {"read_pj": read, "write_pj": write, "source": name} for key, (read, write) in prices.items()}
    energy = {"mac": {"pj": mac, "source": name}, "memories": energies}
    data = {"name": name, "source": name, "frequency_hz": 1e9, "array": array, "memories": memories, "energy": energy}
    return Accelerator.parse(data, source=name)


# ZigZag ------------------------------------------------------------------------------------------------------------------


def zigzag_accelerator(path: Path) -> Accelerator:
    """An accelerator of ZigZag 3.x."""
    data = yaml.safe_load(path.read_text())
    memories = [
        {
            "name": name,
            "bits": each["size"],
            "operands": [_OPERANDS[operand] for operand in each["operands"]],
            "serves": each["served_dimensions"],
            "ports": [_zigzag_port(port) for port in each["ports"]],
        }
        for name, each in data["memories"].items()
    ]
    prices = {name: (each["r_cost"], each["w_cost"]) for name, each in data["memories"].items()}
    array = data["operational_array"]
    found = accelerator(
        data["name"],
        dict(zip(array["dimensions"], array["sizes"], strict=True)),
        memories,
        prices,
        array["unit_energy"],
    )
    return found.changed(systolic=tuple(array.get("systolic_dimensions", ())))


def _zigzag_port(port: dict[str, Any]) -> dict[str, Any]:
    moves = [tuple(part.strip() for part in each.split(",")) for each in port["allocation"]]
    return {
        "name": port["name"],
        "kind": port["type"],
        "bits_per_cycle": port["bandwidth_max"],
        "least_bits": port["bandwidth_min"],
        "moves": [(_OPERANDS[operand], _PORTS[move]) for operand, move in moves],
    }


def zigzag_layers(path: Path) -> dict[str, Layer]:
    """The layers of a ZigZag workload without padding."""
    found = {}
    for each in yaml.safe_load(path.read_text()):
        bounds = dict(zip(each["loop_dims"], each["loop_sizes"], strict=True))
        stride = int(re.search(r"=(\d+)\*", each["dimension_relations"][0])[1])
        found[each["name"]] = zigzag_layer(each["name"], bounds, stride, each["operand_precision"])
    return found


def zigzag_layer(
    name: str, bounds: dict[str, int], stride: int, bits: dict[str, int], padding: tuple[int, int] = (0, 0)
) -> Layer:
    """A layer by its loop bounds; a strided layer with padding reads all of an input of stride x output positions."""
    kernel, out = (bounds["FY"], bounds["FX"]), (bounds["OY"], bounds["OX"])
    size = [
        stride * (o - 1) + k - 2 * p if stride == 1 or p == 0 else stride * o
        for o, k, p in zip(out, kernel, padding, strict=True)
    ]
    shape = LayerShape.conv(
        batch=bounds["B"],
        groups=bounds["G"],
        in_channels=bounds["G"] * bounds["C"],
        out_channels=bounds["G"] * bounds["K"],
        in_size=(size[0], size[1]),
        kernel=kernel,
        stride=(stride, stride),
        padding=padding,
    )
    assert shape.loop_bounds == bounds
    precision = Precision(
        weight_bits=bits["W"], input_bits=bits["I"], output_bits=bits["O_final"], accumulator_bits=bits["O"]
    )
    return Layer(name, shape, precision=precision)


def zigzag_rows(path: Path) -> list[dict[str, Any]]:
    """The recorded mappings of a file with what ZigZag said of them."""
    with gzip.open(path, "rt") as file:
        return [json.loads(line) for line in file]


def zigzag_mapping(
    chip: Accelerator, temporal: dict[str, Any], unrolled: dict[str, dict[str, float]], bounds: dict[str, int]
) -> Mapping:
    """A mapping by the loops that each memory keeps and the unrolling that was asked for.

    ZigZag unrolls 55 rows asked onto 14 units as 13.75: where one array dimension takes a loop dimension, its factor is what
    the loops leave.
    """
    names = {operand: [chip.memories[index].name for index in chip.chain(operand)] for operand in "WIO"}
    kept = {
        operand: [
            (dim, int(bound), name)
            for name, loops in zip(names[operand], temporal[operand], strict=True)
            for dim, bound in loops
        ]
        for operand in "WIO"
    }
    loops = tuple(
        Loop(dim=dim, bound=bound, at={operand: kept[operand][place][2] for operand in "WIO"})
        for place, (dim, bound, _) in enumerate(kept["O"])
    )
    steps = {dim: math.prod(loop.bound for loop in loops if loop.dim == dim) for dim in bounds}
    spatial = {name: dict(factors) for name, factors in unrolled.items()}
    for dim, bound in bounds.items():
        places = [name for name, factors in spatial.items() if dim in factors]
        if len(places) == 1:
            spatial[places[0]][dim] = bound / steps[dim]
    return Mapping(loops=loops, spatial=spatial)


def zigzag_unrolling(path: Path, layer: str) -> dict[str, dict[str, float]]:
    """The unrolling that a ZigZag mapping file asks for, of a layer or by default."""
    entries = {each["name"]: each["spatial_mapping"] for each in yaml.safe_load(path.read_text())}
    asked = entries.get(layer, entries["default"])
    return {name: {dim: float(factor) for dim, factor in map(_pair, factors)} for name, factors in asked.items()}


def _pair(text: str) -> tuple[str, str]:
    dim, factor = text.strip("()").split(", ")
    return dim, factor


def zigzag_loops(levels: dict[str, list[list[str]]]) -> dict[str, list[list[tuple[str, float]]]]:
    """Loops written as "(K, 32)"."""
    return {
        operand: [[(dim, float(bound)) for dim, bound in map(_pair, loops)] for loops in each]
        for operand, each in levels.items()
    }


@dataclass(frozen=True)
class Searched:
    """One layer of a recorded search: its fixed unrolling, and the energy in pJ of the best mapping LOMA found."""

    layer: Layer
    spatial: dict[str, dict[str, int]]
    energy_pj: float


ZIGZAG_MACHINES = {"eyeriss_like": "from_package/hardware__eyeriss_like.yaml", "r3_shared": "hw_r3_shared.yaml"}
"""The machines whose searches on the 12-layer workload are recorded, and their files."""


def loma_searches(folder: Path, machine: str) -> list[Searched]:
    """The 12 layers of LOMA's search for least energy on a machine; `folder` is hw_reference/zigzag."""
    run: dict[str, Any] = json.loads((folder / "search" / f"ref12_{machine}_minenergy_lpf5.json").read_text())
    layers = zigzag_layers(folder / "inputs" / "workload_ref12.yaml")
    return [
        Searched(layers[each["layer"]], each["layer_def"]["user_spatial_mapping"], each["energy"]["energy_total"])
        for each in run["layers"]
    ]


def loma_seconds(folder: Path, machine: str) -> float:
    """CPU seconds that LOMA took for all 12 layers, as recorded."""
    runs = json.loads((folder / "search" / "timing.json").read_text())
    return next(run["cpu_seconds"] for run in runs if machine in run["hw"] and "ref12" in run["wl"])


# DOSA --------------------------------------------------------------------------------------------------------------------

_DOSA_DIMS = {"N": "B", "K": "K", "C": "C", "P": "OX", "Q": "OY", "R": "FX", "S": "FY"}
_DOSA_CHAINS = {"W": ("reg", "spad", "dram"), "I": ("spad", "dram"), "O": ("accumulator", "dram")}
_DOSA_LEVELS = ("reg", "accumulator", "spad", "dram")


def dosa_rows(path: Path) -> list[dict[str, str]]:
    """The recorded runs of Timeloop."""
    with gzip.open(path, "rt") as file:
        return list(csv.DictReader(file))


def dosa_accelerator(row: dict[str, str]) -> Accelerator:
    """Gemmini as DOSA gives it to Timeloop, with the energies printed in DOSA's source (40 nm, pJ a word)."""
    side, words = int(row["arch.meshX"]), (int(row["arch.mem1_entries"]), int(row["arch.mem2_entries"]))
    kib = (4 * words[0] * int(row["arch.mem1_instances"]) / 1024, words[1] / 1024)
    prices = {
        "reg": 0.4875,
        "accumulator": 1.94 + 0.1005 * kib[0] / side,
        "spad": 0.49 + 0.02513 * kib[1],
        "dram": 100.0,
    }
    spad_bits = 8 * int(row["arch.mem2_shared_bandwidth"])
    memories = [
        _timeloop_memory("reg", ["W"], [], 8, 16, 8),
        _timeloop_memory("accumulator", ["O"], ["X"], 32, 64, 32 * words[0]),
        _timeloop_memory("spad", ["W", "I"], ["X", "Y"], 8, spad_bits, 8 * words[1]),
        _timeloop_memory("dram", ["W", "I", "O"], ["X", "Y"], 8, 64, None),
    ]
    both = {name: (price, price) for name, price in prices.items()}
    return accelerator("gemmini", {"X": side, "Y": side}, memories, both, 0.5608)


def _timeloop_memory(
    name: str, operands: list[str], serves: list[str], word: int, port: int | None, bits: int | None
) -> dict[str, Any]:
    ports = [{"name": "shared", "kind": "read_write", "bits_per_cycle": port}] if port else []
    return {
        "name": name,
        "bits": bits,
        "operands": operands,
        "serves": serves,
        "ports": ports,
        "word_bits": word,
        "access_bits": word,
    }


def dosa_layer(row: dict[str, str]) -> Layer:
    """The convolution of a run; all numbers are counted as words."""
    bounds = {dim: int(row[f"prob.{name}"]) for name, dim in _DOSA_DIMS.items()} | {"G": 1}
    assert row["prob.Hstride"] == row["prob.Wstride"]
    return zigzag_layer("layer", bounds, int(row["prob.Hstride"]), {"W": 8, "I": 8, "O": 8, "O_final": 8})


def dosa_mapping(row: dict[str, str]) -> Mapping:
    """The mapping of a run: "L3[WIO] C2 Q2 - L2[WI] N1 K16X - L1[O] S3 C2X - L0[W] N1", outermost loop first."""
    loops: list[Loop] = []
    spatial: dict[str, dict[str, float]] = {}
    for part in row["mapping.mapping"].split(" - "):
        level = int(part[1])
        for dim, bound, unrolled in re.findall(r"\b([A-Z])(\d+)(X?)\b", part.partition("]")[2]):
            if unrolled:
                spatial.setdefault({1: "X", 2: "Y"}[level], {})[_DOSA_DIMS[dim]] = float(bound)
            else:
                at = {operand: _at_or_above(chain, level) for operand, chain in _DOSA_CHAINS.items()}
                loops.append(Loop(dim=_DOSA_DIMS[dim], bound=int(bound), at=at))
    return Mapping(loops=tuple(loops[::-1]), spatial=spatial)


def _at_or_above(chain: Iterable[str], level: int) -> str:
    return next(name for name in chain if _DOSA_LEVELS.index(name) >= level)


# Timeloop v4 -------------------------------------------------------------------------------------------------------------

_V4_DIMS = {"N": "B", "M": "K", "C": "C", "P": "OX", "Q": "OY", "R": "FX", "S": "FY"}
V4_OPERANDS = {"Weights": "W", "Inputs": "I", "Outputs": "O"}


def timeloop_design(name: str, text: str) -> tuple[Accelerator, Mapping]:
    """A design of Timeloop's exercises from its printed mapping: memories with what they hold, loops, spatial levels."""
    levels = _timeloop_levels(text)
    order = [level for level, _, _ in levels]
    memories: list[dict[str, Any]] = []
    array: dict[str, int] = {}
    spatial: dict[str, dict[str, float]] = {}
    for level, held, loops in levels:
        for dim, bound, axis in loops:
            if axis:
                array[level + axis] = array.get(level + axis, 1) * bound
                spatial.setdefault(level + axis, {})[dim] = float(bound)
        if held:
            memories.append(_timeloop_memory(level, held, list(array), 8, None, None))
    chains = {operand: [each["name"] for each in memories if operand in each["operands"]] for operand in "WIO"}
    loops = tuple(
        Loop(
            dim=dim,
            bound=bound,
            at={o: next(m for m in chain if order.index(m) >= place) for o, chain in chains.items()},
        )
        for place, (_, _, each) in enumerate(levels)
        for dim, bound, axis in each
        if not axis
    )
    prices = {each["name"]: (1.0, 1.0) for each in memories}
    return accelerator(name, array, memories, prices, 0.0), Mapping(loops=loops, spatial=spatial)


def _timeloop_levels(text: str) -> list[tuple[str, list[str], list[tuple[str, int, str]]]]:
    """Levels from the MAC outward: name, operands held, loops inner to outer as (dimension, bound, axis if spatial)."""
    levels: list[tuple[str, list[str], list[tuple[str, int, str]]]] = []
    for line in text.splitlines():
        head = re.fullmatch(r"(\w+) \[(.*)\] *", line)
        loop = re.match(r"[| ]*for (\w) in \[0:(\d+)\)(?: \(Spatial-(\w)\))?", line)
        if head:
            levels.append((head[1], [V4_OPERANDS[word] for word in re.findall(r"(\w+):", head[2])], []))
        elif loop:
            levels[-1][2].append((_V4_DIMS[loop[1]], int(loop[2]), loop[3] or ""))
    return [(name, held, loops[::-1]) for name, held, loops in levels[::-1]]

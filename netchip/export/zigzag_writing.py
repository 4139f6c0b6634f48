"""An `Accelerator` as ZigZag's accelerator YAML, or a refusal that names each field its grammar has no word for."""

from collections.abc import Collection, Mapping
from typing import Any

from netchip.errors import RequestError
from netchip.export.yaml_text import as_yaml
from netchip.export.zigzag_grammar import (
    ARRAY_NAME,
    DIRECTIONS,
    MEMORY_OPERANDS,
    MOST_DIMENSIONS,
    PORT_NAME,
    WITHOUT_LIMIT_BITS,
)
from netchip.hardware.accelerator import Accelerator, Memory
from netchip.hardware.dimensions import MOVES, Move, Operand
from netchip.hardware.energy import Constant
from netchip.workload.encoding import Precision

_PREFIX = {"read": "r", "write": "w", "read_write": "rw"}
_ALL_KINDS = {"conv", "transposed", "matmul"}


def zigzag_accelerator(
    accelerator: Accelerator, *, precision: Precision | None = None, without: Collection[str] = ()
) -> str:
    """The text of a ZigZag 3.x accelerator file.

    ZigZag names dimensions D1 to D4 and ports r_port_1, w_port_1, rw_port_1, so others are renamed in order. Its grammar has
    no clock, native precision, technology or sources: they are written as comments, and given again when the file is read.
    A MAC has one price: where it depends on the width (`energy.mac_bits`), that at `precision`. A memory without limit
    has 2^62 bits.

    Raises `RequestError` that names every other field the grammar cannot say. A field in `without` is left out; ZigZag's
    numbers are then those of the accelerator without it.
    """
    if precision is not None:
        accelerator = _at(accelerator, precision)
    fields = {name: why for name, why in _unsayable(accelerator).items() if name not in without}
    if fields:
        told = "; ".join(f"{name} ({why})" for name, why in fields.items())
        raise RequestError(
            f"{accelerator.name}: ZigZag's accelerator file has no word for {told}; take it out of the accelerator, or leave "
            f"it out of the file with without={list(fields)}"
        )
    return as_yaml(_plain(accelerator), note=_sources(accelerator))


def array_names(accelerator: Accelerator) -> dict[str, str]:
    """ZigZag's name for each dimension of the array; raises `RequestError` beyond four of them."""
    if len(accelerator.array) > MOST_DIMENSIONS:
        raise RequestError(
            f"{accelerator.name}: array has {len(accelerator.array)} dimensions, and ZigZag names D1 to D{MOST_DIMENSIONS}; "
            "merge some"
        )
    if all(ARRAY_NAME.fullmatch(name) for name in accelerator.array):
        return {name: name for name in accelerator.array}
    return {name: f"D{index + 1}" for index, name in enumerate(accelerator.array)}


def _at(accelerator: Accelerator, precision: Precision) -> Accelerator:
    """The accelerator with one price of a MAC, that at `precision`."""
    energy, widths = accelerator.energy, (precision.weight_bits, precision.input_bits)
    if energy.mac_bits is None:
        return accelerator
    quoted, here = (f"{each[0]} x {each[1]}" for each in (energy.mac_bits, widths))
    source = f"{energy.mac.source}; quoted at {quoted} bits, here at {here}"
    mac = Constant(pj=energy.mac_pj(*widths), source=source)
    return accelerator.model_copy(update={"energy": energy.model_copy(update={"mac": mac, "mac_bits": None})})


def _unsayable(accelerator: Accelerator) -> dict[str, str]:
    """What would be lost, and why. Prices of rebuilding weights would not: the workloads that can be written need none."""
    energy, area = accelerator.energy, accelerator.area
    faults = {
        "cycles_per_mac": accelerator.cycles_per_mac != 1 and f"{accelerator.cycles_per_mac}, where it takes 1",
        "kinds": set(accelerator.kinds) != _ALL_KINDS and "it runs every layer",
        "rebuilds_at": accelerator.rebuilds_at and "weights are dense",
        "calibration": accelerator.calibration and "no factors after the model",
        "energy.mac_bits": energy.mac_bits and "a MAC costs the same at every width; give precision to price it at one",
        "energy.hop": energy.hop and "steps through the array are free",
        "area.wiring_factor": area and area.wiring_factor != 1 and "areas are only summed",
    }
    named = {name: why for name, why in faults.items() if why}
    for memory in accelerator.memories:
        named |= {f"memories.{memory.name}.{name}": why for name, why in _unsayable_of(memory).items()}
    return named


def _unsayable_of(memory: Memory) -> dict[str, str]:
    widths = {port.bits_per_cycle for port in memory.ports}
    other = memory.access_bits is not None and widths != {memory.access_bits}
    faults = {
        "bits": memory.bits is not None and memory.bits >= WITHOUT_LIMIT_BITS and "2^62 stands for no limit",
        "ports": not memory.ports and "every memory has at least one",
        "access_bits": other and "an access pays for the width of its port",
        "word_bits": memory.word_bits not in (None, 1) and "elements lie bit by bit",
        "networks": set(memory.networks.values()) - {"multicast"} and "all operands are multicast",
        "parent": memory.parent and "the order of the list says it",
    }
    return {name: why for name, why in faults.items() if why}


def _plain(accelerator: Accelerator) -> dict[str, Any]:
    names, area = array_names(accelerator), accelerator.area
    array: dict[str, Any] = {
        "unit_energy": accelerator.energy.mac.pj,
        "unit_area": area.mac.mm2 if area else 0.0,
        "dimensions": list(names.values()),
        "sizes": list(accelerator.array.values()),
    }
    if accelerator.systolic:
        array["systolic_dimensions"] = [names[name] for name in accelerator.systolic]
    memories = {memory.name: _memory(accelerator, memory, names) for memory in accelerator.memories}
    return {"name": accelerator.name, "memories": memories, "operational_array": array}


def _memory(accelerator: Accelerator, memory: Memory, names: Mapping[str, str]) -> dict[str, Any]:
    price, area = accelerator.energy.memories[memory.name], accelerator.area
    plain: dict[str, Any] = {
        "size": WITHOUT_LIMIT_BITS if memory.bits is None else memory.bits,
        "r_cost": price.read_pj,
        "w_cost": price.write_pj,
        "area": area.memories[memory.name].mm2 if area else 0.0,
        "latency": 1,
        "operands": [MEMORY_OPERANDS[operand] for operand in memory.operands],
        "ports": _ports(memory),
        "served_dimensions": [names[name] for name in memory.serves],
    }
    return plain | ({"force_double_buffering": True} if memory.double_buffered else {})


def _ports(memory: Memory) -> list[dict[str, Any]]:
    keep = all(PORT_NAME.fullmatch(port.name) for port in memory.ports)
    return [
        {
            "name": port.name if keep else f"{_PREFIX[port.kind]}_port_{index + 1}",
            "type": port.kind,
            "bandwidth_min": port.least_bits or port.bits_per_cycle,
            "bandwidth_max": port.bits_per_cycle,
            "allocation": [
                f"{MEMORY_OPERANDS[operand]}, {DIRECTIONS[move]}"
                for operand, move in _possible(memory)
                if memory.port(operand, move) is port
            ],
        }
        for index, port in enumerate(memory.ports)
    ]


def _possible(memory: Memory) -> list[tuple[Operand, Move]]:
    """Moves in ZigZag's sense: it allocates those with the memory above for the outermost memory too."""
    return [(each, move) for each in memory.operands for move in MOVES if each == "O" or move in ("read", "fill")]


def _sources(accelerator: Accelerator) -> str:
    energy, bits = accelerator.energy, accelerator.precision
    widths = (
        f"{bits.weight_bits} x {bits.input_bits} bits, sums of {bits.accumulator_bits}, results of {bits.output_bits}"
    )
    lines = [f"source: {accelerator.source}", f"clock: {accelerator.frequency_hz:g} Hz", f"native precision: {widths}"]
    lines += [f"technology: {accelerator.technology_nm:g} nm"] if accelerator.technology_nm else []
    lines += [f"unit_energy: {energy.mac.source}"]
    lines += [f"{name}: {price.source}" for name, price in energy.memories.items()]
    return "\n".join(" ".join(line.split()) for line in dict.fromkeys(lines))

"""An `Accelerator` as Timeloop's v0.4 architecture, and its prices as Accelergy's table of energies."""

from typing import Any

from netchip.errors import RequestError
from netchip.export.timeloop_grammar import DATA_SPACES, MAC, SYSTEM, VERSION
from netchip.export.yaml_text import Tagged, as_yaml
from netchip.hardware.accelerator import Accelerator, Memory


def timeloop_architecture(accelerator: Accelerator) -> str:
    """The text of an architecture file: memories from outer to inner, a container for each dimension of the array.

    Elements have the native input bits (of weights; sums where a memory holds nothing but outputs). Energies are in
    `timeloop_energies`, since Timeloop's own come from Accelergy's plug-ins. What the grammar cannot say stands in a comment.
    Raises `RequestError` where memories do not nest, as Timeloop's do.
    """
    nodes = [Tagged("!Container", {"name": SYSTEM, "attributes": _system(accelerator)})]
    apart: set[str] = set()
    for memory in reversed(accelerator.memories):
        nodes += _containers(accelerator, _apart_above(accelerator, memory, apart), apart)
        nodes.append(Tagged("!Component", _memory(accelerator, memory)))
    nodes += _containers(accelerator, set(accelerator.array), apart)
    bits = accelerator.precision
    widths = {"multiplier_width": max(bits.weight_bits, bits.input_bits), "adder_width": bits.accumulator_bits}
    nodes.append(Tagged("!Component", {"name": MAC, "class": "intmac", "attributes": widths}))
    return as_yaml({"architecture": {"version": VERSION, "nodes": nodes}}, note=_unsaid(accelerator))


def timeloop_energies(accelerator: Accelerator) -> str:
    """The text of an energy reference table (pJ an action), so that Timeloop prices what it counts as netchip does."""
    energy, bits = accelerator.energy, accelerator.precision
    tables = [
        _table(MAC, accelerator.units, {"compute": energy.mac_pj(bits.weight_bits, bits.input_bits), "leak": 0.0})
    ]
    for memory in reversed(accelerator.memories):
        price = energy.memories[memory.name]
        actions = {"read": price.read_pj, "write": price.write_pj, "update": price.write_pj, "leak": 0.0}
        tables.append(_table(memory.name, accelerator.instances(memory.name), actions))
    sources = [f"{memory.name}: {energy.memories[memory.name].source}" for memory in accelerator.memories]
    note = "\n".join([f"{MAC}: {energy.mac.source}", *sources])
    return as_yaml({"ERT": {"version": VERSION, "tables": tables}}, note=note)


def _apart_above(accelerator: Accelerator, memory: Memory, apart: set[str]) -> set[str]:
    """Dimensions along which a memory stands in several places."""
    own = set(accelerator.array) - set(memory.serves)
    if not apart <= own:
        raise RequestError(
            f"{accelerator.name}: {memory.name} serves {', '.join(sorted(apart - own))} as a whole below memories that do not; "
            "Timeloop's levels nest, so write this accelerator for another tool"
        )
    return own


def _containers(accelerator: Accelerator, wanted: set[str], apart: set[str]) -> list[Tagged]:
    """Containers of the dimensions that are `wanted` apart and not yet; puts them into `apart`."""
    fresh = [name for name in accelerator.array if name in wanted - apart]
    apart.update(fresh)
    return [Tagged("!Container", {"name": name, "spatial": {"meshX": accelerator.array[name]}}) for name in fresh]


def _memory(accelerator: Accelerator, memory: Memory) -> dict[str, Any]:
    datawidth, width = _element_bits(accelerator, memory), _width(memory)
    if width % datawidth:
        raise RequestError(
            f"{memory.name}: an access of {width} bits is no whole number of elements of {datawidth}; give it another width"
        )
    attributes: dict[str, Any] = {"width": width, "datawidth": datawidth}
    if memory.bits is not None:
        attributes["depth"] = memory.bits // width
    reading = [port.bits_per_cycle for port in memory.ports if port.kind != "write"]
    writing = [port.bits_per_cycle for port in memory.ports if port.kind != "read"]
    for name, ports in (("read_bandwidth", reading), ("write_bandwidth", writing)):
        if ports:
            attributes[name] = sum(ports) / datawidth
    kept = [DATA_SPACES[operand] for operand in memory.operands]
    left = [name for name in DATA_SPACES.values() if name not in kept]
    kind = "DRAM" if memory.bits is None else "smartbuffer_SRAM" if memory.serves else "smartbuffer_RF"
    return {
        "name": memory.name,
        "class": kind,
        "attributes": attributes,
        "constraints": {"dataspace": {"keep": kept, "bypass": left}},
    }


def _element_bits(accelerator: Accelerator, memory: Memory) -> int:
    bits = accelerator.precision
    if tuple(memory.operands) == ("O",):
        return bits.accumulator_bits
    return max(
        {"W": bits.weight_bits, "I": bits.input_bits, "O": bits.output_bits}[operand] for operand in memory.operands
    )


def _width(memory: Memory) -> int:
    """Bits of one access, for which a price is paid."""
    if memory.access_bits is not None:
        return memory.access_bits
    if not memory.ports:
        raise RequestError(f"{memory.name} has neither access_bits nor ports; state the width of an access")
    return memory.ports[0].bits_per_cycle


def _system(accelerator: Accelerator) -> dict[str, Any]:
    found: dict[str, Any] = {"global_cycle_seconds": 1 / accelerator.frequency_hz}
    return found | ({"technology": f"{accelerator.technology_nm:g}nm"} if accelerator.technology_nm else {})


def _table(name: str, instances: int, actions: dict[str, float]) -> dict[str, Any]:
    entries = [{"name": action, "arguments": {}, "energy": energy} for action, energy in actions.items()]
    return {"name": f"{SYSTEM}_top_level.{name}[1..{instances}]", "actions": entries}


def _unsaid(accelerator: Accelerator) -> str:
    faults = {
        "steps through the array are free": accelerator.energy.hop is not None,
        "double buffering is not stated": any(memory.double_buffered for memory in accelerator.memories),
        f"a MAC takes 1 cycle, not {accelerator.cycles_per_mac}": accelerator.cycles_per_mac != 1,
        "no factors after the model": accelerator.calibration is not None,
    }
    lines = [f"source: {' '.join(accelerator.source.split())}"]
    return "\n".join([*lines, *(f"not said here: {name}" for name, wrong in faults.items() if wrong)])

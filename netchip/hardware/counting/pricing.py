"""Counts of accesses, and what they cost: counts apart from prices."""

from collections.abc import Mapping
from dataclasses import dataclass

from netchip.hardware.accelerator import Accelerator
from netchip.hardware.conventions import Conventions
from netchip.hardware.counting.arithmetic import Arithmetic, Number, product
from netchip.hardware.counting.columns import Columns
from netchip.hardware.counting.flows import Action, Flow
from netchip.hardware.counting.levels import Level
from netchip.hardware.dimensions import READS, Operand


@dataclass(frozen=True)
class Width:
    """Bits that one access of an action moves: `full` pays its whole price, `least` is the smallest share of it."""

    full: float
    least: float


def width_of(accelerator: Accelerator, action: Action) -> Width | None:
    """The width of an action's accesses; nothing where a memory states none, so that each element is an access."""
    memory = accelerator.memory(action.memory)
    port = memory.port(action.operand, action.move)
    full = memory.access_bits or (port.bits_per_cycle if port else None)
    if full is None:
        return None
    least = (port.least_bits if port else None) or full
    return Width(float(full), float(min(least, full)))


def accesses(flow: Flow, width: Width | None, conventions: Conventions, arithmetic: Arithmetic) -> Number:
    """Full accesses that an action makes in all instances; in parts of an access where the port can, or by elements."""
    if width is None:
        return flow.total
    if conventions.accesses == "elements":
        return product((flow.total, flow.bits)) / width.full
    a_tile = arithmetic.ceil(product((flow.elements, flow.bits)) / width.least)
    return arithmetic.floor(product((a_tile, flow.tiles, flow.instances, width.least)) / width.full)


def access_pj(accelerator: Accelerator, action: Action) -> float:
    """Price of one full access."""
    price = accelerator.energy.memories[action.memory]
    return price.read_pj if action.move in READS else price.write_pj


def hops(accelerator: Accelerator, operand: Operand, levels: list[Level], arithmetic: Arithmetic) -> Number:
    """Steps of single elements from unit to unit of the array, by the network of each memory the operand passes.

    To units that share what a memory sends: one for each that receives it ("multicast", "unicast"), or one for each but
    the first ("forward"). The first ones are never more than the units: a bounding box also counts elements between strides.
    """
    steps: Number = 0.0
    used = {accelerator.level(operand, dimension) for dimension in accelerator.array}
    for place, (index, level) in enumerate(zip(accelerator.chain(operand), levels, strict=False)):
        if place not in used:
            continue
        a_unit, receivers = product((level.tile, level.slide, level.loads)), level.below
        if accelerator.memories[index].network(operand) == "forward":
            receivers = arithmetic.most(level.below - product((level.children, level.above)), 0.0)
        steps = steps + product((a_unit, receivers))
    return steps


def rebuilds(accelerator: Accelerator, layers: Columns, elements: Mapping[Action, Number]) -> dict[str, Number]:
    """How often each action of a weight encoding runs: the weights are rebuilt whenever they leave the memory that holds them."""
    memory = accelerator.rebuilds_at or accelerator.memories[accelerator.chain("W")[-1]].name
    passes = elements[Action(memory, "W", "read")] / layers.weights
    return {name: product((times, passes)) for name, times in layers.rebuilds.items()}

"""Before the first MAC and after the last: the first load, the last drain, and what of them fits into the computation.

Source: ZigZag 3.9 (`latency_total2`): a transfer that happens once may go on during the computation where its port has
bandwidth to spare, as long as the innermost tile arrives before.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from netchip.hardware.accelerator import Accelerator
from netchip.hardware.counting.arithmetic import NEARLY, Arithmetic, Number, product
from netchip.hardware.counting.flows import Action, Widths
from netchip.hardware.counting.latency import PortName
from netchip.hardware.counting.levels import Level
from netchip.hardware.counting.spread import Factors
from netchip.hardware.counting.transfers import Transfer
from netchip.hardware.dimensions import MOVES, Operand

Once = dict[Action, Number]
"""Cycles of an action before or after the computation."""


def first_and_last(
    ports: Mapping[PortName, list[Transfer]],
    levels: Mapping[Operand, list[Level]],
    widths: Widths,
    cycles: Number,
) -> Once:
    """Cycles that a tile of each action takes outside the computation of `cycles`; partial sums that come back are left out."""
    once: Once = {}
    for transfers in ports.values():
        outside = [each for each in transfers if each.action.operand != "O" or each.action.move in ("update", "drain")]
        once |= _of_port(outside, levels, widths, cycles)
    return once


def _of_port(transfers: list[Transfer], levels: Mapping[Operand, list[Level]], widths: Widths, cycles: Number) -> Once:
    arithmetic = widths.arithmetic
    demand: Number = 0.0
    for each in transfers:
        demand = demand + arithmetic.where(each.tiles > 1, each.bits_per_cycle, 0.0)
    least = [_innermost(each, levels, widths) for each in transfers]
    once = [each.tiles == 1 for each in transfers]
    can = [
        arithmetic.where(single, arithmetic.most(each.cycles - floor, 0.0), 0.0)
        for each, floor, single in zip(transfers, least, once, strict=True)
    ]
    left: dict[Action, Number] = {}
    for place, each in enumerate(transfers):
        spare = arithmetic.most((each.port.bits_per_cycle - demand) / each.port.bits_per_cycle * cycles, 0.0)
        for other, rival in enumerate(transfers):
            first = (rival.cycles > each.cycles) | ((rival.cycles == each.cycles) & (other < place))
            spare = spare - arithmetic.where(first, can[other], 0.0)
        left[each.action] = each.cycles - arithmetic.least(can[place], arithmetic.most(spare, 0.0))
    return left


def _innermost(transfer: Transfer, levels: Mapping[Operand, list[Level]], widths: Widths) -> Number:
    """Cycles on the transfer's port of the tile nearest the MACs."""
    operand = transfer.action.operand
    level, index = levels[operand][1], widths.accelerator.chain(operand)[0]
    bits = product((level.tile, widths.of(operand, index, level.unfinished)))
    return widths.arithmetic.ceil(bits / transfer.port.bits_per_cycle)


def first_load(accelerator: Accelerator, once: Once, arithmetic: Arithmetic) -> Number:
    """Cycles until both weights and inputs have reached the MACs.

    Between two memories the slower side counts. What both operands need a port for runs one after the other, the rest at
    once; the better of the two orders counts.
    """
    parts = {operand: _parts(accelerator, operand, once, arithmetic) for operand in ("W", "I")}
    orders: list[Number] = []
    for first, second in (("W", "I"), ("I", "W")):
        then = parts[second].shared + parts[second].half + parts[second].alone
        orders.append(parts[first].shared + arithmetic.most(then, parts[first].half + parts[first].alone))
    return arithmetic.least(*orders)


def last_drain(accelerator: Accelerator, once: Once, arithmetic: Arithmetic) -> Number:
    """Cycles until the last outputs have passed all memories, one after the other."""
    cycles: Number = 0.0
    for lower, upper in _links(accelerator, "O"):
        cycles = cycles + arithmetic.most(
            once.get(Action(lower, "O", "drain"), 0.0), once.get(Action(upper, "O", "update"), 0.0)
        )
    return cycles


def systolic_drain(accelerator: Accelerator, factors: Factors, arithmetic: Arithmetic) -> Number:
    """Cycles in which the last results leave an array that passes them from unit to unit."""
    cycles: Number = 0.0
    for name, row in zip(accelerator.array, factors, strict=True):
        if name in accelerator.systolic:
            cycles = cycles + product(arithmetic.ceil(value / NEARLY) for value in row.values()) - 1
    return cycles


@dataclass(frozen=True)
class _Parts:
    """Cycles of one operand's first load on ports that weights and inputs share: on both sides, on one, on none."""

    shared: Number
    half: Number
    alone: Number


def _parts(accelerator: Accelerator, operand: Literal["W", "I"], once: Once, arithmetic: Arithmetic) -> _Parts:
    shared: Number = 0.0
    half: Number = 0.0
    alone: Number = 0.0
    for lower, upper in _links(accelerator, operand):
        fill, read = Action(lower, operand, "fill"), Action(upper, operand, "read")
        slower = arithmetic.most(once.get(fill, 0.0), once.get(read, 0.0))
        sides = [_both_use(accelerator, action) for action in (fill, read)]
        if all(sides):
            shared = shared + slower
        elif any(sides):
            half = slower  # of several such links ZigZag keeps the outermost alone
        else:
            alone = alone + slower
    return _Parts(shared, half, alone)


def _links(accelerator: Accelerator, operand: Operand) -> list[tuple[str, str]]:
    names = [accelerator.memories[index].name for index in accelerator.chain(operand)]
    return list(pairwise(names))


def _both_use(accelerator: Accelerator, action: Action) -> bool:
    """Whether the port of an action serves weights and inputs."""
    memory = accelerator.memory(action.memory)
    port = memory.port(action.operand, action.move)
    others: tuple[Operand, ...] = ("W", "I")
    return port is not None and all(
        any(memory.holds(operand) and memory.port(operand, move) == port for move in MOVES) for operand in others
    )

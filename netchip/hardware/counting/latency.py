"""Cycles of a batch, and the plain bound: no port is faster than what passes it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from netchip.hardware.accelerator import Accelerator
from netchip.hardware.conventions import Conventions
from netchip.hardware.counting.arithmetic import Arithmetic, Number, product
from netchip.hardware.counting.flows import Flow

PortName = tuple[str, str]
"""A memory's name and its port's."""


@dataclass(frozen=True)
class Clock:
    """Cycles of a pass: those of the MACs, of waiting, of the first load and the last drain.

    `waits` by port: cycles it is busy (plain bound), or makes the array wait (exact stalls; negative where it has slack).
    """

    compute: Number
    stall: Number
    first_load: Number
    last_drain: Number
    waits: Mapping[PortName, Number]


def bound_clock(
    accelerator: Accelerator, steps: Number, flows: Iterable[Flow], conventions: Conventions, arithmetic: Arithmetic
) -> Clock:
    """The plain bound: the longest of the MACs' `steps` and of what each port is busy."""
    compute = steps * float(accelerator.cycles_per_mac)
    busy = _busy(accelerator, flows, conventions, arithmetic)
    longest = compute
    for cycles in busy.values():
        longest = arithmetic.most(longest, cycles)
    return Clock(compute, longest - compute, 0.0, 0.0, busy)


def raised_to_bound(
    clock: Clock, accelerator: Accelerator, flows: Iterable[Flow], conventions: Conventions, arithmetic: Arithmetic
) -> Clock:
    """A clock with exact stalls that is nowhere below the plain bound: a port makes the array wait until it has moved all there is.

    The first load and the last drain are part of what it moves.
    """
    besides = clock.compute + clock.first_load + clock.last_drain
    waits, stall = dict(clock.waits), clock.stall
    for port, cycles in _busy(accelerator, flows, conventions, arithmetic).items():
        waits[port] = arithmetic.most(waits[port], cycles - besides)
        stall = arithmetic.most(stall, waits[port])
    return replace(clock, stall=stall, waits=waits)


def _busy(
    accelerator: Accelerator, flows: Iterable[Flow], conventions: Conventions, arithmetic: Arithmetic
) -> dict[PortName, Number]:
    """Cycles of each port for the moves on it, tile after tile, in one instance of the memory."""
    busy: dict[PortName, Number] = {}
    for flow in flows:
        port = accelerator.memory(flow.action.memory).port(flow.action.operand, flow.action.move)
        if port is None:
            continue
        a_tile = product((flow.elements, flow.bits)) / port.bits_per_cycle
        if conventions.bound == "tiles":
            a_tile = arithmetic.ceil(a_tile)
        key, cycles = (flow.action.memory, port.name), product((a_tile, flow.tiles))
        busy[key] = busy[key] + cycles if key in busy else cycles
    return busy

"""Transfers: the flows of a batch with the time each tile takes on its port and the time it is allowed."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from netchip.hardware.accelerator import Accelerator, Port
from netchip.hardware.arrays import Array
from netchip.hardware.counting.arithmetic import Arithmetic, Number, product
from netchip.hardware.counting.flows import Action, Flow
from netchip.hardware.counting.latency import PortName
from netchip.hardware.counting.timing import Timing
from netchip.hardware.dimensions import Operand


@dataclass(frozen=True)
class Transfer:
    """One action on its port: `cycles` that a tile takes, the `allowed` ones of each period, how many `tiles`.

    A window of `allowed` cycles opens with each period; both as places in the list of loops too (the loops before the place make
    its steps). `bits_per_cycle` is the mean demand.
    """

    action: Action
    port: Port
    cycles: Number
    allowed: Number
    tiles: Number
    bits_per_cycle: Number
    period_place: Array
    window_place: Array

    @property
    def active(self) -> Any:
        """Whether anything is moved."""
        return self.tiles > 0

    @property
    def windows(self) -> Number:
        """Cycles allowed for all tiles but the first."""
        return self.allowed * (self.tiles - 1)

    @property
    def overrun(self) -> Number:
        """Cycles by which all tiles but the first outlast what is allowed; negative where there is slack."""
        return (self.cycles - self.allowed) * (self.tiles - 1)


def transfers_of(
    accelerator: Accelerator,
    flows: Iterable[Flow],
    timings: Mapping[Operand, list[Timing]],
    buffered: Mapping[Operand, list[Number]],
    arithmetic: Arithmetic,
) -> dict[PortName, list[Transfer]]:
    """The transfers on each port of each memory."""
    found: dict[PortName, list[Transfer]] = {}
    for flow in flows:
        memory = accelerator.memory(flow.action.memory)
        port = memory.port(flow.action.operand, flow.action.move)
        if port is not None:
            place = _level(accelerator, flow.action)
            timing, free = timings[flow.action.operand][place], buffered[flow.action.operand][place]
            transfer = _transfer(flow, port, timing, free, accelerator.cycles_per_mac, arithmetic)
            found.setdefault((memory.name, port.name), []).append(transfer)
    return found


def _level(accelerator: Accelerator, action: Action) -> int:
    """The level whose tiles an action moves: that below its memory, or that of the memory's own tile."""
    names = [accelerator.memories[index].name for index in accelerator.chain(action.operand)]
    return names.index(action.memory) + (action.move in ("fill", "drain"))


def _transfer(
    flow: Flow, port: Port, timing: Timing, buffered: Number, cycles_per_mac: int, arithmetic: Arithmetic
) -> Transfer:
    bits = product((flow.elements, flow.bits))
    return Transfer(
        action=flow.action,
        port=port,
        cycles=arithmetic.ceil(bits / port.bits_per_cycle),
        allowed=arithmetic.where(buffered, timing.period, timing.window) * cycles_per_mac,
        tiles=arithmetic.array(flow.tiles),
        bits_per_cycle=arithmetic.ceil(arithmetic.floor(bits / timing.period) / cycles_per_mac),
        period_place=timing.period_place,
        window_place=arithmetic.choose(buffered, timing.period_place, timing.window_place),
    )

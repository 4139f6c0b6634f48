"""The exact stall model, put together: timings, room for the next tile, transfers, stalls, first load and last drain."""

from netchip.hardware.counting.boundary import first_and_last, first_load, last_drain, systolic_drain
from netchip.hardware.counting.buffering import double_buffered
from netchip.hardware.counting.case import Case, Levels
from netchip.hardware.counting.flows import Flow
from netchip.hardware.counting.latency import Clock, raised_to_bound
from netchip.hardware.counting.loop_list import loops_of
from netchip.hardware.counting.nest import Nest
from netchip.hardware.counting.stalls import port_stall
from netchip.hardware.counting.timing import timings_of
from netchip.hardware.counting.transfers import transfers_of
from netchip.hardware.dimensions import OPERANDS
from netchip.hardware.even_batch import EvenBatch


def exact_clock(case: Case, nest: Nest, means: Levels, wholes: Levels, flows: list[Flow]) -> Clock:
    """Cycles as ZigZag counts them, and no fewer than the plain bound where the conventions say so.

    `means` tell how full memories are; `wholes` and `flows` are of whole units.
    """
    accelerator, arithmetic = case.accelerator, case.arithmetic
    mappings = case.mappings
    if isinstance(mappings, EvenBatch):
        mappings = mappings.as_loops(accelerator, arithmetic.xp)
    timings = timings_of(
        mappings,
        {operand: len(accelerator.chain(operand)) for operand in OPERANDS},
        transposed=case.transposed,
        holds=case.conventions.mac_holds_operands,
        xp=arithmetic.xp,
    )
    buffered = double_buffered(accelerator, means, timings, case.widths)
    ports = transfers_of(accelerator, flows, timings, buffered, arithmetic)
    loops = loops_of(mappings, arithmetic.xp)
    stalls = {name: port_stall(each, loops, arithmetic, accelerator.cycles_per_mac) for name, each in ports.items()}
    compute = nest.steps * float(accelerator.cycles_per_mac)
    stall = arithmetic.xp.zeros_like(compute)
    for cycles in stalls.values():
        stall = arithmetic.most(stall, cycles)
    once = first_and_last(ports, wholes, case.widths, compute + stall)
    drain = last_drain(accelerator, once, arithmetic) + systolic_drain(accelerator, case.factors, arithmetic)
    clock = Clock(compute, stall, first_load(accelerator, once, arithmetic), drain, stalls)
    if not case.conventions.never_below_bound:
        return clock
    return raised_to_bound(clock, accelerator, flows, case.conventions, arithmetic)

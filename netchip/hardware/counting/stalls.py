"""Stalls: transfers that outlast their windows, port by port.

Source: ZigZag's latency model (Mei et al., "A uniform latency model for DNN accelerators", DATE 2022), as ZigZag 3.9 has it
(`latency_total0`), for a batch instead of a mapping.
"""

from collections.abc import Iterable

from netchip.hardware.arrays import Array
from netchip.hardware.counting.arithmetic import Arithmetic
from netchip.hardware.counting.loop_list import Loops
from netchip.hardware.counting.transfers import Transfer


def port_stall(transfers: list[Transfer], loops: Loops, arithmetic: Arithmetic, cycles_per_mac: int) -> Array:
    """Cycles that the array waits for one port; negative where its only transfer has slack.

    Several transfers wait for those that are late, and for each other as far as their windows overlap beyond the slack.
    """
    xp, zero = arithmetic.xp, arithmetic.xp.zeros_like(loops.bound[0])
    late, slack, windows, count = zero, zero, zero, zero
    for each in transfers:
        overrun = xp.where(each.active, each.overrun, zero)
        late, slack = late + arithmetic.most(overrun, 0.0), slack + arithmetic.least(overrun, 0.0)
        windows = windows + xp.where(each.active, each.windows, zero)
        count = count + xp.where(each.active, zero + 1, zero)
    crowded = slack + windows - covered(transfers, loops, arithmetic) * cycles_per_mac
    return xp.where(count > 1, late + arithmetic.most(crowded, 0.0), late + slack)


def covered(transfers: Iterable[Transfer], loops: Loops, arithmetic: Arithmetic) -> Array:
    """Steps of the whole layer in which at least one window is open.

    A window is open while all loops between its place and its period's stand at their first step. Walking the loops inner to
    outer, `apart[l]` counts the combinations of steps so far that lie in no window and whose outermost loop beyond its
    first step is the one before place l (l = 0: all at their first).
    """
    xp, moves = arithmetic.xp, list(transfers)
    zero = xp.zeros_like(loops.bound[0])
    apart, steps = [zero + 1], zero + 1
    for place in range(loops.count + 1):
        reach = zero - 1
        for each in moves:
            ends = each.active & (each.period_place == place) & (each.window_place > reach)
            reach = xp.where(ends, xp.astype(each.window_place, zero.dtype), reach)
        apart = [xp.where(reach >= last, zero, count) for last, count in enumerate(apart)]
        if place < loops.count:
            apart.append(_sum(apart, zero) * (loops.bound[place] - 1))
            steps = steps * loops.bound[place]
    return steps - _sum(apart, zero)


def _sum(parts: list[Array], zero: Array) -> Array:
    for part in parts:
        zero = zero + part
    return zero

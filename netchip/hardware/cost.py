"""`evaluate`: what mappings of layers on an accelerator cost. No search, and no Python loop over mappings."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import array_api_compat.numpy
import numpy as np

from netchip.hardware.accelerator import Accelerator
from netchip.hardware.arrays import device_of, namespace_of, on_host
from netchip.hardware.checks import check_layers, check_mappings
from netchip.hardware.conventions import DEFAULT, Conventions
from netchip.hardware.costs import Costs, Held, joined
from netchip.hardware.counting.arithmetic import Number, add, product
from netchip.hardware.counting.capacity import held_bits
from netchip.hardware.counting.case import Batch, Case, Levels, case_of
from netchip.hardware.counting.exact import exact_clock
from netchip.hardware.counting.flows import Action, Flow, is_charged
from netchip.hardware.counting.latency import Clock, bound_clock
from netchip.hardware.counting.pricing import access_pj, accesses, hops, rebuilds, width_of
from netchip.hardware.dimensions import OPERANDS, Operand
from netchip.workload.layer import Layer

Latency = Literal["bound", "stalls"]


def evaluate(
    layers: Sequence[Layer],
    accelerator: Accelerator,
    mappings: Batch,
    *,
    conventions: Conventions = DEFAULT,
    latency: Latency = "bound",
    check: bool = True,
    xp: Any = array_api_compat.numpy,
) -> Costs:
    """Energy, cycles, use of memories and counts of every action, of each mapping for the layer it names.

    `latency`: the plain "bound" (no port is faster than what passes it) or exact "stalls" with the first load and the last drain.
    `xp` is the namespace of the mappings' arrays (`array_api_compat.numpy`, `.torch`); results come in the type of
    `mappings.bound`: float64 is exact, counts being whole numbers below 2^53 (larger layers are refused), float32 is for search.
    `check=False` leaves out the checks of `netchip.hardware.checks`, for a search that makes only mappings that pass them.

    Raises `RequestError` where layers, accelerator and mappings do not belong together.
    """
    if check:
        check_layers(layers, accelerator)
        check_mappings(layers, accelerator, mappings)
    which = np.broadcast_to(on_host(mappings.layer), (len(mappings),))
    transposed = np.array([layer.shape.transposed for layer in layers])
    if len(set(transposed)) == 1:
        return price(case_of(layers, accelerator, mappings, conventions, xp), latency)
    groups = [np.flatnonzero(transposed[which] == kind) for kind in set(transposed[which])]
    parts = [
        price(case_of(*_those(layers, accelerator, mappings, where, which), conventions, xp), latency)
        for where in groups
    ]
    order = xp.asarray(np.argsort(np.concatenate(groups)), device=device_of(mappings.layer))
    return joined(parts, [len(where) for where in groups], order, xp)


def _those(
    layers: Sequence[Layer], accelerator: Accelerator, mappings: Batch, where: np.ndarray, which: np.ndarray
) -> tuple[list[Layer], Accelerator, Batch]:
    """The layers, and the mappings at the places `where` of them; `which[i]` is the layer of mapping i."""
    used, renamed = np.unique(which[where], return_inverse=True)
    xp, device = namespace_of(mappings.layer), device_of(mappings.layer)
    batch = mappings.at(xp.asarray(where, device=device), xp.asarray(renamed, device=device), xp)
    return [layers[int(place)] for place in used], accelerator, batch


def price(case: Case, latency: Latency = "bound") -> Costs:
    """The costs of a case that `case_of` prepared: array arithmetic only, so that it runs under a compiler or a graph of gradients.

    A search prepares its case once and goes on with `price(case.of(mappings))`.
    """
    nest = case.nest()
    means = wholes = case.levels(nest, case.means, rounds=case.conventions.means_rounded)
    flows = timed = case.flows(means)
    if case.wholes is not None:
        wholes = case.levels(nest, case.wholes, rounds=False)
        timed = case.flows(wholes)
    timed = [flow for flow in timed if is_charged(flow.action, case.conventions)]
    if latency == "stalls":
        clock = exact_clock(case, nest, means, wholes, timed)
    else:
        clock = bound_clock(case.accelerator, nest.steps, timed, case.conventions, case.arithmetic)
    return _priced(case, means, flows, clock, held_bits(case.accelerator, wholes, case.widths), latency)


def _priced(
    case: Case,
    levels: Levels,
    flows: list[Flow],
    clock: Clock,
    held: Mapping[tuple[str, Operand], Number],
    latency: Latency,
) -> Costs:
    accelerator, rate = case.accelerator, case.layers.rate
    elements = {flow.action: product((flow.total, rate)) for flow in flows}
    counts = {flow.action: _accesses(case, flow) for flow in flows if is_charged(flow.action, case.conventions)}
    prices = {action: access_pj(accelerator, action) for action in counts}
    work, work_pj = _work(case, levels, elements)
    paid = [count * prices[action] for action, count in counts.items()]
    compute = product((clock.compute, rate))
    return Costs(
        accesses=counts,
        elements=elements,
        access_pj=prices,
        work=work,
        work_pj=work_pj,
        energy_pj=add([*paid, *(product((count, work_pj[name])) for name, count in work.items())]),
        compute_cycles=compute,
        stall_cycles=product((clock.stall, rate)),
        first_load_cycles=product((clock.first_load, rate)),
        last_drain_cycles=product((clock.last_drain, rate)),
        waits={port: product((cycles, rate)) for port, cycles in clock.waits.items()},
        exact_stalls=latency == "stalls",
        utilisation=case.layers.macs / (clock.compute * accelerator.units),
        held_bits={Held(*key): bits for key, bits in held.items()},
        capacity_bits={memory.name: memory.bits for memory in accelerator.memories if memory.bits is not None},
    )


def _accesses(case: Case, flow: Flow) -> Number:
    width = width_of(case.accelerator, flow.action)
    return product((accesses(flow, width, case.conventions, case.arithmetic), case.layers.rate))


def _work(case: Case, levels: Levels, elements: Mapping[Action, Number]) -> tuple[dict[str, Number], dict[str, Number]]:
    """Actions outside memories, and their prices."""
    energy, rate = case.accelerator.energy, case.layers.rate
    work: dict[str, Number] = {"mac": product((case.layers.macs, rate))}
    prices: dict[str, Number] = {"mac": case.layers.mac_pj}
    if energy.hop is not None:
        steps = add(hops(case.accelerator, operand, levels[operand], case.arithmetic) for operand in OPERANDS)
        work["hop"], prices["hop"] = product((steps, rate)), energy.hop.pj
    work |= rebuilds(case.accelerator, case.layers, elements)
    return work, prices | {name: constant.pj for name, constant in energy.actions.items() if name in work}

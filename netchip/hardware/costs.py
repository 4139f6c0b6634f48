"""What `evaluate` gives back: costs of many mappings as arrays, and of one as plain numbers."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, NamedTuple

from netchip.errors import RequestError
from netchip.hardware.arrays import device_of, on_host
from netchip.hardware.counting.arithmetic import Number, add, is_plain, product
from netchip.hardware.counting.flows import Action
from netchip.hardware.counting.latency import PortName
from netchip.hardware.dimensions import READS, Operand
from netchip.hardware.suggest import did_you_mean

COMPUTE = "compute"
_WORDS: dict[str, str] = {"W": "weights", "I": "inputs", "O": "outputs"}


class Held(NamedTuple):
    """Room that an operand takes in one instance of a memory."""

    memory: str
    operand: Operand


@dataclass(frozen=True, kw_only=True)
class LayerCost:
    """Cost of one layer under one mapping, in plain numbers: pJ, cycles, bits. Means over inputs where not all run it.

    `accesses`, `elements` and `access_energy_pj` by action; `work` and `work_energy_pj` by name ("mac", "hop", actions of an
    encoding). `bound_by` is "compute" or "memory.port". `too_small` says in words what does not fit where.
    """

    accesses: Mapping[Action, float]
    elements: Mapping[Action, float]
    access_energy_pj: Mapping[Action, float]
    work: Mapping[str, float]
    work_energy_pj: Mapping[str, float]
    compute_cycles: float
    stall_cycles: float
    first_load_cycles: float
    last_drain_cycles: float
    utilisation: float
    bound_by: str
    held_bits: Mapping[Held, float]
    too_small: tuple[str, ...]

    @property
    def energy_pj(self) -> float:
        """Energy of a pass over the batch."""
        return sum(self.access_energy_pj.values()) + sum(self.work_energy_pj.values())

    @property
    def cycles(self) -> float:
        """Latency of a pass over the batch."""
        return self.compute_cycles + self.stall_cycles + self.first_load_cycles + self.last_drain_cycles

    def memory_energy_pj(self) -> dict[tuple[str, Operand], float]:
        """Energy by memory and operand."""
        found: dict[tuple[str, Operand], float] = {}
        for action, energy in self.access_energy_pj.items():
            key = (action.memory, action.operand)
            found[key] = found.get(key, 0.0) + energy
        return found


@dataclass(frozen=True, kw_only=True)
class Costs:
    """Costs of N mappings. Each number is an array [N], or a constant that holds for all; `row` gives plain ones.

    Energies in pJ and cycles are those of a pass over the batch, on average over inputs (times `execution_rate`).
    - `accesses`: full accesses by action, of all instances together; `elements`: elements moved, those included that the
      conventions leave unpaid. `access_pj`: price of an access.
    - `work`: how often "mac", "hop" and the actions of a weight encoding run; `work_pj`: price of each.
    - `compute_cycles`, and on top of them `stall_cycles`, `first_load_cycles` and `last_drain_cycles`; the last two are 0 unless
      stalls are exact. `waits`: by port the cycles it is busy, or with exact stalls those it makes the array wait (below 0: slack).
    - `utilisation`: share of the MAC units at work while the array computes.
    - `held_bits`: room that tiles take in one instance of a memory; `capacity_bits`: the room there is, of memories with a limit.
    """

    accesses: Mapping[Action, Number]
    elements: Mapping[Action, Number]
    access_pj: Mapping[Action, float]
    work: Mapping[str, Number]
    work_pj: Mapping[str, Number]
    energy_pj: Number
    compute_cycles: Number
    stall_cycles: Number
    first_load_cycles: Number
    last_drain_cycles: Number
    waits: Mapping[PortName, Number]
    exact_stalls: bool
    utilisation: Number
    held_bits: Mapping[Held, Number]
    capacity_bits: Mapping[str, int]

    @property
    def cycles(self) -> Number:
        """Latency in cycles."""
        return self.compute_cycles + self.stall_cycles + self.first_load_cycles + self.last_drain_cycles

    @property
    def fits(self) -> Number:
        """Whether all tiles fit into their memories: bool [N], or one for all."""
        fit: Number = True
        for memory, bits in self.capacity_bits.items():
            fit = fit & (_room(self.held_bits, memory) <= bits)
        return fit

    def energy_at(self, prices: Mapping[str, Number]) -> Number:
        """Energy in pJ where some prices are others: of an access by "memory.read" or "memory.write", of work by its name ("mac").

        Prices may be arrays or tensors, so that gradients reach them, and through `smooth_sram` the size of a memory. Raises
        `RequestError` that lists the names there are.
        """
        known = [*dict.fromkeys(map(_price_name, self.access_pj)), *self.work_pj]
        for name in prices:
            if name not in known:
                raise RequestError(f"no price is called {name!r}{did_you_mean(name, known)}")
        paid = (
            product((count, prices.get(_price_name(action), self.access_pj[action])))
            for action, count in self.accesses.items()
        )
        worked = (product((count, prices.get(name, self.work_pj[name]))) for name, count in self.work.items())
        return add([*paid, *worked])

    def row(self, index: int) -> LayerCost:
        """The cost of one mapping in plain numbers."""
        own = mapped(self, lambda value: _plain(value, index))
        return LayerCost(
            accesses=own.accesses,
            elements=own.elements,
            access_energy_pj={action: count * own.access_pj[action] for action, count in own.accesses.items()},
            work=own.work,
            work_energy_pj={name: count * own.work_pj[name] for name, count in own.work.items()},
            compute_cycles=own.compute_cycles,
            stall_cycles=own.stall_cycles,
            first_load_cycles=own.first_load_cycles,
            last_drain_cycles=own.last_drain_cycles,
            utilisation=own.utilisation,
            bound_by=_bound_by(own),
            held_bits=own.held_bits,
            too_small=_too_small(own),
        )


_KEPT = ("access_pj", "exact_stalls", "capacity_bits")


def mapped(costs: Costs, change: Callable[[Number], Number]) -> Costs:
    """The costs with every number changed."""
    return _merged([costs], lambda values: change(values[0]))


def joined(parts: Sequence[Costs], sizes: Sequence[int], order: Any, xp: Any) -> Costs:
    """Costs of several batches of `sizes` mappings as one, mapping i of it being number `order[i]` of all in a row."""
    like = parts[0].compute_cycles

    def join(values: list[Number]) -> Number:
        if all(is_plain(value) and value == values[0] for value in values):
            return values[0]
        full = [
            xp.zeros(size, dtype=like.dtype, device=device_of(like)) + value
            for value, size in zip(values, sizes, strict=True)
        ]
        return xp.take(xp.concat(full), order, axis=0)

    return _merged(parts, join)


def _merged(parts: Sequence[Costs], merge: Callable[[list[Number]], Number]) -> Costs:
    values: dict[str, Any] = {}
    for field in fields(Costs):
        owned: list[Any] = [getattr(part, field.name) for part in parts]
        if field.name in _KEPT:
            values[field.name] = owned[0]
        elif isinstance(owned[0], Mapping):
            keys = {key: None for each in owned for key in each}
            values[field.name] = {key: merge([each.get(key, 0.0) for each in owned]) for key in keys}
        else:
            values[field.name] = merge(owned)
    return Costs(**values)


def _price_name(action: Action) -> str:
    return f"{action.memory}.{'read' if action.move in READS else 'write'}"


def _plain(value: Number, index: int) -> float:
    return float(value) if is_plain(value) else float(on_host(value)[index])


def _room(held: Mapping[Held, Number], memory: str) -> Number:
    return add(bits for key, bits in held.items() if key.memory == memory)


def _bound_by(own: Costs) -> str:
    port, cycles = max(own.waits.items(), key=lambda item: item[1], default=(("", ""), 0.0))
    return ".".join(port) if cycles > (0 if own.exact_stalls else own.compute_cycles) else COMPUTE


def _too_small(own: Costs) -> tuple[str, ...]:
    found: list[str] = []
    held: Mapping[Held, float] = own.held_bits
    for memory, bits in own.capacity_bits.items():
        needs = {key.operand: need for key, need in held.items() if key.memory == memory}
        if sum(needs.values()) > bits:
            parts = ", ".join(f"{_WORDS[operand]} {need:,.0f}" for operand, need in needs.items())
            found.append(f"{memory} holds {bits:,} bits, but tiles of {parts} bits are to stay there")
    return tuple(found)

"""What computes: an array of MACs, and the memories around it, inner to outer. Frozen; plain data both ways."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import fields
from itertools import pairwise
from typing import Annotated, Any, Literal, Self, cast

from pydantic import BeforeValidator, Field, model_validator

from netchip.errors import RequestError
from netchip.hardware.area import AreaTable
from netchip.hardware.calibration import Calibration
from netchip.hardware.dimensions import OPERANDS, READS, WRITES, Move, Operand, moves_of
from netchip.hardware.energy import EnergyTable
from netchip.hardware.suggest import did_you_mean
from netchip.spec import Spec
from netchip.workload.encoding import Precision

PortKind = Literal["read", "write", "read_write"]
Network = Literal["multicast", "forward", "unicast"]
LayerKind = Literal["conv", "transposed", "matmul"]
PortMove = tuple[Operand, Move]


def _precision(value: Any) -> Any:
    """Plain data as a `Precision`, its faults told with the field's name."""
    if not isinstance(value, Mapping):
        return value
    table = cast("Mapping[str, Any]", value)
    known = [each.name for each in fields(Precision)]
    for key in table:
        if key not in known:
            raise ValueError(f"unknown key {str(key)!r}{did_you_mean(key, known)}")
    try:
        return Precision(**table)
    except RequestError as error:
        raise ValueError(str(error)) from None


_Name = Annotated[str, Field(min_length=1)]
_Count = Annotated[int, Field(ge=1)]
_ALLOWED: dict[PortKind, tuple[Move, ...]] = {"read": READS, "write": WRITES, "read_write": (*READS, *WRITES)}


class Port(Spec):
    """A port of a memory: so many bits a cycle, for the moves it serves.

    An access moves `bits_per_cycle` bits; a memory that can write parts of a word moves as few as `least_bits` (ZigZag's
    `bandwidth_min`). `moves`, such as `[("W", "read")]`, may be left out where one port takes all moves of its kind.
    """

    name: _Name
    kind: PortKind
    bits_per_cycle: _Count
    least_bits: Annotated[int, Field(ge=1)] | None = None
    moves: tuple[PortMove, ...] = ()

    @model_validator(mode="after")
    def _possible(self) -> Self:
        least = self.least_bits or self.bits_per_cycle
        if least > self.bits_per_cycle:
            raise ValueError(
                f"port {self.name!r}: least_bits = {least} is more than bits_per_cycle = {self.bits_per_cycle}; lower it"
            )
        for operand, move in self.moves:
            if move not in _ALLOWED[self.kind]:
                raise ValueError(f"port {self.name!r} of kind {self.kind!r} cannot serve {operand} {move}; add a port")
        return self


class Memory(Spec):
    """One memory level, as one instance sees it.

    `bits` is the capacity (none: without limit, as a DRAM), `operands` what it holds. `serves` names the dimensions of the
    array that one instance is shared across: a register in every MAC serves none, a buffer for the whole array serves
    all. `ports` empty: as fast as wanted. `access_bits` is the width that the energy of one access pays for (none: the
    port's). `word_bits`: an element takes whole words of so many bits (none: as many bits as it has).
    `double_buffered`: half of it is always being filled. `networks` says how an operand reaches the units this memory
    serves: "multicast" (one read for all that need the value), "forward" (one read, then from neighbour to neighbour) or
    "unicast" (a read for each). `parent` names the memory that fills this one, where the order of the list does not say it.
    """

    name: _Name
    bits: Annotated[int, Field(ge=1)] | None = None
    operands: Annotated[tuple[Operand, ...], Field(min_length=1)]
    serves: tuple[str, ...] = ()
    ports: tuple[Port, ...] = ()
    access_bits: Annotated[int, Field(ge=1)] | None = None
    word_bits: Annotated[int, Field(ge=1)] | None = None
    double_buffered: bool = False
    networks: Mapping[Operand, Network] = {}
    parent: str | None = None

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        _no_twice(f"memory {self.name!r}: operands", self.operands)
        _no_twice(f"memory {self.name!r}: serves", self.serves)
        _no_twice(f"memory {self.name!r}: ports", [port.name for port in self.ports])
        for port in self.ports:
            for operand, _ in port.moves:
                if operand not in self.operands:
                    raise ValueError(
                        f"memory {self.name!r}: port {port.name!r} moves {operand}, which it does not hold"
                    )
        return self

    def holds(self, operand: Operand) -> bool:
        """Whether the memory keeps tiles of `operand`; what it does not keep goes past it."""
        return operand in self.operands

    def network(self, operand: Operand) -> Network:
        """How `operand` reaches the units that one instance serves."""
        return self.networks.get(operand, "multicast")

    def port(self, operand: Operand, move: Move) -> Port | None:
        """The port of a move, or none: the first that names it, else the first that names nothing and can."""
        named = [port for port in self.ports if (operand, move) in port.moves]
        free = [port for port in self.ports if not port.moves and move in _ALLOWED[port.kind]]
        return next(iter(named + free), None)

    def element_bits(self, bits: int) -> int:
        """Bits that an element of `bits` bits takes here."""
        return bits if self.word_bits is None else -(-bits // self.word_bits) * self.word_bits


class Accelerator(Spec):
    """An accelerator: dimensions of the MAC array with their sizes, memories inner to outer, prices.

    `precision` is the native one, in bits. `systolic` names array dimensions along which results leave one unit a cycle.
    `kinds` are the layers it can run. Encoded weights leave the memory `rebuilds_at` rebuilt (none: W's outermost memory); it and
    those above hold them encoded. `calibration` is applied only where a report asks for it.

    Read from plain data with `Accelerator.parse(data, source=file)`, written with `model_dump(mode="json")`.
    Raises `ConfigError` when a name is not known, an operand is held nowhere, a move has no port, a price is missing, or
    the memories are no tree.
    """

    name: _Name
    source: Annotated[str, Field(min_length=1)]
    array: Annotated[Mapping[str, _Count], Field(min_length=1)]
    memories: Annotated[tuple[Memory, ...], Field(min_length=1)]
    energy: EnergyTable
    frequency_hz: Annotated[float, Field(gt=0, allow_inf_nan=False)]
    precision: Annotated[Precision, BeforeValidator(_precision)] = Precision()
    cycles_per_mac: _Count = 1
    systolic: tuple[str, ...] = ()
    kinds: Annotated[tuple[LayerKind, ...], Field(min_length=1)] = ("conv", "transposed", "matmul")
    rebuilds_at: str | None = None
    technology_nm: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = None
    area: AreaTable | None = None
    calibration: Calibration | None = None

    @model_validator(mode="after")
    def _whole(self) -> Self:
        _no_twice("memories", [memory.name for memory in self.memories])
        _is_a_tree(self.memories)
        _names_known("systolic", self.systolic, self.array)
        for memory in self.memories:
            _names_known(f"memory {memory.name!r}: serves", memory.serves, self.array)
        _same_names("energy.memories", self.energy.memories, [memory.name for memory in self.memories])
        if self.area is not None:
            _same_names("area.memories", self.area.memories, [memory.name for memory in self.memories])
        for operand in OPERANDS:
            _check_chain(operand, [self.memories[index] for index in self.chain(operand)])
        holders = [self.memories[index].name for index in self.chain("W")]
        if self.rebuilds_at is not None and self.rebuilds_at not in holders:
            raise ValueError(f"rebuilds_at = {self.rebuilds_at!r} holds no weights; name one of {', '.join(holders)}")
        return self

    @property
    def units(self) -> int:
        """MACs of the array."""
        return math.prod(list(self.array.values()))

    def chain(self, operand: Operand) -> tuple[int, ...]:
        """Indices of the memories that hold `operand`, from the MACs outward."""
        return tuple(index for index, memory in enumerate(self.memories) if memory.holds(operand))

    def memory(self, name: str) -> Memory:
        """The memory called `name`; raises `RequestError` that lists the names there are."""
        for memory in self.memories:
            if memory.name == name:
                return memory
        raise RequestError(
            f"{self.name} has no memory {name!r}; it has {', '.join(memory.name for memory in self.memories)}"
        )

    def instances(self, name: str) -> int:
        """How many memories called `name` the array has: one for each unit of the dimensions it does not serve."""
        served = self.memory(name).serves
        return math.prod(size for dimension, size in self.array.items() if dimension not in served)

    def level(self, operand: Operand, dimension: str) -> int:
        """The level of `operand`'s chain that is shared across an array dimension: its lowest memory that serves it.

        Level a lies between memory a - 1 (the MAC for a = 0) and memory a; the chain's length where none serves it.
        """
        chain = self.chain(operand)
        serving = [level for level, index in enumerate(chain) if dimension in self.memories[index].serves]
        return serving[0] if serving else len(chain)


def _no_twice(what: str, names: Iterable[str]) -> None:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise ValueError(f"{what} has {name!r} twice; keep one")
        seen.add(name)


def _names_known(what: str, names: Iterable[str], known: Iterable[str]) -> None:
    for name in names:
        if name not in known:
            raise ValueError(f"{what} names {name!r}, which is no dimension of the array{did_you_mean(name, known)}")


def _same_names(what: str, given: Iterable[str], wanted: list[str]) -> None:
    for name in wanted:
        if name not in given:
            raise ValueError(f"{what} has no entry for {name!r}; add its constants, with their source")
    for name in given:
        if name not in wanted:
            raise ValueError(f"{what} names {name!r}, which is no memory{did_you_mean(name, wanted)}")


def _is_a_tree(memories: tuple[Memory, ...]) -> None:
    order = {memory.name: index for index, memory in enumerate(memories)}
    parents = {memory.name: memory.parent for memory in memories if memory.parent is not None}
    for name, parent in parents.items():
        if parent not in order:
            raise ValueError(f"memory {name!r}: parent {parent!r} is no memory{did_you_mean(parent, order)}")
        path = [name]
        while path[-1] in parents:
            path.append(parents[path[-1]])
            if path.count(path[-1]) > 1:
                raise ValueError(f"the memories fill each other in a circle, {' <- '.join(path)}; give one no parent")
        if order[parent] < order[name]:
            raise ValueError(f"memory {name!r} is filled from {parent!r}, so list {parent!r} after it (inner to outer)")
    for operand in OPERANDS:
        _on_one_path(operand, [memory for memory in memories if memory.holds(operand)], parents)


def _on_one_path(operand: Operand, holders: list[Memory], parents: Mapping[str, str]) -> None:
    for lower, upper in pairwise(holders):
        above = lower.name
        while above in parents and above != upper.name:
            above = parents[above]
        if lower.parent is not None and above != upper.name:
            raise ValueError(
                f"{operand} is held by {lower.name!r} and {upper.name!r}, but neither is filled from the other"
            )


def _check_chain(operand: Operand, chain: list[Memory]) -> None:
    if not chain:
        raise ValueError(f"no memory holds {operand}; add it to the operands of one")
    for lower, upper in pairwise(chain):
        lost = [dimension for dimension in lower.serves if dimension not in upper.serves]
        if lost:
            raise ValueError(
                f"memory {upper.name!r} is above {lower.name!r} but does not serve {', '.join(lost)}; add it to its serves"
            )
    for level, memory in enumerate(chain):
        for move in moves_of(operand, top=level == len(chain) - 1):
            if memory.ports and memory.port(operand, move) is None:
                raise ValueError(f"memory {memory.name!r}: no port serves {operand} {move}; add it to a port's moves")

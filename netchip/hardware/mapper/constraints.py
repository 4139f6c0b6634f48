"""What a search may not choose: the dataflow, the unrolling, memories an operand goes past."""

from collections.abc import Mapping
from typing import Annotated

from pydantic import Field

from netchip.errors import RequestError
from netchip.hardware.accelerator import Accelerator, Memory, Port
from netchip.hardware.dimensions import DIMS, Dim, Operand, relevant
from netchip.spec import Spec


class Constraints(Spec):
    """Fixed choices of a mapping; empty: all is free.

    - `stationary`: the operand that stays where it is while all loops that reuse it run: these run inside all others.
    - `order`: dimensions from inner to outer; loops over those named run in this order, inside loops over the others.
    - `spatial`: for a dimension of the array the units wanted along it; a layer with fewer steps uses fewer, and steps
      that units do not divide run in equal passes (55 on 14 units: 4 passes of 13.75). Given, nothing else is unrolled.
    - `bypass`: memories that do not keep an operand, though the accelerator lets them.
    """

    stationary: Operand | None = None
    order: tuple[Dim, ...] = ()
    spatial: Mapping[str, Mapping[Dim, Annotated[int, Field(ge=1)]]] | None = None
    bypass: Mapping[Operand, tuple[str, ...]] = {}

    def ranks(self, *, transposed: bool) -> dict[Dim, int]:
        """For each dimension the class of its loops; those of lower classes run inside those of higher ones."""
        first = {dim: place for place, dim in enumerate(self.order)}
        changes = relevant(self.stationary, transposed=transposed) if self.stationary else ()
        return {dim: (len(DIMS) + 1) * (dim in changes) + first.get(dim, len(DIMS)) for dim in DIMS}

    def applied_to(self, accelerator: Accelerator) -> Accelerator:
        """The accelerator without the tiles that `bypass` forbids; the mappings found are for this one.

        Raises `RequestError` where a name is not known, or nothing would hold an operand any more.
        """
        for name, factors in (self.spatial or {}).items():
            size = accelerator.array.get(name)
            if size is None:
                known = ", ".join(accelerator.array)
                raise RequestError(f"spatial names {name!r}, which is no dimension of the array; it has {known}")
            _check_size(name, size, factors)
        for operand, names in self.bypass.items():
            for name in names:
                if not accelerator.memory(name).holds(operand):
                    raise RequestError(f"bypass: {name!r} does not hold {operand} anyway; leave it out")
        if not any(self.bypass.values()):
            return accelerator
        memories = [self._without(memory) for memory in accelerator.memories]
        plain = accelerator.model_dump(mode="json") | {"memories": [each.model_dump(mode="json") for each in memories]}
        return Accelerator.parse(plain, source=f"{accelerator.name} with bypass")

    def _without(self, memory: Memory) -> Memory:
        gone: set[Operand] = {operand for operand, names in self.bypass.items() if memory.name in names}
        kept = tuple(operand for operand in memory.operands if operand not in gone)
        if not kept:
            raise RequestError(f"bypass leaves {memory.name!r} nothing to hold; let it keep one operand")
        ports = tuple(left for left in (_left(port, gone) for port in memory.ports) if left is not None)
        return memory.model_copy(update={"operands": kept, "ports": ports})


def _left(port: Port, gone: set[Operand]) -> Port | None:
    """The port without moves of operands that are gone; nothing where it served only these."""
    moves = tuple(move for move in port.moves if move[0] not in gone)
    return None if port.moves and not moves else port.model_copy(update={"moves": moves})


def _check_size(name: str, size: int, factors: Mapping[Dim, int]) -> None:
    used = 1
    for factor in factors.values():
        used *= factor
    if used > size:
        raise RequestError(f"spatial unrolls {used} along {name}, which has {size} units; unroll less")

"""One mapping that can be read: which loops run in which order, where each operand's tile stays, what is unrolled."""

import re
from collections.abc import Mapping as Table
from typing import Annotated, Any, Self

from pydantic import Field, model_validator

from netchip.errors import RequestError
from netchip.hardware.dimensions import DIMS, OPERANDS, Dim, Operand
from netchip.spec import Spec

_FACTOR = re.compile(r"(\w+) ([0-9.]+)")


class Loop(Spec):
    """A temporal loop: `bound` steps of `dim`, kept at memory `at[operand]` for each operand.

    A memory keeps a loop when its tile holds all that the loop's steps use; loops of the memories above it reload the tile.
    """

    dim: Dim
    bound: Annotated[int, Field(ge=1)]
    at: Table[Operand, str]

    @model_validator(mode="after")
    def _every_operand(self) -> Self:
        for operand in OPERANDS:
            if operand not in self.at:
                raise ValueError(f"loop {self.dim} {self.bound}: at lacks {operand}; name the memory that keeps it")
        return self

    def __str__(self) -> str:
        return f"{self.dim} {self.bound}: " + " ".join(f"{operand}={self.at[operand]}" for operand in OPERANDS)


class Mapping(Spec):
    """One mapping of a layer onto an accelerator: the readable form of one row of a `MappingBatch`.

    `loops` run inner to outer. `spatial` gives, for a dimension of the array, the factors unrolled along it; a factor may
    be a fraction (55 rows in 4 passes of 14 units: 13.75), the mean use of the units. Factors of one loop dimension
    multiply to the layer's bound. The same memory for all operands in every loop is an even mapping (Timeloop's).

    >>> print(Mapping.parse_text("D1: K 16 | K 4: W=dram I=dram O=dram | C 3: W=buf I=buf O=reg"))
    D1: K 16
    K 4: W=dram I=dram O=dram
    C 3: W=buf I=buf O=reg
    """

    loops: tuple[Loop, ...]
    spatial: Table[str, Table[Dim, Annotated[float, Field(ge=1, allow_inf_nan=False)]]] = {}

    def factor(self, dim: Dim) -> float:
        """Product of all factors of `dim`, temporal and spatial."""
        product = 1.0
        for loop in self.loops:
            product *= loop.bound if loop.dim == dim else 1
        for factors in self.spatial.values():
            product *= factors.get(dim, 1.0)
        return product

    def __str__(self) -> str:
        """One line an array dimension, then the loops, outermost first."""
        across = [f"{name}: {_factors(factors)}" for name, factors in self.spatial.items() if factors]
        return "\n".join([*across, *map(str, reversed(self.loops))])

    @classmethod
    def parse_text(cls, text: str) -> Self:
        """The mapping that `str` wrote; lines may also be split by "|". Raises `RequestError` naming a line it cannot read."""
        loops: list[dict[str, Any]] = []
        spatial: dict[str, dict[str, float]] = {}
        for line in filter(None, (part.strip() for part in re.split(r"[\n|]", text))):
            head, found, tail = line.partition(":")
            if not found or not tail.strip():
                raise RequestError(f"cannot read {line!r}; write 'D1: K 16' or 'K 4: W=dram I=dram O=reg'")
            if "=" in tail:
                loops.append(_loop(line, head, tail))
            else:
                spatial[head.strip()] = _unrolled(line, tail)
        return cls.parse({"loops": loops[::-1], "spatial": spatial}, source="mapping")


def _factors(factors: Table[Dim, float]) -> str:
    return " ".join(f"{dim} {_exact(factors[dim])}" for dim in DIMS if dim in factors)


def _exact(factor: float) -> str:
    return str(int(factor)) if factor.is_integer() else repr(factor)


def _loop(line: str, head: str, tail: str) -> dict[str, Any]:
    match = _FACTOR.fullmatch(head.strip())
    places = [part.partition("=") for part in tail.split()]
    if match is None or any(not found for _, found, _ in places):
        raise RequestError(f"cannot read the loop {line!r}; write 'K 4: W=dram I=dram O=reg'")
    return {"dim": match[1], "bound": match[2], "at": {operand: memory for operand, _, memory in places}}


def _unrolled(line: str, tail: str) -> dict[str, float]:
    found = _FACTOR.findall(tail)
    if " ".join(f"{dim} {factor}" for dim, factor in found) != " ".join(tail.split()):
        raise RequestError(f"cannot read the unrolling {line!r}; write 'D1: K 16' or 'D1: OY 13.75 FY 3'")
    return {dim: float(factor) for dim, factor in found}

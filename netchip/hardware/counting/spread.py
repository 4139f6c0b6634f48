"""The unrolling of a batch as each operand sees it: how far it reaches, how many instances it uses, level by level."""

from dataclasses import dataclass

from netchip.hardware.accelerator import Accelerator
from netchip.hardware.arrays import Array, on_host
from netchip.hardware.counting.arithmetic import NEARLY, Arithmetic, Number, is_plain, product
from netchip.hardware.counting.nest import WINDOW, Extent
from netchip.hardware.dimensions import DIMS, OPERANDS, Dim, Operand, relevant

Factors = tuple[dict[Dim, Number], ...]
"""By array dimension the factor of each loop dimension, those of 1 for the whole batch left out."""


@dataclass(frozen=True)
class Spread:
    """Unrolling of one operand. `below[a]`: reach of the factors below level a, up to two past the outermost memory.

    `across[a]`: product of all factors at level a; `reached[a]`: of those among them that change which elements are used;
    `instances[a]`: units in use at level a.
    """

    below: tuple[Extent, ...]
    across: tuple[Number, ...]
    reached: tuple[Number, ...]
    instances: tuple[Number, ...]


def factors_of(spatial: Array) -> Factors:
    """The factors [array dimension, dim, N]; what is the same for all mappings becomes a constant."""
    if spatial.shape[-1] > 1:
        return tuple({dim: row[index] for index, dim in enumerate(DIMS)} for row in spatial)
    plain = on_host(spatial)[:, :, 0]
    return tuple({dim: float(factor) for dim, factor in zip(DIMS, row, strict=True) if factor != 1} for row in plain)


def whole(factors: Factors, rounding: str, arithmetic: Arithmetic) -> Factors:
    """Factors rounded to whole units, "floor" or "ceil"."""
    return tuple({dim: _whole(value, rounding, arithmetic) for dim, value in row.items()} for row in factors)


def are_whole(factors: Factors, arithmetic: Arithmetic) -> bool:
    """Whether no factor is a fraction."""
    values = [value for row in factors for value in row.values()]
    return all(value.is_integer() if is_plain(value) else bool(arithmetic.xp.all(value % 1 == 0)) for value in values)


def _whole(value: Number, rounding: str, arithmetic: Arithmetic) -> Number:
    return arithmetic.floor(value * NEARLY) if rounding == "floor" else arithmetic.ceil(value / NEARLY)


def spread(accelerator: Accelerator, factors: Factors, *, transposed: bool) -> dict[Operand, Spread]:
    """What each operand sees of `factors`."""
    return {operand: _spread(accelerator, operand, factors, transposed) for operand in OPERANDS}


def _spread(accelerator: Accelerator, operand: Operand, factors: Factors, transposed: bool) -> Spread:
    levels = len(accelerator.chain(operand)) + 1
    at = [[row for name, row in zip(accelerator.array, factors, strict=True) if accelerator.level(operand, name) == level]
          for level in range(levels)]  # fmt: skip
    dims = relevant(operand, transposed=transposed)
    windowed = operand == ("O" if transposed else "I")
    across = [product(value for row in rows for value in row.values()) for rows in at]
    reached = [product(_of(rows, dims)) for rows in at]
    below = [_reach([row for rows in at[:level] for row in rows], dims, windowed) for level in range(levels + 1)]
    instances = [product(across[level:]) for level in range(levels)]
    return Spread(tuple(below), tuple(across), tuple(reached), tuple(instances))


def _of(rows: list[dict[Dim, Number]], dims: tuple[Dim, ...]) -> list[Number]:
    return [row[dim] for row in rows for dim in dims if dim in row]


def _reach(rows: list[dict[Dim, Number]], dims: tuple[Dim, ...], windowed: bool) -> Extent:
    if not windowed:
        return Extent(product(_of(rows, dims)))
    oy, fy, ox, fx = (product(_of(rows, (dim,))) for dim in WINDOW)
    plain: tuple[Dim, ...] = tuple(dim for dim in dims if dim not in WINDOW)
    return Extent(product(_of(rows, plain)), ((oy, fy), (ox, fx)))

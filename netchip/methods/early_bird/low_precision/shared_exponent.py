"""Shared exponents: block floating point, emulated. The numbers of a block share one exponent and keep a few bits each.

The format of the paper's low-precision search (arXiv 1909.11957), which is SWALP's (Yang et al., arXiv 1904.11943) with
the blocks of the released code: QPyTorch's. The rounded values are kept as ordinary floats, so nothing here saves time or
energy on this hardware, and a result made with it is labelled as emulated.
"""

import math
from collections.abc import Iterable, Iterator, Sequence
from typing import Literal

import torch
from torch import Tensor

from netchip.errors import ConfigError

Rounding = Literal["stochastic", "nearest"]

_BATCH = 2**17  # elements rounded at once: fewer cost more calls, more cost fresh memory pages


@torch.no_grad()
def quantize_block(
    x: Tensor,
    *,
    bits: int = 8,
    dim: int | None = 0,
    rounding: Rounding = "stochastic",
    generator: torch.Generator | None = None,
) -> Tensor:
    """`x` in block floating point of `bits` bits: a new tensor of the same shape, type and memory format.

    Each entry of dimension `dim` is a block (None: the whole tensor is one), so a 1-D tensor with dim 0 has a block an
    element and a 0-d tensor is one block. A block with the largest magnitude m has the exponent E = floor(log2 m), the
    step 2^(E - (bits - 2)), and the range +-(2^(E + 1) - step): sign, one bit before the point, bits - 2 after it. A
    block of zeros stays zero; one that holds a NaN or an infinite value becomes NaN. No step is below the smallest
    normal number (1.2e-38 in float32).

        quantize_block(torch.tensor([[1.0, 0.3]]), bits=4, rounding="nearest")   # [[1.0, 0.25]]: E = 0, step 1/4

    "stochastic" rounds up with the probability that leaves the mean as it is (to 2^-24 steps in float32), drawn from
    `generator`, else from torch's global one; only between the end of the range and 2^(E + 1) values are always clipped,
    so one that is alone in its block and just below a power of two loses up to a step. "nearest" rounds halves to even.
    Values on the grid do not change. No gradient passes.

    Raises `ConfigError` for `x` that is not floating point, for bits, dim and rounding that are not there.
    """
    _check(x, bits, dim, rounding)
    if x.numel() == 0:
        return x.clone()
    wide = x.float() if x.dtype.itemsize < 4 else x
    steps = _steps(_largest(_rows(wide, dim)), bits)
    shape = [-1 if dim is not None and place == dim % x.dim() else 1 for place in range(x.dim())]
    return _rounded(wide, steps.view(shape), bits, rounding, generator).to(x.dtype)


@torch.no_grad()
def quantize_together(tensors: Sequence[Tensor], *, bits: int = 8, generator: torch.Generator | None = None) -> None:
    """What `quantize_block` does, stochastic with dim 0, in place on many tensors of one type and device.

    Small tensors are rounded many at a time, as one flat tensor. Raises `ConfigError` as `quantize_block` does.
    """
    for tensor in tensors:
        _check(tensor, bits, 0, "stochastic")
    for batch in _batches(tensors):
        if len(batch) == 1:
            batch[0].copy_(quantize_block(batch[0], bits=bits, generator=generator))
        else:
            _quantize_flat(batch, bits, generator)


def _batches(tensors: Iterable[Tensor]) -> Iterator[list[Tensor]]:
    """`tensors` without the empty ones, in order, in lists of at most `_BATCH` elements; a larger one is alone."""
    batch: list[Tensor] = []
    elements = 0
    for tensor in tensors:
        if batch and elements + tensor.numel() > _BATCH:
            yield batch
            batch, elements = [], 0
        if tensor.numel() > 0:
            batch.append(tensor)
            elements += tensor.numel()
    if batch:
        yield batch


def _quantize_flat(tensors: list[Tensor], bits: int, generator: torch.Generator | None) -> None:
    sizes = [tensor.numel() for tensor in tensors]
    flat = torch.cat([tensor.reshape(-1) for tensor in tensors])
    wide = flat.float() if flat.dtype.itemsize < 4 else flat
    blocks = [part.view(_block_count(tensor), -1) for part, tensor in zip(wide.split(sizes), tensors, strict=True)]
    rounded = _rounded(wide, _spread(blocks, bits), bits, "stochastic", generator)
    parts = [part.view(tensor.shape) for part, tensor in zip(rounded.split(sizes), tensors, strict=True)]
    torch._foreach_copy_(tensors, parts)  # pyright: ignore


def _spread(blocks: Sequence[Tensor], bits: int) -> Tensor:
    """The step of every element, flat, for blocks [blocks, elements] of one tensor after another."""
    steps = _steps(torch.cat([_largest(rows) for rows in blocks]), bits)
    each = steps.split([len(rows) for rows in blocks])
    return torch.cat([own[:, None].expand_as(rows).reshape(-1) for own, rows in zip(each, blocks, strict=True)])


def _block_count(tensor: Tensor) -> int:
    return tensor.shape[0] if tensor.dim() else 1


def _rows(x: Tensor, dim: int | None) -> Tensor:
    """`x` as [blocks, elements of each]."""
    if dim is None or x.dim() == 0:
        return x.reshape(1, -1)
    return x.movedim(dim, 0).flatten(1) if x.dim() > 1 else x[:, None]


def _largest(rows: Tensor) -> Tensor:
    """max|x| of each block [blocks] of `rows` [blocks, elements]; NaN where there is one."""
    if rows.shape[1] == 1:
        return rows[:, 0].abs()
    return torch.maximum(rows.amax(1), -rows.amin(1))


def _steps(largest: Tensor, bits: int) -> Tensor:
    """2^(floor(log2 m) - (bits - 2)) for each m of `largest`, exact: m over its own mantissa is a power of two."""
    tiny = torch.finfo(largest.dtype).tiny
    largest = largest.clamp_min(tiny)
    mantissa, _ = torch.frexp(largest)  # in [0.5, 1): largest / mantissa is 2^(E + 1), which may be out of range
    return (largest / mantissa.mul_(2.0 ** (bits - 1))).clamp_min_(tiny)


def _rounded(x: Tensor, steps: Tensor, bits: int, rounding: Rounding, generator: torch.Generator | None) -> Tensor:
    """`x` on the grid of `steps` (which broadcasts); the divisions by powers of two are exact."""
    levels = x / steps
    if rounding == "nearest":
        levels = levels.round_()
    else:
        low = levels.floor()
        draws = torch.empty_like(levels).uniform_(generator=generator)  # in [0, 1): never up from a whole number
        levels = levels.sub_(low).sub_(draws).ceil_().add_(low)
    highest = 2.0 ** (bits - 1) - 1
    return levels.clamp_(-highest, highest).mul_(steps)


def check_bits(bits: int, dtypes: Iterable[torch.dtype]) -> None:
    """Raises `ConfigError` unless each of `dtypes` holds every value of a grid of `bits` bits (float32: 2 to 25)."""
    for dtype in dtypes:
        most = 2 - round(math.log2(torch.finfo(dtype).eps))
        if not 2 <= bits <= most:
            name = str(dtype).removeprefix("torch.")
            raise ConfigError(f"bits = {bits}: block floating point emulated in {name} has 2 to {most} bits")


def _check(x: Tensor, bits: int, dim: int | None, rounding: str) -> None:
    if not x.is_floating_point():
        raise ConfigError(f"x is of type {x.dtype}; block floating point is for real floating point tensors")
    check_bits(bits, [x.dtype])
    if dim is not None and not -max(x.dim(), 1) <= dim < max(x.dim(), 1):
        raise ConfigError(f"dim = {dim}: x has {x.dim()} dimensions; None makes one block of all of it")
    if rounding not in ("stochastic", "nearest"):
        raise ConfigError(f"rounding = {rounding!r}: there are stochastic, nearest")

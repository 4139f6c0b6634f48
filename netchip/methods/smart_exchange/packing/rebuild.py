"""From the stored form to the weight, fast: bit for bit `Factored.weight`.

The whole numbers of a weight are small sums, so float32 holds them exactly where they stay below 2^24, and float64 always
does; the unit multiplies them once, with one rounding. Each column of the weight is `width` multiply-adds of planes, on as
many blocks at a time as stay in the cache, instead of a product of small matrices for each block.
"""

import torch
from torch import Tensor

from netchip.methods.smart_exchange.decomposition.alphabet import Alphabet
from netchip.methods.smart_exchange.decomposition.factored import LARGEST_BASIS
from netchip.methods.smart_exchange.packing.bits import unpack_bits
from netchip.methods.smart_exchange.packing.codes import integers_table
from netchip.methods.smart_exchange.packing.packed import Packed

_WEIGHTS_AT_ONCE = 3 << 14  # on a CPU: in a core's own cache, and too few for torch to split among threads
_WEIGHTS_AT_ONCE_ELSEWHERE = 1 << 24
_EXACT_IN_FLOAT32 = 1 << 24
_SMALLEST_NORMAL, _LARGEST = 2.0**-126, 2.0**127


def rebuild(packed: Packed) -> Tensor:
    """The weight of `packed`, of its shape and dtype, on its device; equal to `unpack(packed).weight()` bit for bit."""
    tiling = packed.tiling
    blocks = torch.empty(tiling.blocks, tiling.rows, tiling.width, dtype=packed.dtype, device=packed.codes.device)
    reader = _Coefficients(packed, exact_dtype(packed))
    for first in range(0, tiling.blocks, reader.blocks_at_once):
        last = min(first + reader.blocks_at_once, tiling.blocks)
        _mix(reader.read(first, last), reader.basis(first, last), packed.unit, blocks[first:last])
    return tiling.from_blocks(blocks).contiguous()


def exact_dtype(packed: Packed) -> torch.dtype:
    """float32 where it gives the weight exactly: small whole numbers, and a unit that is a normal float32; else float64."""
    largest = packed.tiling.width * LARGEST_BASIS << (packed.alphabet.powers - 1)
    normal = _SMALLEST_NORMAL <= packed.unit < _LARGEST
    exact = largest < _EXACT_IN_FLOAT32 and normal and packed.dtype != torch.float64
    return torch.float32 if exact else torch.float64


class _Coefficients:
    """Reads the coefficients of consecutive blocks as whole numbers, and their basis."""

    def __init__(self, packed: Packed, dtype: torch.dtype) -> None:
        self._packed, self._dtype = packed, dtype
        device = packed.codes.device
        per_block = packed.tiling.rows * packed.tiling.width
        at_once = _WEIGHTS_AT_ONCE if device.type == "cpu" else _WEIGHTS_AT_ONCE_ELSEWHERE
        self.blocks_at_once = max(1, at_once // per_block)
        self._kept = packed.kept_rows
        self._all_kept = bool(self._kept.all())
        self._table = integers_table(packed.alphabet, dtype).to(device)
        self._pairs = _pairs_table(packed.alphabet, dtype).to(device) if packed.alphabet.bits == 4 else None
        self._basis_place = packed.kept_blocks.cumsum(0) - 1
        self._element = self._code = 0

    def basis(self, first: int, last: int) -> Tensor:
        """[blocks, width, width] in the exact dtype; anything where a block has no coefficients."""
        if not self._packed.basis.numel():
            width = self._packed.tiling.width
            return torch.zeros(last - first, width, width, dtype=self._dtype, device=self._packed.codes.device)
        places = self._basis_place[first:last].clamp(min=0)
        return self._packed.basis[places].to(self._dtype)

    def read(self, first: int, last: int) -> Tensor:
        """[blocks, rows, width]: the coefficients of the blocks that follow those read before."""
        tiling = self._packed.tiling
        if self._all_kept:
            count = (last - first) * tiling.rows * tiling.width
            return self._rows(count).reshape(last - first, tiling.rows, tiling.width)
        places = self._kept[first:last].reshape(-1).nonzero().reshape(-1)
        out = torch.zeros((last - first) * tiling.rows, tiling.width, dtype=self._dtype, device=places.device)
        out.index_copy_(0, places, self._rows(places.numel() * tiling.width).reshape(-1, tiling.width))
        return out.reshape(last - first, tiling.rows, tiling.width)

    def _rows(self, count: int) -> Tensor:
        """The next `count` coefficients of kept rows."""
        bitmap = self._packed.element_bitmap
        if bitmap is None:
            return self._codes(count)
        nonzero = unpack_bits(bitmap, 1, count, self._element).to(torch.bool)
        self._element += count
        values = self._codes(int(nonzero.sum()))
        return torch.zeros(count, dtype=self._dtype, device=values.device).masked_scatter_(nonzero, values)

    def _codes(self, count: int) -> Tensor:
        """The coefficients of the next `count` codes."""
        start, self._code = self._code, self._code + count
        if self._pairs is not None:
            first, last = start // 2, -(-(start + count) // 2)
            pairs = torch.take(self._pairs, self._packed.codes[first:last].to(torch.int64))
            return torch.view_as_real(pairs).reshape(-1)[start % 2 :][:count]
        codes = unpack_bits(self._packed.codes, self._packed.alphabet.bits, count, start)
        return torch.take(self._table, codes.to(torch.int64))


def _pairs_table(alphabet: Alphabet, dtype: torch.dtype) -> Tensor:
    """[256], complex, which moves two values at once: the two coefficients of each byte of 4-bit codes."""
    one = integers_table(alphabet, dtype)
    byte = torch.arange(256)
    return torch.complex(one[byte & 15], one[byte >> 4])


def _mix(coefficients: Tensor, basis: Tensor, unit: float, out: Tensor) -> None:
    """Writes (C B) x unit to `out` [blocks, rows, width], rounded to float32 once and then to the dtype of `out`.

    Sums begin at +0, so that no weight becomes -0.
    """
    zero = torch.zeros((), dtype=coefficients.dtype, device=coefficients.device)
    planes = coefficients.unbind(dim=2)
    for column in range(basis.shape[2]):
        total = torch.addcmul(zero, planes[0], basis[:, 0, column, None])
        for row in range(1, basis.shape[1]):
            total.addcmul_(planes[row], basis[:, row, column, None])
        exact = total.mul_(unit)
        out[:, :, column] = exact if out.dtype == torch.float64 else exact.to(torch.float32)

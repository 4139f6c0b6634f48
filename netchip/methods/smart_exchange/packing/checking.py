"""Whether stored tensors are what `pack` could have written: every length follows from the bits that are set."""

import torch
from torch import Tensor

from netchip.errors import ConfigError
from netchip.methods.smart_exchange.packing.bits import rest_is_zero, stream_bytes, unpack_bits
from netchip.methods.smart_exchange.packing.codes import codes_are_known
from netchip.methods.smart_exchange.packing.packed import Packed, check_scale


def check_packed(packed: Packed) -> None:
    """Raises `ConfigError` that says what is wrong, else returns; then `unpack` and `rebuild` work.

    Nothing larger than a few times the stored tensors is allocated.
    """
    check_scale(packed.basis_scale, packed.alphabet.top)
    _check_stream("row bitmap", packed.row_bitmap, 1, packed.tiling.real_rows)
    rows, width = int(packed.kept_rows.sum()), packed.tiling.width
    blocks = int(packed.kept_blocks.sum())
    if tuple(packed.basis.shape) != (blocks, width, width) or packed.basis.dtype != torch.int8:
        raise ConfigError(
            f"the basis is {tuple(packed.basis.shape)}, where {blocks} blocks of width {width} have coefficients"
        )
    if bool((packed.basis == -128).any()):
        raise ConfigError("the basis holds -128; its values are within -127 to 127")
    if packed.element_bitmap is None:
        _check_rows_of_codes(packed, rows)
    else:
        _check_elements(packed, packed.element_bitmap, rows)


def _check_rows_of_codes(packed: Packed, rows: int) -> None:
    width, bits = packed.tiling.width, packed.alphabet.bits
    _check_stream("codes", packed.codes, bits, rows * width)
    codes = unpack_bits(packed.codes, bits, rows * width)
    if not codes_are_known(codes, packed.alphabet, zero_too=True):
        raise ConfigError(f"a code is none of the {bits}-bit alphabet")
    _check_each_row_has_one(codes.reshape(rows, width) != 0)


def _check_elements(packed: Packed, bitmap: Tensor, rows: int) -> None:
    width, bits = packed.tiling.width, packed.alphabet.bits
    _check_stream("element bitmap", bitmap, 1, rows * width)
    nonzero = unpack_bits(bitmap, 1, rows * width).to(torch.bool)
    count = int(nonzero.sum())
    _check_stream("codes", packed.codes, bits, count)
    if not codes_are_known(unpack_bits(packed.codes, bits, count), packed.alphabet, zero_too=False):
        raise ConfigError(f"a code is none of the {bits}-bit alphabet's coefficients")
    _check_each_row_has_one(nonzero.reshape(rows, width))


def _check_each_row_has_one(nonzero: Tensor) -> None:
    if not bool(nonzero.any(dim=1).all()):
        raise ConfigError("a row that is marked as kept has no coefficient")


def _check_stream(name: str, stream: Tensor, bits: int, count: int) -> None:
    expected = stream_bytes(count, bits)
    if stream.dtype != torch.uint8 or tuple(stream.shape) != (expected,):
        raise ConfigError(
            f"the {name} is {tuple(stream.shape)} of {stream.dtype}; {count} entries of {bits} bits are {expected} bytes"
        )
    if not rest_is_zero(stream, bits, count):
        raise ConfigError(f"the bits after the last entry of the {name} are not zero")

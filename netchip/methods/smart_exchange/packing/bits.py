"""Streams of codes of a few bits each: little end first, so that code k holds the bits k x bits and up of the stream.

Of two 4-bit codes in a byte the first is the low nibble. Eight codes take `bits` whole bytes, which is what the loops here go by.
"""

import torch
from torch import Tensor

from netchip.errors import ConfigError

_CODES = 8  # a group: eight codes, `bits` bytes
_GROUPS_AT_ONCE = 1 << 12  # 64-bit words of intermediate values, which would otherwise be eight times the codes


def stream_bytes(count: int, bits: int) -> int:
    """Bytes that `count` codes of `bits` bits take; the last byte is filled up with zeros."""
    return -(-count * bits // 8)


def pack_bits(codes: Tensor, bits: int) -> Tensor:
    """The stream of `codes` (uint8 or bool, any shape, read in order; each below 2^bits): uint8 [stream_bytes]."""
    _check(bits)
    flat = codes.reshape(-1).to(torch.uint8)
    if bits == 8:
        return flat.clone()
    filled = torch.nn.functional.pad(flat, (0, -flat.numel() % _CODES)).reshape(-1, _CODES)
    parts = [_packed_groups(chunk, bits) for chunk in filled.split(_GROUPS_AT_ONCE)]
    stream = torch.cat(parts).reshape(-1) if parts else flat
    return stream[: stream_bytes(flat.numel(), bits)].clone()


def unpack_bits(stream: Tensor, bits: int, count: int, start: int = 0) -> Tensor:
    """Codes `start` to `start + count` of a stream (uint8 [bytes]): uint8 [count].

    Raises `ConfigError` where the stream is too short.
    """
    _check(bits)
    if min(count, start) < 0 or stream_bytes(start + count, bits) > stream.numel():
        raise ConfigError(
            f"a stream of {stream.numel()} bytes does not hold {count} codes of {bits} bits from code {start}"
        )
    if bits == 8:
        return stream[start : start + count].clone()
    first, last = start // _CODES, -(-(start + count) // _CODES)
    window = stream[first * bits : last * bits]
    filled = torch.nn.functional.pad(window, (0, (last - first) * bits - window.numel())).reshape(-1, bits)
    parts = [_unpacked_groups(chunk, bits) for chunk in filled.split(_GROUPS_AT_ONCE)]
    codes = torch.cat(parts).reshape(-1) if parts else window
    skipped = start - first * _CODES
    return codes[skipped : skipped + count]


def rest_is_zero(stream: Tensor, bits: int, count: int) -> bool:
    """Whether the bits after `count` codes, which fill the last byte up, are zero."""
    used = count * bits % 8
    return used == 0 or stream.numel() == 0 or int(stream[-1]) >> used == 0


def _packed_groups(groups: Tensor, bits: int) -> Tensor:
    """[n, 8] codes as [n, bits] bytes."""
    if 8 % bits == 0:
        return _byte_by_byte(groups.reshape(groups.shape[0], bits, 8 // bits), bits)
    word = (groups.to(torch.int64) << _steps(_CODES, bits, groups)).sum(dim=1, keepdim=True)
    return ((word >> _steps(bits, 8, groups)) & 0xFF).to(torch.uint8)


def _byte_by_byte(codes: Tensor, bits: int) -> Tensor:
    """[n, bytes, codes a byte] as [n, bytes]: where no code crosses a byte."""
    packed = codes[..., 0].clone()
    for place in range(1, codes.shape[-1]):
        packed |= codes[..., place] << (place * bits)
    return packed


def _unpacked_groups(groups: Tensor, bits: int) -> Tensor:
    """[n, bits] bytes as [n, 8] codes."""
    if 8 % bits == 0:
        places = [(groups >> (place * bits)) & ((1 << bits) - 1) for place in range(8 // bits)]
        return torch.stack(places, dim=-1).reshape(-1, _CODES)
    word = (groups.to(torch.int64) << _steps(bits, 8, groups)).sum(dim=1, keepdim=True)
    return ((word >> _steps(_CODES, bits, groups)) & ((1 << bits) - 1)).to(torch.uint8)


def _steps(count: int, step: int, like: Tensor) -> Tensor:
    return torch.arange(0, count * step, step, dtype=torch.int64, device=like.device)


def _check(bits: int) -> None:
    if type(bits) is not int or not 1 <= bits <= 8:
        raise ConfigError(f"bits = {bits!r}: a code of a stream takes 1 to 8 bits")

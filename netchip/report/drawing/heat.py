"""Values as colours: cividis (Nunez, Anderton and Renslow, 2018), readable by the colour-blind, in a PNG of one dot a value."""

import base64
import math
import struct
import zlib
from collections.abc import Sequence

_CIVIDIS = (
    0x00224E, 0x002E6A, 0x1A386F, 0x32436D, 0x434E6C, 0x52596D, 0x61656F, 0x6F7073, 0x7C7B78,
    0x8B8778, 0x9B9376, 0xABA072, 0xBBAD6C, 0xCCBA64, 0xDDC958, 0xEFD748, 0xFEE838,
)  # fmt: skip
"""Seventeen colours at equal distances; those between are at most 11 of 255 off."""
_CLEAR = bytes(4)


def colour(share: float) -> bytes:
    """Red, green, blue and opacity, a byte each, at a place from 0 (dark) to 1 (bright); clear for what is not finite."""
    if not math.isfinite(share):
        return _CLEAR
    place = min(max(share, 0.0), 1.0) * (len(_CIVIDIS) - 1)
    index = min(int(place), len(_CIVIDIS) - 2)
    low, high = (_CIVIDIS[at].to_bytes(3, "big") for at in (index, index + 1))
    return bytes(round(a + (place - index) * (b - a)) for a, b in zip(low, high, strict=True)) + bytes([255])


def picture(shares: Sequence[Sequence[float]]) -> str:
    """A PNG of one dot a value, rows from the top, in base64."""
    lines = b"".join(bytes(1) + b"".join(map(colour, row)) for row in shares)
    head = struct.pack(">IIBBBBB", len(shares[0]), len(shares), 8, 6, 0, 0, 0)
    parts = ((b"IHDR", head), (b"IDAT", zlib.compress(lines, 9)), (b"IEND", b""))
    signature = bytes([137, 80, 78, 71, 13, 10, 26, 10])
    return base64.b64encode(signature + b"".join(_chunk(*part) for part in parts)).decode()


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

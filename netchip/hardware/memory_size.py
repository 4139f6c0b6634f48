"""Sizes of memories as people write them: '108 KiB'."""

import re
from typing import Any

from netchip.units import BITS_PER_BYTE

_BITS = {"bit": 1, "bits": 1, "B": BITS_PER_BYTE} | {
    f"{prefix}iB": BITS_PER_BYTE * 1024**power for power, prefix in enumerate("KMG", start=1)
}
_SIZE = re.compile(r"([0-9]+(?:\.[0-9]+)?(?:e[+-]?[0-9]+)?)\s*([A-Za-z]+)")


def bits_of_size(size: Any) -> int:
    """Bits of a size such as '24 bits', '512 B', '108 KiB' or '1.5 MiB'; raises `ValueError` that shows how to write one."""
    found = _SIZE.fullmatch(size.strip()) if isinstance(size, str) else None
    if found is None or found[2] not in _BITS:
        raise ValueError(f"{size!r} is no size; write one such as 24 bits, 512 B, 108 KiB or 2 MiB")
    bits = float(found[1]) * _BITS[found[2]]
    if bits < 1 or not bits.is_integer():
        raise ValueError(f"{size!r} is {bits:g} bits; give whole bits, at least 1")
    return int(bits)

"""A size that the whole network is to have, as people write it: "8x", "1.2MB", "3.5 bits", "12%", "40% rows". No torch."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from netchip.errors import ConfigError
from netchip.units import BITS_PER_BYTE, format_bytes, number_and_unit

TargetKind = Literal["ratio", "bytes", "bits per weight", "share", "rows"]
_KINDS: Mapping[str, tuple[TargetKind, float]] = {
    "x": ("ratio", 1.0),
    "b": ("bytes", 1.0),
    "kb": ("bytes", 1e3),
    "mb": ("bytes", 1e6),
    "gb": ("bytes", 1e9),
    "kib": ("bytes", 2.0**10),
    "mib": ("bytes", 2.0**20),
    "gib": ("bytes", 2.0**30),
    "bit": ("bits per weight", 1.0),
    "bits": ("bits per weight", 1.0),
    "%": ("share", 0.01),
    "% rows": ("rows", 0.01),
}
_FLOAT_BITS = 32
_FORMS = '"8x" (smaller than fp32), "1.2MB", "3.5 bits" (a weight), "12%" (of fp32, kept) or "40% rows" (kept)'


@dataclass(frozen=True)
class Target:
    """What all weights together may take: `value` of its `kind`; ratio and share are against 32 bits a weight."""

    kind: TargetKind
    value: float
    written: str

    @property
    def of_rows(self) -> bool:
        """Whether rows are counted, not bits."""
        return self.kind == "rows"

    def most(self, weights: int, rows: int) -> float:
        """The most bits that `weights` may take, or, of a target of rows, how many of `rows` may stay."""
        if self.kind == "rows":
            return self.value * rows
        if self.kind == "bytes":
            return self.value * BITS_PER_BYTE
        bits = {"ratio": _FLOAT_BITS / self.value, "bits per weight": self.value, "share": self.value * _FLOAT_BITS}
        return bits[self.kind] * weights

    def said(self, found: float, weights: int, rows: int) -> str:
        """What `found` bits (rows, of a target of rows) are in the target's own terms."""
        if self.kind == "rows":
            return f"{100 * found / rows:.1f}% rows"
        forms = {
            "ratio": f"{_FLOAT_BITS * weights / found:.2f}x",
            "bytes": format_bytes(-int(-found // BITS_PER_BYTE)),
            "bits per weight": f"{found / weights:.3f} bits",
            "share": f"{100 * found / weights / _FLOAT_BITS:.2f}%",
        }
        return forms[self.kind]


def parse_target(written: str) -> Target:
    """A target from its text. Raises `ConfigError` for anything else, for shares of 100 % and more, and ratios of 1 and less."""
    split = number_and_unit(" ".join(written.split()))
    kind, scale = _KINDS.get(split[1].lower(), (None, 0.0)) if split else (None, 0.0)
    if split is None or kind is None or split[0] <= 0:
        raise ConfigError(f"target = {written!r}: write {_FORMS}")
    value = split[0] * scale
    if (kind in ("share", "rows") and value >= 1) or (kind == "ratio" and value <= 1):
        raise ConfigError(f"target = {written!r}: it would leave the weights as large as they are; write {_FORMS}")
    return Target(kind, value, written.strip())

"""The size of a network by the three rules, in words, a row a rule."""

from collections.abc import Iterable

from netchip.methods.smart_exchange.accounting.rules import AccountedSize
from netchip.units import bits_to_bytes, format_bytes

TITLE = "Size by three rules, headers not counted"
COLUMNS = (
    "rule",
    ">weights",
    ">left out",
    ">codes",
    ">rows",
    ">elements",
    ">basis",
    ">dense",
    ">bits a\nweight",
    ">x below\nfloat32",
    ">x below\n8 bits",
)
"""'>' sets a column to the right. Ratios are over the weights a rule counts: what it leaves out is in neither."""

_WORDS = {"file": "file", "paper": "paper", "official_code": "official code"}


def rows(sizes: Iterable[AccountedSize], of: str = "") -> list[tuple[str, ...]]:
    """Rows under `COLUMNS`; `of`: whose sizes they are, before the rule."""
    return [_row(size, f"{of}, " if of else "") for size in sizes]


def _row(size: AccountedSize, of: str) -> tuple[str, ...]:
    return (
        of + _WORDS[size.accounting],
        f"{size.weights:,}",
        _tensors(len(size.left_out)),
        *(format_bytes(bits_to_bytes(bits)) if bits else "-" for bits in size.components.values()),
        f"{size.bits_per_weight:.3f}",
        f"{size.against_fp32:.2f}",
        f"{size.against_int8:.2f}",
    )


def _tensors(count: int) -> str:
    return "nothing" if not count else f"{count} tensor{'s' if count > 1 else ''}"

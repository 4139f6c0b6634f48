"""The size of a compressed network by three rules, side by side."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from netchip.cli.output import show_table
from netchip.units import bits_to_bytes, format_bytes

if TYPE_CHECKING:
    from netchip.methods.smart_exchange.accounting.rules import AccountedSize

_WORDS = {"file": "file: what it stores", "paper": "paper", "official_code": "official code"}


def show_accounting(sizes: "Sequence[AccountedSize]") -> None:
    """A table, a row a rule. The last two leave tensors out, and their weights with them."""
    columns = (
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
    show_table("Size by three rules, headers not counted", columns, [_row(each) for each in sizes])


def _row(size: "AccountedSize") -> tuple[str, ...]:
    return (
        _WORDS[size.accounting],
        f"{size.weights:,}",
        _tensors(len(size.left_out)),
        *(format_bytes(bits_to_bytes(bits)) if bits else "-" for bits in size.components.values()),
        f"{size.bits_per_weight:.3f}",
        f"{size.against_fp32:.2f}",
        f"{size.against_int8:.2f}",
    )


def _tensors(count: int) -> str:
    return "nothing" if not count else f"{count} tensor{'s' if count > 1 else ''}"

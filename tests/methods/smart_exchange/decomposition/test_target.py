"""How a size is written, and what it allows."""

import pytest

from netchip.errors import ConfigError
from netchip.methods.smart_exchange.decomposition.target import parse_target


@pytest.mark.parametrize(
    ("written", "bits"),
    [
        ("8x", 4000.0),
        ("8 X", 4000.0),
        ("100B", 800.0),
        ("1.2MB", 9.6e6),
        ("1 KiB", 8192.0),
        ("3.5 bits", 3500.0),
        ("12.5%", 4000.0),
    ],
)
def test_bits_that_a_thousand_weights_may_take(written: str, bits: float) -> None:
    target = parse_target(written)
    assert target.most(1000, 10) == pytest.approx(bits)
    assert not target.of_rows


def test_a_share_of_the_rows() -> None:
    target = parse_target("40 % rows")
    assert target.of_rows
    assert target.most(1000, 200) == pytest.approx(80.0)


@pytest.mark.parametrize(
    ("written", "said"),
    [("8x", "4.00x"), ("1kB", "1000 B"), ("3 bits", "8.000 bits"), ("9%", "25.00%"), ("5% rows", "4000.0% rows")],
)
def test_sizes_are_said_in_the_terms_they_were_asked_in(written: str, said: str) -> None:
    assert parse_target(written).said(8000, 1000, 200) == said


@pytest.mark.parametrize(
    "written", ["", "x", "8", "-8x", "0x", "8y", "1.2.3MB", "eight x", "nan bits", "3 bits extra words"]
)
def test_refuses_what_is_no_size(written: str) -> None:
    with pytest.raises(ConfigError, match=r'write "8x" \(smaller than fp32\), "1.2MB"'):
        parse_target(written)


@pytest.mark.parametrize("written", ["1x", "0.5x", "100%", "120% rows"])
def test_refuses_what_leaves_everything(written: str) -> None:
    with pytest.raises(ConfigError, match="as large as they are"):
        parse_target(written)

"""Readable mappings: text and plain data both ways, and what cannot be read."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netchip.errors import ConfigError, RequestError
from netchip.hardware.dimensions import DIMS
from netchip.hardware.mapping import Loop, Mapping

TEXT = """D1: OY 13.75 FY 3
K 4: W=dram I=dram O=dram
C 3: W=buffer I=buffer O=reg_o"""

names = st.text("abcdef_123", min_size=1, max_size=6)
loops = st.builds(
    Loop, dim=st.sampled_from(DIMS), bound=st.integers(1, 10**9), at=st.fixed_dictionaries(dict.fromkeys("WIO", names))
)
factors = st.dictionaries(st.sampled_from(DIMS), st.floats(1, 1e9), min_size=1)
mappings = st.builds(
    Mapping, loops=st.lists(loops, max_size=5).map(tuple), spatial=st.dictionaries(names, factors, max_size=3)
)


def test_text_reads_from_the_outside_in() -> None:
    mapping = Mapping.parse_text(TEXT)
    assert str(mapping) == TEXT
    assert [(loop.dim, loop.bound) for loop in mapping.loops] == [("C", 3), ("K", 4)]
    assert mapping.loops[0].at == {"W": "buffer", "I": "buffer", "O": "reg_o"}
    assert mapping.spatial == {"D1": {"OY": 13.75, "FY": 3.0}}


@given(mappings)
def test_text_both_ways(mapping: Mapping) -> None:
    again = Mapping.parse_text(str(mapping))
    assert again.loops == mapping.loops
    assert {name: dict(each) for name, each in again.spatial.items()} == {
        n: dict(each) for n, each in mapping.spatial.items()
    }


@given(mappings)
def test_plain_data_both_ways(mapping: Mapping) -> None:
    assert Mapping.parse(mapping.model_dump(mode="json")) == mapping


def test_factors_multiply_over_loops_and_units() -> None:
    mapping = Mapping.parse_text(TEXT + "\nOY 4: W=buffer I=buffer O=reg_o")
    assert (mapping.factor("OY"), mapping.factor("K"), mapping.factor("B")) == (55, 4, 1)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("K 4", r"cannot read 'K 4'; write 'D1: K 16' or"),
        ("K: W=a I=a O=a", r"cannot read the loop 'K: W=a I=a O=a'; write 'K 4: W=dram"),
        ("K 4: W=a b", r"cannot read the loop 'K 4: W=a b'"),
        ("D1: K sixteen", r"cannot read the unrolling 'D1: K sixteen'"),
        ("K 4: W=a I=a", r"loop K 4: at lacks O; name the memory that keeps it"),
        ("Z 4: W=a I=a O=a", r"dim = 'Z': .*'B', 'G'"),
        ("K 0: W=a I=a O=a", r"bound = '0': .*greater than or equal to 1"),
        ("D1: K 0.5", r"spatial\.D1\.K = 0\.5: .*greater than or equal to 1"),
    ],
)
def test_what_is_refused(text: str, message: str) -> None:
    with pytest.raises((ConfigError, RequestError), match=message):
        Mapping.parse_text(text)

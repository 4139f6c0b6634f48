"""Streams of codes: bytes worked out by hand, and the way back for every width and start."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from netchip.errors import ConfigError
from netchip.methods.smart_exchange.packing.bits import pack_bits, rest_is_zero, stream_bytes, unpack_bits


@pytest.mark.parametrize(
    ("codes", "bits", "stream"),
    [
        ([1, 0, 1, 1, 0, 0, 0, 0, 1], 1, [0b00001101, 0b1]),
        ([1, 2, 3], 4, [0x21, 0x03]),  # the first code is the low nibble
        ([5, 6, 7], 3, [0b11_110_101, 0b1]),  # 101, 110, 111 little end first
        ([0x1F, 1], 5, [0b001_11111, 0b00]),
        ([200, 3], 8, [200, 3]),
        ([], 3, []),
    ],
)
def test_bytes_by_hand(codes: list[int], bits: int, stream: list[int]) -> None:
    packed = pack_bits(torch.tensor(codes, dtype=torch.uint8), bits)
    assert packed.tolist() == stream
    assert packed.dtype == torch.uint8
    assert len(stream) == stream_bytes(len(codes), bits)
    assert unpack_bits(packed, bits, len(codes)).tolist() == codes


@settings(max_examples=200, deadline=None)
@given(bits=st.integers(1, 8), count=st.integers(0, 60), data=st.data())
def test_any_part_of_a_stream_is_read(bits: int, count: int, data: st.DataObject) -> None:
    codes = data.draw(st.lists(st.integers(0, 2**bits - 1), min_size=count, max_size=count))
    stream = pack_bits(torch.tensor(codes, dtype=torch.uint8), bits)
    as_one_number = sum(code << (place * bits) for place, code in enumerate(codes))
    assert bytes(stream.tolist()) == as_one_number.to_bytes(stream_bytes(count, bits), "little")
    start = data.draw(st.integers(0, count))
    length = data.draw(st.integers(0, count - start))
    assert unpack_bits(stream, bits, length, start).tolist() == codes[start : start + length]
    assert rest_is_zero(stream, bits, count)


@pytest.mark.parametrize("bits", [1, 3, 4])
def test_more_than_one_chunk(bits: int) -> None:
    codes = torch.randint(0, 2**bits, (8 * 65536 + 13,), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    stream = pack_bits(codes, bits)
    assert torch.equal(unpack_bits(stream, bits, codes.numel()), codes)


def test_bits_after_the_last_code_are_seen() -> None:
    assert not rest_is_zero(torch.tensor([0xF1, 0x1A], dtype=torch.uint8), 4, 3)
    assert rest_is_zero(torch.tensor([0xF1, 0x0A], dtype=torch.uint8), 4, 3)
    assert rest_is_zero(torch.tensor([0xFF], dtype=torch.uint8), 4, 2)


def test_a_short_stream_and_wrong_bits_are_refused() -> None:
    stream = torch.zeros(2, dtype=torch.uint8)
    with pytest.raises(ConfigError, match="2 bytes does not hold 3 codes of 4 bits from code 2"):
        unpack_bits(stream, 4, 3, 2)
    with pytest.raises(ConfigError, match="bits = 9: a code of a stream takes 1 to 8 bits"):
        pack_bits(stream, 9)

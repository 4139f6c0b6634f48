"""The stored form of a weight: a small one by hand, the way back, and what it cannot hold."""

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from netchip.errors import ConfigError
from netchip.methods.smart_exchange.decomposition.alphabet import Alphabet
from netchip.methods.smart_exchange.decomposition.factored import Factored
from netchip.methods.smart_exchange.decomposition.tiling import Tiling
from netchip.methods.smart_exchange.packing.checking import check_packed
from netchip.methods.smart_exchange.packing.codes import codes_of, levels_table
from netchip.methods.smart_exchange.packing.packed import pack, unpack
from netchip.methods.smart_exchange.packing.rebuild import exact_dtype, rebuild
from netchip.methods.smart_exchange.packing.sizes import Counts, Size, predicted_size

Draw = Callable[..., Factored]
TILINGS = (
    Tiling((4, 5, 3, 3), 3),
    Tiling((6, 7, 3, 3), 3, slices=4),  # 21 rows in 4 slices of 6: rows that fill up
    Tiling((5, 1, 3, 3), 3, stacked=2),  # depthwise, the last block half full
    Tiling((3, 10), 3),  # a row filled up
    Tiling((4, 2, 2, 2), 2, transposed_groups=2),
    Tiling((2, 3, 7, 7), 7),
    Tiling((2, 11), 1),
    Tiling((3, 4, 2, 2, 5), 5),
    Tiling((2, 40), 16),
    Tiling((1, 1), 3),
)
DTYPES = (torch.float32, torch.float16, torch.bfloat16, torch.float64)


def same(one: Factored, other: Factored) -> bool:
    plain = all(getattr(one, name) == getattr(other, name) for name in ("tiling", "alphabet", "basis_scale", "dtype"))
    return plain and torch.equal(one.levels, other.levels) and torch.equal(one.basis, other.basis)


def same_bits(one: torch.Tensor, other: torch.Tensor) -> bool:
    """Equal to the bit, -0 and +0 apart."""
    raw = [tensor.contiguous().view(torch.uint8) for tensor in (one, other)]
    return one.dtype == other.dtype and one.shape == other.shape and torch.equal(*raw)


def test_a_small_weight_by_hand() -> None:
    levels = torch.tensor([[[1, -2, 7], [0, 0, 0]], [[0, 0, 0], [0, 0, 0]]], dtype=torch.int8)
    basis = torch.tensor([[[2, 0, 0], [0, 3, 0], [0, 0, 4]], [[0] * 3] * 3], dtype=torch.int8)
    factored = Factored(Tiling((2, 2, 1, 3), 3), Alphabet(4, 0), levels, basis, 0.5)
    packed = pack(factored)
    assert packed.zeros == "code"
    assert packed.codes.tolist() == [0xA1, 0x07]  # +2^0 is 1; -2^-1 is 2 with the sign bit 8; +2^-6 is 7
    assert packed.row_bitmap.tolist() == [0b0001]
    assert packed.basis.tolist() == [[[2, 0, 0], [0, 3, 0], [0, 0, 4]]]
    assert rebuild(packed).tolist() == [[[[1.0, -0.75, 0.03125]], [[0.0] * 3]], [[[0.0] * 3], [[0.0] * 3]]]
    assert predicted_size(packed.counts) == Size(12, 4, 0, 72)
    assert packed.bytes == 2 + 1 + 9


def test_the_smaller_way_to_tell_zeros_is_taken(random_factors: Draw) -> None:
    many_zeros = pack(random_factors(TILINGS[0], element_sparsity=0.5))
    few_zeros = pack(random_factors(TILINGS[0], element_sparsity=0.05))
    assert (many_zeros.zeros, few_zeros.zeros) == ("bitmap", "code")
    assert many_zeros.element_bitmap is not None
    # three elements of four bits: a bitmap of 3 bits pays where more than 3/4 of an element is zero, at two zeros of eight
    assert Counts(4, 4, 2, 2, 1, nonzero=6).zeros == "code"
    assert Counts(4, 4, 2, 2, 1, nonzero=5).zeros == "bitmap"


@settings(max_examples=150, deadline=None)
@given(
    tiling=st.sampled_from(TILINGS),
    bits=st.integers(2, 8),
    dtype=st.sampled_from(DTYPES),
    top=st.sampled_from([-2, 0, 5, -130, 100]),
    rows=st.sampled_from([0.0, 0.4, 0.9, 1.0]),
    elements=st.sampled_from([0.0, 0.2, 0.6]),
    seed=st.integers(0, 1000),
)
def test_way_back_size_and_rebuild(
    random_factors: Draw,
    tiling: Tiling,
    bits: int,
    dtype: torch.dtype,
    top: int,
    rows: float,
    elements: float,
    seed: int,
) -> None:
    factored = random_factors(
        tiling, bits=bits, top=top, dtype=dtype, row_sparsity=rows, element_sparsity=elements, seed=seed
    )
    packed = pack(factored)
    check_packed(packed)
    assert same(unpack(packed), factored)
    assert packed.counts == Counts.of(factored)
    assert packed.bytes == predicted_size(Counts.of(factored)).bytes
    assert same_bits(rebuild(packed), factored.weight())


def test_float64_where_float32_would_round(random_factors: Draw) -> None:
    small, many_powers = (pack(random_factors(TILINGS[0], bits=bits)) for bits in (4, 6))
    assert (exact_dtype(small), exact_dtype(many_powers)) == (torch.float32, torch.float64)
    subnormal = pack(random_factors(TILINGS[0], top=-118))  # a unit of 2^(-7 - 118 - 6)
    assert exact_dtype(subnormal) == torch.float64
    assert exact_dtype(pack(random_factors(TILINGS[0], dtype=torch.float64))) == torch.float64


def test_a_scale_that_is_no_power_of_two(random_factors: Draw) -> None:
    scale = float(torch.tensor(0.1))
    factored = random_factors(TILINGS[1], scale=scale)
    assert same_bits(rebuild(pack(factored)), factored.weight())


def test_a_weight_of_several_chunks_with_and_without_gaps(random_factors: Draw) -> None:
    tiling = Tiling((150, 200, 3, 3), 3, slices=4)
    for rows, elements in ((0.0, 0.0), (0.5, 0.0), (0.5, 0.6)):
        factored = random_factors(tiling, row_sparsity=rows, element_sparsity=elements)
        assert same_bits(rebuild(pack(factored)), factored.weight())


def test_codes_are_sign_and_magnitude() -> None:
    assert codes_of(torch.tensor([0, 1, -1, 7, -7], dtype=torch.int8), Alphabet(4)).tolist() == [0, 1, 9, 7, 15]
    assert levels_table(Alphabet(3)).tolist() == [0, 1, 2, 3, 0, -1, -2, -3]
    assert levels_table(Alphabet(7)).tolist()[30:34] == [30, 31, 0, 0]  # 31 powers at most


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda f: replace(f, levels=f.levels[:, :-1]), r"levels are \(4, 14, 3\).*expected int8 \(4, 15, 3\)"),
        (lambda f: replace(f, basis=f.basis.to(torch.int16)), "the basis is .*int16; expected int8"),
        (lambda f: replace(f, levels=f.levels.clone().fill_(-128)), "above the 7 powers of 4 bits"),
        (lambda f: replace(f, levels=torch.zeros_like(f.levels)), "zero in blocks without coefficients"),
        (lambda f: replace(f, basis_scale=0.1), "basis_scale = 0.1: give a float32 value above 0"),
        (lambda f: replace(f, alphabet=Alphabet(4, 5000)), "top = 5000: the exponent"),
    ],
)
def test_what_cannot_be_stored(random_factors: Draw, change: Callable[[Factored], Factored], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        pack(change(random_factors(TILINGS[0])))


def test_rows_that_fill_up_have_no_coefficients(random_factors: Draw) -> None:
    factored = random_factors(TILINGS[1])
    factored.levels[:, -1] = 1
    with pytest.raises(ConfigError, match="a row that only fills a block up has a coefficient"):
        pack(factored)


def test_rows_that_are_too_wide() -> None:
    tiling = Tiling((2, 17), 17)
    zeros = torch.zeros(2, 1, 17, dtype=torch.int8), torch.zeros(2, 17, 17, dtype=torch.int8)
    with pytest.raises(ConfigError, match="rows of 17 weights: 16 is the widest"):
        pack(Factored(tiling, Alphabet(), *zeros, 1.0))

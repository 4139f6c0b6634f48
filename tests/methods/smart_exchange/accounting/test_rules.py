"""The three rules on a weight that can be counted by hand, and on the real stored tensors."""

import math

import pytest
import torch
from torch import Tensor

from netchip.errors import ConfigError
from netchip.methods.smart_exchange.accounting.layers import DenseTensor, LayerCounts
from netchip.methods.smart_exchange.accounting.rules import account
from netchip.methods.smart_exchange.decomposition.alphabet import Alphabet
from netchip.methods.smart_exchange.decomposition.factored import Factored
from netchip.methods.smart_exchange.decomposition.tiling import Tiling
from netchip.methods.smart_exchange.packing.packed import pack


def by_hand(levels: Tensor, shape: tuple[int, ...] = (3, 2, 1, 3), top: int = 0) -> Factored:
    """Blocks of two rows of 3, one a filter; the basis is the unit matrix where there are coefficients."""
    basis = torch.eye(3, dtype=torch.int8).repeat(3, 1, 1) * (levels != 0).any(2).any(1)[:, None, None]
    return Factored(Tiling(shape, 3), Alphabet(4, top), levels.to(torch.int8), basis.to(torch.int8), 1.0)


@pytest.fixture
def levels() -> Tensor:
    """The first filter is full, the second has one coefficient in its first row, the third is pruned."""
    levels = torch.zeros(3, 2, 3)
    levels[0] = torch.tensor([[1, -2, 3], [1, 1, 2]])
    levels[1, 0, 1] = 4
    return levels


def test_paper_by_hand(levels: Tensor) -> None:
    """7 coefficients of 4 bits; 2 blocks of 9 values of 8 bits; 6 rows, of them 4 in unpruned channels, 3 kept."""
    layer = LayerCounts.of("conv", by_hand(levels))
    for indexed, rows in (("all", 6), ("unpruned", 4), ("kept", 3)):
        size = account([layer], "paper", indexed_rows=indexed, dense=[DenseTensor("bias", 3, 96)])  # type: ignore[arg-type]
        assert size.components == {"codes": 28, "row index": rows, "element index": 0, "basis": 144, "dense rest": 0}
        assert size.left_out == ("bias",)
        assert size.against_fp32 == pytest.approx(32 * 18 / (172 + rows))
        assert size.against_int8 == pytest.approx(size.against_fp32 / 4)


def test_official_code_by_hand(levels: Tensor) -> None:
    """4 magnitudes take 2 + 1 bits; 18 elements of the bitmap; 3 blocks of 9, of 8 or of 32 bits."""
    factored = by_hand(levels, shape=(3, 6))
    size = account([LayerCounts.of("fc", factored)], "official_code")
    assert size.components == {"codes": 21, "row index": 0, "element index": 18, "basis": 216, "dense rest": 0}
    assert account([LayerCounts.of("fc", factored)], "official_code", basis_bits=32).basis_bits == 4 * 216


def test_official_code_bits_follow_from_the_whole_network(levels: Tensor) -> None:
    """Two layers of 4 powers each, 8 apart: 8 magnitudes together, so each code takes 4 bits."""
    layers = [LayerCounts.of(f"fc{top}", by_hand(levels, (3, 6), top)) for top in (0, 8)]
    assert account(layers, "official_code").codes_bits == 2 * 7 * 4


def test_official_code_leaves_other_kernels_out(levels: Tensor) -> None:
    layers = [LayerCounts.of("stem", by_hand(levels)), LayerCounts.of("fc", by_hand(levels, (3, 6)))]
    size = account(layers, "official_code", dense=[DenseTensor("bias", 3, 96)])
    assert size.left_out == ("stem", "bias")
    assert size.weights == 18


def test_file_equals_the_stored_tensors_and_the_dense_rest(levels: Tensor) -> None:
    packed = pack(by_hand(levels))
    size = account([LayerCounts.of("conv", packed)], "file", dense=[DenseTensor("bias", 3, 96)])
    assert size.bits == 8 * packed.bytes + 96
    assert size.weights == 21
    assert size.left_out == ()


@pytest.mark.parametrize("shape", [(8, 6, 3, 3), (5, 7, 1, 1), (4, 50), (6, 1, 3, 3)])
@pytest.mark.parametrize("bits", [3, 4, 6])
def test_file_equals_the_stored_tensors_on_random_factors(shape: tuple[int, ...], bits: int) -> None:
    tiling, generator = Tiling(shape, 3), torch.Generator().manual_seed(0)
    alphabet = Alphabet(bits)
    levels = torch.randint(-alphabet.powers, alphabet.powers + 1, (tiling.blocks, tiling.rows, 3), generator=generator)
    keep = torch.rand(tiling.blocks, tiling.rows, generator=generator) < 0.6
    levels = (levels * (keep & tiling.row_is_real())[..., None]).to(torch.int8)
    basis = torch.randint(-127, 128, (tiling.blocks, 3, 3), generator=generator).to(torch.int8)
    basis[~(levels != 0).any(2).any(1)] = 0
    factored = Factored(tiling, alphabet, levels, basis, 0.5)
    packed = pack(factored)
    assert account([LayerCounts.of("weight", factored)], "file").bits == 8 * packed.bytes
    assert LayerCounts.of("weight", packed) == LayerCounts.of("weight", factored)


def test_counts_from_the_shape_are_those_of_factors_without_zeros() -> None:
    tiling = Tiling((4, 6, 3, 3), 3)
    full = torch.ones(tiling.blocks, tiling.rows, 3, dtype=torch.int8)
    full[:, :, 1:] = torch.arange(2, 8).to(torch.int8)[:2]
    full[0, :3] = torch.tensor([[4, 5, 6], [7, 1, 2], [1, 1, 1]], dtype=torch.int8)
    basis = torch.ones(tiling.blocks, 3, 3, dtype=torch.int8)
    counted = LayerCounts.of("conv", Factored(tiling, Alphabet(4, 6), full, basis, 1.0))
    assert counted == LayerCounts.from_shape("conv", tiling)


def test_nothing_stored() -> None:
    empty = account([LayerCounts.of("conv", by_hand(torch.zeros(3, 2, 3)))], "paper")
    assert empty.bits == 0
    assert empty.against_fp32 == math.inf
    assert "against_fp32" not in empty.to_json()
    assert account([], "official_code").bits_per_weight == 0


def test_parts_as_plain_values(levels: Tensor) -> None:
    data = account([LayerCounts.of("conv", by_hand(levels))], "paper").to_json()
    assert data["codes_bits"] == 28
    assert data["basis_bits"] == 144
    assert data["left_out"] == []


def test_what_is_not_known() -> None:
    with pytest.raises(ConfigError, match="accounting = 'disk'; known: 'file', 'paper', 'official_code'"):
        account([], "disk")  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="basis_bits = 16; known: 8, 32"):
        account([], "official_code", basis_bits=16)  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="indexed_rows = 'some'; known: 'all', 'unpruned', 'kept'"):
        account([], "paper", indexed_rows="some")  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match=r"row_sparsity = 1.5: give the share of rows that are zero"):
        LayerCounts.from_shape("conv", Tiling((4, 6), 3), row_sparsity=1.5)

"""Stored tensors that `pack` never wrote are refused, with what is wrong."""

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch

from netchip.errors import ConfigError
from netchip.methods.smart_exchange.decomposition.factored import Factored
from netchip.methods.smart_exchange.decomposition.tiling import Tiling
from netchip.methods.smart_exchange.packing.checking import check_packed
from netchip.methods.smart_exchange.packing.packed import Packed, pack

Draw = Callable[..., Factored]
TILING = Tiling((3, 3, 3, 3), 3)


def filled(tensor: torch.Tensor, value: int) -> torch.Tensor:
    return torch.full_like(tensor, value)


def with_last_bit(stream: torch.Tensor) -> torch.Tensor:
    changed = stream.clone()
    changed[-1] |= 0x80
    return changed


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda p: replace(p, codes=p.codes[:-1]), "the codes is .* entries of 4 bits are"),
        (lambda p: replace(p, row_bitmap=p.row_bitmap.to(torch.int8)), "the row bitmap is .*int8"),
        (lambda p: replace(p, row_bitmap=with_last_bit(p.row_bitmap)), "after the last entry of the row bitmap"),
        (lambda p: replace(p, basis=p.basis[1:]), "the basis is"),
        (lambda p: replace(p, basis=filled(p.basis, -128)), "the basis holds -128"),
        (lambda p: replace(p, codes=filled(p.codes, 0x88)), "a code is none of the 4-bit alphabet"),
        (lambda p: replace(p, codes=filled(p.codes, 0)), "a row that is marked as kept has no coefficient"),
        (lambda p: replace(p, basis_scale=float("nan")), "basis_scale = nan"),
    ],
)
def test_codes_for_all(random_factors: Draw, change: Callable[[Packed], Packed], message: str) -> None:
    packed = pack(random_factors(TILING, row_sparsity=0.2, element_sparsity=0.0))
    check_packed(packed)
    with pytest.raises(ConfigError, match=message):
        check_packed(change(packed))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda p: replace(p, codes=filled(p.codes, 0)), "none of the 4-bit alphabet's coefficients"),
        (lambda p: replace(p, element_bitmap=filled(p.element_bitmap, 0)), "the codes is"),
        (lambda p: replace(p, element_bitmap=p.element_bitmap[1:]), "the element bitmap is"),
    ],
)
def test_codes_of_nonzeros(random_factors: Draw, change: Callable[[Packed], Packed], message: str) -> None:
    packed = pack(random_factors(TILING, row_sparsity=0.0, element_sparsity=0.5))
    assert packed.zeros == "bitmap"
    check_packed(packed)
    with pytest.raises(ConfigError, match=message):
        check_packed(change(packed))

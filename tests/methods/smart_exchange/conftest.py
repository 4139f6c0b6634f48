"""Factored weights drawn at random, for the tests of what stores them."""

from collections.abc import Callable

import pytest
import torch

from netchip.methods.smart_exchange.decomposition.alphabet import Alphabet
from netchip.methods.smart_exchange.decomposition.factored import Factored
from netchip.methods.smart_exchange.decomposition.tiling import Tiling


def _random_factors(
    tiling: Tiling,
    *,
    bits: int = 4,
    top: int = -2,
    scale: float = 0.0078125,
    dtype: torch.dtype = torch.float32,
    row_sparsity: float = 0.3,
    element_sparsity: float = 0.1,
    seed: int = 0,
) -> Factored:
    draw = torch.Generator().manual_seed(seed)
    alphabet = Alphabet(bits, top)
    shape = (tiling.blocks, tiling.rows, tiling.width)
    levels = torch.randint(-alphabet.powers, alphabet.powers + 1, shape, generator=draw)
    kept = tiling.row_is_real() & (torch.rand(shape[:2], generator=draw) >= row_sparsity)
    levels *= kept[:, :, None] & (torch.rand(shape, generator=draw) >= element_sparsity)
    basis = torch.randint(-127, 128, (tiling.blocks, tiling.width, tiling.width), generator=draw)
    basis *= (levels != 0).any(dim=2).any(dim=1)[:, None, None]
    return Factored(tiling, alphabet, levels.to(torch.int8), basis.to(torch.int8), scale, dtype)


@pytest.fixture(scope="session")
def random_factors() -> Callable[..., Factored]:
    """Levels and a basis at random; a share of the rows, and of the elements in the others, is zero."""
    return _random_factors

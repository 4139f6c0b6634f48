"""A small file with every kind of entry."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from netchip.methods.smart_exchange.decomposition.factored import Factored
from netchip.methods.smart_exchange.decomposition.tiling import Tiling
from netchip.methods.smart_exchange.file.writing import Written, write
from netchip.methods.smart_exchange.packing.packed import Packed, pack


@pytest.fixture(scope="session")
def packed(random_factors: Callable[..., Factored]) -> dict[str, Packed]:
    """Packed weights: two ways to tell zeros, several bits, dtypes and tilings, one without any coefficient."""
    return {
        "conv.weight": pack(random_factors(Tiling((6, 7, 3, 3), 3, slices=4))),
        "deep.weight": pack(random_factors(Tiling((5, 1, 3, 3), 3, stacked=2), bits=3, dtype=torch.float16, seed=1)),
        "fc.weight": pack(random_factors(Tiling((3, 100), 3), element_sparsity=0.6, dtype=torch.bfloat16, seed=2)),
        "up.weight": pack(random_factors(Tiling((4, 2, 2, 2), 2, transposed_groups=2), bits=6, dtype=torch.float64)),
        "gone.weight": pack(random_factors(Tiling((4, 5, 3, 3), 3), row_sparsity=1.0)),
    }


@pytest.fixture(scope="session")
def dense() -> dict[str, torch.Tensor]:
    """Tensors that stay as they are: floats, whole numbers, a scalar, none at all."""
    return {
        "fc.bias": torch.tensor([0.5, -0.0, 3.0]),
        "bn.num_batches_tracked": torch.tensor(7),
        "half": torch.tensor([[1.0, 2.0]], dtype=torch.float16),
        "odd": torch.tensor([1, 2, 3], dtype=torch.uint8),
        "nothing": torch.empty(0, 4),
        "flags": torch.tensor([True, False]),
        "complex": torch.tensor([1 + 2j], dtype=torch.complex64),
    }


@pytest.fixture
def written(packed: dict[str, Packed], dense: dict[str, torch.Tensor], tmp_path: Path) -> Written:
    """The file."""
    return write(tmp_path / "net.safetensors", packed, dense, source={"format": "pt"}, note={"bits": 4})

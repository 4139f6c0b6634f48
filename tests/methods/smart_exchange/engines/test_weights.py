"""Zeros of stored weights: against counting by hand on the rebuilt weight, and the stored bits against those of the file."""

from collections.abc import Callable

import numpy as np
import pytest
import torch

from netchip.errors import RequestError
from netchip.methods.smart_exchange.decomposition.choosing import tiling_for
from netchip.methods.smart_exchange.decomposition.factored import Factored
from netchip.methods.smart_exchange.decomposition.tiling import Tiling
from netchip.methods.smart_exchange.engines.weights import factored_weights, rounded_weights, stored
from netchip.methods.smart_exchange.packing.packed import pack
from netchip.methods.smart_exchange.packing.sizes import predicted_size
from netchip.workload.shape import LayerShape

Draw = Callable[..., Factored]


def conv(m: int, c: int, kernel: tuple[int, int], groups: int = 1, transposed: bool = False) -> LayerShape:
    return LayerShape.conv(
        in_channels=c, out_channels=m, in_size=(16, 16), kernel=kernel, groups=groups, transposed=transposed
    )


@pytest.mark.parametrize("element_sparsity", [0.0, 0.1, 0.7])
def test_stored_bits_are_those_of_the_packed_weight(random_factors: Draw, element_sparsity: float) -> None:
    packed = pack(random_factors(tiling_for((8, 16, 3, 3)), element_sparsity=element_sparsity))
    found = stored(packed)
    assert found.stored_bits == predicted_size(packed.counts).bits
    assert found.nonzero_coefficients == packed.counts.nonzero
    assert found.basis_elements == 9 * packed.counts.kept_blocks


def test_rows_of_a_3x3_kernel(random_factors: Draw) -> None:
    factored = random_factors(tiling_for((70, 8, 3, 3)))
    weight = factored.weight()
    found = factored_weights(pack(factored), conv(70, 8, (3, 3)))
    assert found.elements == weight.numel()
    assert found.nonzero_elements == int((weight != 0).sum())
    assert found.nonzero_rows == int((weight != 0).any(-1).sum()) == int(factored.kept_rows.sum())
    assert (found.row_length, found.channels_in_row, found.filter_groups) == (3, 1, 2)


def test_rows_of_a_1x1_kernel_span_three_channels(random_factors: Draw) -> None:
    factored = random_factors(tiling_for((6, 9, 1, 1)))
    found = factored_weights(pack(factored), conv(6, 9, (1, 1)))
    assert (found.row_length, found.channels_in_row, found.rows_per_filter) == (3, 3, 3)
    assert found.nonzero_rows == int(factored.kept_rows.sum())


def test_filters_of_a_transposed_convolution(random_factors: Draw) -> None:
    """Its weight [C, M / groups, ...] holds outputs second; the rows are those of outputs all the same."""
    factored = random_factors(tiling_for((4, 3, 3, 3), kind="transposed", groups=2))
    weight = factored.weight().numpy()  # 2 groups of 2 inputs and 3 outputs
    by_output = np.concatenate([weight[:2].swapaxes(0, 1), weight[2:].swapaxes(0, 1)])
    found = factored_weights(pack(factored), conv(6, 4, (3, 3), groups=2, transposed=True))
    assert found.filters == 6
    assert found.union_rows == int((by_output != 0).any(-1).any(0).sum())
    assert found.mean_elements == pytest.approx(int((by_output != 0).sum()) / 6)


def test_rows_cut_otherwise_than_the_kernel_count_as_the_kernels(random_factors: Draw) -> None:
    factored = random_factors(tiling_for((4, 8, 3, 3), width=4))
    found = factored_weights(pack(factored), conv(4, 8, (3, 3)))
    assert found.row_length == 3
    assert found.nonzero_rows == int((factored.weight() != 0).any(-1).sum())


def test_a_weight_of_another_layer_is_refused(random_factors: Draw) -> None:
    packed = pack(random_factors(tiling_for((4, 8, 3, 3))))
    with pytest.raises(
        RequestError, match=r"a weight of \[4, 8, 3, 3\] is not that of a layer of 8 filters of \[8, 3, 3\]"
    ):
        factored_weights(packed, conv(8, 8, (3, 3)))


def test_a_dense_weight_loses_what_8_bits_round_to_zero() -> None:
    weight = torch.tensor([[1.0, 1 / 260, -0.5, 0.0], [1e-3, 1e-3, 1e-3, 1e-3]])
    found = rounded_weights(weight, Tiling((2, 4), 4), LayerShape.linear(in_features=4, out_features=2))
    assert found.nonzero_elements == 2 + 4
    assert found.storage is None

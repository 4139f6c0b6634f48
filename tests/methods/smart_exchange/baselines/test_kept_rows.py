"""Rounding of kept rows: by hand, the same as plain rounding where all are kept, and awkward shapes."""

import pytest
import torch

from netchip.methods.smart_exchange.baselines.kept_rows import round_kept_rows
from netchip.methods.smart_exchange.baselines.quantized import quantize
from netchip.methods.smart_exchange.baselines.scheme import INT4, INT8, Scheme
from netchip.methods.smart_exchange.decomposition.tiling import Tiling


def test_groups_run_along_what_is_kept() -> None:
    """Rows of 2, the middle one dropped: the groups of 3 hold 3, 1.4, 30 and 14, with steps of 10 and 14 / 3."""
    weight, kept = torch.tensor([[3.0, 1.4, 99.0, 99.0, 30.0, 14.0]]), torch.tensor([[True, False, True]])
    rounded, bits = round_kept_rows(weight, kept, Tiling((1, 6), 2), Scheme(3, 3))
    assert rounded[0].tolist() == pytest.approx([0.0, 0.0, 0.0, 0.0, 30.0, 14.0], rel=1e-3)
    assert bits == {"codes": 12, "scales": 32, "row_index": 3}


def test_what_fills_the_last_row_up_is_not_counted() -> None:
    kept = torch.tensor([[True, False, True], [False, False, True], [False, False, False]])
    _, bits = round_kept_rows(torch.ones(3, 7), kept, Tiling((3, 7), 3), Scheme(4, 2))
    assert bits == {"codes": 4 * (3 + 1 + 1), "scales": 16 * (2 + 1), "row_index": 9}
    _, bits = round_kept_rows(torch.ones(3, 7), kept, Tiling((3, 7), 3), INT8)
    assert bits == {"codes": 8 * 5, "scales": 16 * 2, "row_index": 9}


@pytest.mark.parametrize(
    "tiling", [Tiling((4, 5, 3, 3), 3), Tiling((6, 1, 3, 3), 3, stacked=4), Tiling((4, 6, 2, 2), 2, 2, 1, 2)]
)
def test_all_rows_kept_is_plain_rounding(tiling: Tiling) -> None:
    weight = torch.randn(tiling.shape, generator=torch.Generator().manual_seed(0))
    kept = torch.ones(tiling.filters, tiling.filter_rows, dtype=torch.bool)
    rounded, bits = round_kept_rows(weight, kept, tiling, INT4)
    plain = quantize(weight, INT4, transposed_groups=tiling.transposed_groups)
    assert torch.equal(rounded, plain.weight())
    assert bits == {**plain.bits(), "row_index": tiling.real_rows}

"""Prices of SRAMs: the table at its points and between them, refusals outside it, the smooth fit and its gradients."""

import itertools
import json
import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from netchip.errors import RequestError
from netchip.hardware.sram import SramPrice, smooth_sram, sram_price, sram_table

KIB = 8192
FIGURES = ("read_pj", "write_pj", "mm2")


def _figures(price: SramPrice) -> list[float]:
    return [getattr(price, name) for name in FIGURES]


def test_the_table_holds_all_points_of_the_recorded_run(reference: Callable[[str], Path]) -> None:
    rows = json.loads(reference("cacti/cacti7_sram_1r1w.json").read_text())
    assert len(rows) == len(sram_table().cells) == 90
    for row in rows:
        price = sram_price(row["kb"] * KIB, row["width_bits"], row["tech_nm"])
        assert _figures(price) == pytest.approx([row["read_pj"], row["write_pj"], row["area"]], rel=1e-5)


def test_three_points_as_published_in_the_summary() -> None:
    assert _figures(sram_price(8 * KIB, 128, 22)) == pytest.approx([2.83, 4.58, 0.016], rel=5e-3)
    assert _figures(sram_price(128 * KIB, 128, 45)) == pytest.approx([61.1, 54.8, 0.927], rel=5e-3)
    assert _figures(sram_price(2048 * KIB, 128, 65)) == pytest.approx([485, 472, 28.9], rel=5e-3)


def test_halfway_in_one_logarithm_is_the_geometric_mean() -> None:
    low, high = sram_price(64 * KIB, 64, 45), sram_price(128 * KIB, 64, 45)
    middle = sram_price(64 * KIB * math.sqrt(2), 64, 45)
    assert _figures(middle) == pytest.approx(
        [math.sqrt(a * b) for a, b in zip(_figures(low), _figures(high), strict=True)]
    )


def test_halfway_in_both_logarithms_is_the_mean_of_four() -> None:
    corners = [_figures(sram_price(kib * KIB, width, 65)) for kib in (16, 32) for width in (128, 256)]
    middle = sram_price(16 * KIB * math.sqrt(2), 128 * math.sqrt(2), 65)
    assert _figures(middle) == pytest.approx([math.prod(column) ** 0.25 for column in zip(*corners, strict=True)])


@given(
    kib=st.floats(4, 2048),
    width=st.floats(64, 256),
    nm=st.floats(22, 65),
)
def test_between_points_nothing_leaves_the_range_of_the_corners(kib: float, width: float, nm: float) -> None:
    nodes, sizes, widths = sram_table().axes
    near = [
        [max(point for point in points if point <= value), min(point for point in points if point >= value)]
        for points, value in ((nodes, nm), (sizes, kib), (widths, width))
    ]
    corners = [sram_table().cells[corner] for corner in itertools.product(*near)]
    for figure, column in zip(_figures(sram_price(kib * KIB, width, nm)), zip(*corners, strict=True), strict=True):
        assert min(column) * (1 - 1e-9) <= figure <= max(column) * (1 + 1e-9)


@pytest.mark.parametrize(
    ("bits", "width", "nm", "message"),
    [
        (2 * KIB, 64, 45, "size of 2 KiB is outside CACTI's table, 4 to 2048 KiB; split a large one into banks"),
        (4096 * KIB, 64, 45, "size of 4096 KiB is outside"),
        (64 * KIB, 16, 45, "width of 16 bits is outside CACTI's table, 64 to 256 bits; state another access_bits"),
        (64 * KIB, 512, 45, "width of 512 bits is outside"),
        (64 * KIB, 64, 7, "technology of 7 nm is outside CACTI's table, 22 to 65 nm; take the nearest node"),
        (float("nan"), 64, 45, "size of nan KiB is outside"),
    ],
)
def test_outside_the_table_is_refused(bits: float, width: float, nm: float, message: str) -> None:
    with pytest.raises(RequestError, match=message):
        sram_price(bits, width, nm)


def test_the_fits_are_as_good_as_they_say() -> None:
    """Median and worst relative error over the 90 points: 9.6 and 35 %, 7.9 and 23 %, 4.8 and 33 %."""
    stated = {"read_pj": (0.096, 0.35), "write_pj": (0.079, 0.23), "mm2": (0.048, 0.33)}
    cells = sram_table().cells
    nm, kib, width = (np.array([key[axis] for key in cells]) for axis in range(3))
    fit, table = smooth_sram(kib * KIB, width, nm), np.array(list(cells.values()))
    for column, (name, (median, worst)) in enumerate(stated.items()):
        error = np.abs(getattr(fit, name) / table[:, column] - 1)
        assert np.median(error) == pytest.approx(median, abs=0.001)
        assert error.max() == pytest.approx(worst, abs=0.01)


def test_the_fit_has_the_gradient_of_a_power_law() -> None:
    bits = torch.tensor([100.0 * KIB, 1000.0 * KIB], dtype=torch.float64, requires_grad=True)
    price = smooth_sram(bits, 64, 65)
    for figure, power in ((price.read_pj, 0.608), (price.write_pj, 0.473), (price.mm2, 0.968)):
        (slope,) = torch.autograd.grad(figure.sum(), bits, retain_graph=True)
        assert torch.allclose(slope * bits / figure, torch.full_like(bits, power))

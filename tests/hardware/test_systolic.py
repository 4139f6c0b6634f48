"""Systolic arrays: the recorded cycles of SCALE-Sim, a hand count, and what is refused."""

import csv
from collections.abc import Callable
from pathlib import Path

import pytest

from netchip.errors import RequestError
from netchip.hardware.systolic import Stationary, systolic_cycles
from netchip.workload.shape import LayerShape


def scalesim_layers(path: Path) -> list[LayerShape]:
    """The 16 layers of the recorded runs; SCALE-Sim gives padded sizes, and rounds the number of windows up."""
    with path.open() as file:
        rows = list(csv.reader(file))[1:]
    shapes = []
    for _, height, width, kernel_y, kernel_x, channels, filters, stride, *_ in rows:
        size, kernel, step = (int(height), int(width)), (int(kernel_y), int(kernel_x)), int(stride)
        fit = tuple((-(-(h - k + step) // step) - 1) * step + k for h, k in zip(size, kernel, strict=True))
        shapes.append(
            LayerShape.conv(
                in_channels=int(channels),
                out_channels=int(filters),
                in_size=(fit[0], fit[1]),
                kernel=kernel,
                stride=(step, step),
            )
        )
    return shapes


@pytest.mark.parametrize(("name", "stationary", "total"), [("ws", "weight", 1_781_728), ("os", "output", 1_402_045)])
def test_cycles_of_scale_sim(reference: Callable[[str], Path], name: str, stationary: Stationary, total: int) -> None:
    with reference(f"scalesim/results/{name}_COMPUTE_REPORT.csv").open() as file:
        said = [int(row[2]) for row in list(csv.reader(file))[1:]]
    shapes = scalesim_layers(reference("scalesim/inputs/ref16.csv"))
    ours = [systolic_cycles(shape, rows=32, columns=32, stationary=stationary) for shape in shapes]
    assert ours == said
    assert sum(ours) == total


def test_the_other_dataflow_gives_other_cycles(reference: Callable[[str], Path]) -> None:
    shapes = scalesim_layers(reference("scalesim/inputs/ref16.csv"))
    kinds: tuple[Stationary, ...] = ("weight", "output", "input")
    totals = {sum(systolic_cycles(shape, rows=32, columns=32, stationary=kind) for shape in shapes) for kind in kinds}
    assert totals == {1_781_728, 1_402_045, 2_151_620}


def test_one_fold_by_hand() -> None:
    """4 positions, depth 3, 2 filters on 3 x 2 units: 4 + 2*3 + 2 - 2 = 10 cycles less one; two groups take two folds."""
    shape = LayerShape.conv(in_channels=3, out_channels=2, in_size=(2, 2), kernel=(1, 1))
    assert systolic_cycles(shape, rows=3, columns=2, stationary="weight") == 9
    assert systolic_cycles(shape, rows=3, columns=2, stationary="output") == 2 * (3 + 3 + 2 - 2) - 1
    assert systolic_cycles(shape, rows=3, columns=2, stationary="input") == 2 * (2 + 6 + 2 - 2) - 1
    twice = LayerShape.conv(in_channels=6, out_channels=4, in_size=(2, 2), kernel=(1, 1), groups=2)
    assert systolic_cycles(twice, rows=3, columns=2, stationary="weight") == 19


def test_what_is_refused() -> None:
    shape = LayerShape.conv(in_channels=3, out_channels=2, in_size=(2, 2), kernel=(1, 1), transposed=True)
    with pytest.raises(RequestError, match="an array of 0 x 2 has no units; give at least 1 x 1"):
        systolic_cycles(shape, rows=0, columns=2, stationary="weight")
    with pytest.raises(RequestError, match="a transposed convolution has no systolic closed form; use evaluate"):
        systolic_cycles(shape, rows=3, columns=2, stationary="weight")

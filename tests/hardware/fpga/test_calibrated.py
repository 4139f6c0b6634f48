"""Calibration against points whose truth is known, its errors on held-out points, and bad files."""

import math
from pathlib import Path

import numpy as np
import pytest

from netchip.errors import DataError, RequestError
from netchip.hardware.fpga.board import load_board
from netchip.hardware.fpga.calibrated import (
    CalibratedPredictor,
    Correction,
    FpgaCalibration,
    fit_calibration,
    kendall_tau,
    mean_error_percent,
)
from netchip.hardware.fpga.chunk import ChunkBatch
from netchip.hardware.fpga.layer_table import LayerTable
from netchip.hardware.fpga.measured import predicted, read_points
from netchip.hardware.fpga.predictor import FpgaPredictor

PLAIN = FpgaPredictor(load_board("zc706"))
HEAD = "in_channels,out_channels,height,width,kernel,groups,engine,tile_out,tile_in,tile_rows,tile_columns,unroll_out,unroll_in"


def rows() -> list[str]:
    found = []
    for place in range(16):
        tile, unroll = (16, 32)[place % 2], (2, 4, 8, 16)[place % 4]
        found.append(f"32,{16 * (1 + place)},16,16,3,1,tree,{tile},8,8,8,{unroll},2")
        found.append(
            f"{32 * (1 + place)},{32 * (1 + place)},16,16,3,{32 * (1 + place)},depthwise_channels,16,1,8,8,{unroll},1"
        )
    return found


def written(path: Path, *, noise: float = 0.0) -> Path:
    """Points whose cycles are 3 x predicted ^ 0.9 on conv and 2 x predicted on depthwise engines; slices twice as many."""
    path.write_text("\n".join([f"{HEAD},measured_cycles", *(f"{row},1" for row in rows())]))
    random, lines = np.random.default_rng(0), []
    for row, said in zip(rows(), predicted(read_points(path), PLAIN), strict=True):
        truth = 3 * said["cycles"] ** 0.9 if "tree" in row else 2 * said["cycles"]
        lines.append(f"{row},{truth * math.exp(noise * random.normal())},{2 * said['dsp']}")
    path.write_text("\n".join([f"{HEAD},measured_cycles,measured_dsp", *lines]))
    return path


def test_the_truth_is_found_and_held_out_points_agree(tmp_path: Path) -> None:
    points = read_points(written(tmp_path / "points.csv"))
    found, errors = fit_calibration(points, PLAIN)
    assert found.of("cycles", "conv") == pytest.approx((3, 0.9))
    assert found.of("cycles", "depthwise") == pytest.approx((2, 1))
    assert found.of("lut", "conv") == Correction(1, 1)
    cycles, slices = errors
    assert (cycles.quantity, cycles.points, slices.quantity) == ("cycles", 8, "dsp")
    assert cycles.before_percent > 20 > 1e-6 > cycles.after_percent
    assert cycles.after_tau == pytest.approx(1)
    assert slices.before_percent == pytest.approx(50)
    assert FpgaCalibration.from_json(found.to_json()) == found


def test_a_calibrated_predictor_says_what_was_measured(tmp_path: Path) -> None:
    points = read_points(written(tmp_path / "points.csv"))
    own = CalibratedPredictor(PLAIN, fit_calibration(points, PLAIN)[0])
    assert own.resources == PLAIN.resources
    for point, said in zip(points, predicted(points, own), strict=True):
        assert said["cycles"] == pytest.approx(point.measured["cycles"])
        assert said["dsp"] == point.measured["dsp"]
    table, chunks = LayerTable.of([point.layer for point in points[:2]]), ChunkBatch.of([points[0].chunk])
    assert own(table, chunks).lut == PLAIN(table, chunks).lut


def test_noise_is_told(tmp_path: Path) -> None:
    _, errors = fit_calibration(read_points(written(tmp_path / "points.csv", noise=0.2)), PLAIN)
    assert 5 < errors[0].after_percent < errors[0].before_percent
    assert 0.3 < errors[0].after_tau < 1


def test_errors_by_hand() -> None:
    assert mean_error_percent(np.array([1.0, 3.0]), np.array([2.0, 2.0])) == 50
    ranks = np.array([1.0, 2, 3, 4])
    assert kendall_tau(ranks, ranks) == 1
    assert kendall_tau(ranks, -ranks) == -1
    assert kendall_tau(ranks, np.array([1.0, 2, 4, 3])) == pytest.approx(2 / 3)  # 5 of 6 pairs agree, one does not
    assert kendall_tau(ranks, np.array([1.0, 1, 2, 3])) == pytest.approx(5 / math.sqrt(30))
    assert math.isnan(kendall_tau(ranks, np.ones(4)))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "no row of measurements"),
        (f"{HEAD},measured_cycles\n1,,1,1,1", r"points.csv, line 2: no value for out_channels; a layer needs"),
        (f"{HEAD},measured_cycles\n{rows()[0]},", r"line 2: nothing was measured; give measured_cycles"),
        (f"{HEAD},measured_cycles\n{rows()[0]},fast", r"line 2: measured_cycles = 'fast' is no amount"),
        (f"{HEAD},measured_cycles\n{rows()[0].replace('32', '3.5', 1)},1", r"in_channels = '3.5' is no whole number"),
        (f"{HEAD},measured_cycles\n{rows()[0].replace('tree', 'bush')},1", r"line 2: no engine is called 'bush'"),
    ],
)
def test_bad_files_are_told_with_the_line(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "points.csv").write_text(text)
    with pytest.raises(DataError, match=message):
        read_points(tmp_path / "points.csv")


def test_what_cannot_be_fitted_or_read_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RequestError, match="3 measured points; give at least four"):
        fit_calibration(read_points(written(tmp_path / "points.csv"))[:3], PLAIN)
    with pytest.raises(DataError, match="not readable as CSV"):
        read_points(tmp_path / "nowhere.csv")
    with pytest.raises(DataError, match="this is no calibration of an FPGA: 'scale'"):
        FpgaCalibration.from_json({"cycles": {"conv": {}}})

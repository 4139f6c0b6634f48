"""`netchip cost` of a pipeline of chunks: its own figures, those brought to measured points, and what it says of either."""

import json
from pathlib import Path

import pytest

from netchip.cli.main import main
from netchip.files import write_json
from netchip.hardware.fpga.board import load_board
from netchip.hardware.fpga.chunk import Chunk
from netchip.hardware.fpga.measured import predicted, read_points
from netchip.hardware.fpga.predictor import FpgaPredictor
from netchip.methods.dna.platform.designs import PipelineDesign
from netchip.methods.dna.platform.rules import MapSizeRule
from netchip.workload.layer import Layer
from netchip.workload.network import Workload
from netchip.workload.shape import LayerShape

CHUNK = Chunk(tile_out=8, tile_in=8, tile_rows=8, tile_columns=8, unroll_out=4, unroll_in=2)
HEAD = "in_channels,out_channels,height,width,kernel,tile_out,tile_in,tile_rows,tile_columns,unroll_out,unroll_in"


@pytest.fixture
def files(tmp_path: Path) -> tuple[str, str]:
    """A network, and a pipeline of which two of four chunks are built."""
    shapes = [
        LayerShape.conv(in_channels=8, out_channels=8, in_size=(side, side), kernel=(3, 3), padding=(1, 1))
        for side in (16, 8)
    ]
    Workload(tuple(Layer(f"layer{place}", shape) for place, shape in enumerate(shapes))).save(tmp_path / "net.json")
    names = ("conv >= 16", "conv < 16", "depthwise >= 16", "depthwise < 16")
    write_json(tmp_path / "accelerator.json", PipelineDesign("zc706", names, (CHUNK,) * 4, MapSizeRule()).to_json())
    return str(tmp_path / "net.json"), str(tmp_path / "accelerator.json")


def points(path: Path, factor: float) -> Path:
    """Chunks whose look-up tables are so many times what the model says."""
    rows = [f"{8 * (1 + place)},16,16,16,3,8,8,8,8,{unroll},2" for place, unroll in enumerate((1, 2, 4, 8, 1, 2, 4, 8))]
    path.write_text("\n".join([f"{HEAD},measured_lut", *(f"{row},1" for row in rows)]))
    said = predicted(read_points(path), FpgaPredictor(load_board("zc706")))
    lines = [f"{row},{factor * each['lut']}" for row, each in zip(rows, said, strict=True)]
    path.write_text("\n".join([f"{HEAD},measured_lut", *lines]))
    return path


def as_json(capsys: pytest.CaptureFixture[str], *words: str) -> dict:
    assert main(["cost", *words, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_a_pipeline_is_costed_without_and_with_synthesised_figures(
    capsys: pytest.CaptureFixture[str], files: tuple[str, str], tmp_path: Path
) -> None:
    network, design = files
    plain = as_json(capsys, network, "--chip", design)
    assert plain["calibration"] is None
    assert [part["name"] for part in plain["pipeline"]["chunks"]] == ["conv >= 16", "conv < 16"]
    measured = str(points(tmp_path / "points.csv", 1.5))
    found = as_json(capsys, network, "--chip", design, "--calibration", measured)
    assert found["pipeline"]["usage"]["lut"] == pytest.approx(1.5 * plain["pipeline"]["usage"]["lut"], rel=1e-3)
    assert found["pipeline"]["cycles"] == plain["pipeline"]["cycles"]
    assert found["calibration"]["points"] == 8
    assert found["calibration"]["held_out"][0]["before_percent"] == pytest.approx(100 / 3)
    assert found["calibration"]["held_out"][0]["after_percent"] < 0.1
    write_json(tmp_path / "own.json", found["calibration"]["corrections"])
    again = as_json(capsys, network, "--chip", design, "--calibration", str(tmp_path / "own.json"))
    assert again["pipeline"] == found["pipeline"]


def test_it_says_so(capsys: pytest.CaptureFixture[str], files: tuple[str, str], tmp_path: Path) -> None:
    network, design = files
    assert main(["cost", network, "--chip", design]) == 0
    out = capsys.readouterr().out
    assert "8/8/8" in out or "16/16/16" in out
    assert "Chunks: modelled, not measured" in out
    assert "No calibration: cycles and resources are the model's." in out
    assert main(["cost", network, "--chip", design, "--calibration", str(points(tmp_path / "points.csv", 1.5))]) == 0
    out = capsys.readouterr().out
    assert "Calibrated: lut brought to 8 synthesised or measured points of" in out
    assert "of points held out: lut off by 0.0 % (33.3 % before) on 2." in out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--chip", "DESIGN", "edge-npu"), "a pipeline of chunks is costed by itself; leave other chips out"),
        (("--chip", "DESIGN", "--objective", "edp"), "a pipeline of chunks is costed by itself; leave --objective out"),
        (
            ("--chip", "DESIGN", "--calibration", "points.txt"),
            "give a .csv of measured points or the .json of a calibration",
        ),
        (("--chip", "edge-npu", "--calibration", "points.csv"), "--calibration is for a pipeline of chunks"),
        (("--chip", "DESIGN", "--calibration", "none.csv"), "none.csv: not readable as CSV"),
    ],
)
def test_what_does_not_go_together_is_refused(
    capsys: pytest.CaptureFixture[str], files: tuple[str, str], words: tuple[str, ...], message: str
) -> None:
    network, design = files
    assert main(["cost", network, *(design if word == "DESIGN" else word for word in words)]) == 2
    assert message in " ".join(capsys.readouterr().err.split())

"""`netchip cost`: totals that are those of the model, a word about what they are, and requests that are refused in a line."""

import json
from pathlib import Path
from typing import Any

import pytest

from netchip.cli.main import main
from netchip.hardware.chips import load_chip
from netchip.hardware.mapper.mappers import RandomMapper
from netchip.hardware.network_cost import cost
from netchip.workload.encoding import Precision
from netchip.workload.layer import Layer
from netchip.workload.network import Workload
from netchip.workload.shape import LayerShape

FEW = ("--mappings", "300")


def costed(capsys: pytest.CaptureFixture[str], *words: str) -> Any:
    assert main(["cost", *words, *FEW, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_a_model_on_two_chips(capsys: pytest.CaptureFixture[str]) -> None:
    found = costed(capsys, "resnet8", "--input", "1,3,16,16", "--chip", "eyeriss", "edge-npu")
    assert found["modelled"] is True
    assert [report["accelerator"] for report in found["reports"]] == ["eyeriss", "edge-npu"]
    for report in found["reports"]:
        assert report["totals"]["energy_pj"] > 0
        assert len(report["layers"]) == 10


def test_the_figures_are_those_of_the_model_at_the_chip_s_bits(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    chip = load_chip("eyeriss")
    layer = Layer(
        "conv",
        LayerShape(
            batch=1,
            groups=1,
            out_channels=8,
            in_channels=4,
            out_height=6,
            out_width=6,
            kernel_height=3,
            kernel_width=3,
            in_height=8,
            in_width=8,
        ),
        precision=chip.precision,
    )
    workload = Workload((layer,), ())
    workload.save(tmp_path / "own.json")
    found = costed(capsys, str(tmp_path / "own.json"), "--chip", "eyeriss")
    wanted = cost(workload, chip, mapper=RandomMapper(samples=300))
    assert found["reports"][0]["totals"] == pytest.approx(wanted.totals())


def test_fewer_bits_cost_less(capsys: pytest.CaptureFixture[str]) -> None:
    words = ("resnet8", "--input", "1,3,16,16", "--chip", "eyeriss", "--objective", "energy")
    wide, narrow = (costed(capsys, *words, "--bits", bits)["reports"][0]["totals"] for bits in ("16", "8"))
    assert narrow["energy_pj"] < wide["energy_pj"]
    assert narrow["weight_bits"] * 2 == wide["weight_bits"]


def test_the_listing_says_that_it_is_modelled(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["cost", "resnet8", "--input", "1,3,16,16", "--chip", "edge-npu", *FEW]) == 0
    captured = capsys.readouterr()
    assert "Modelled, not measured" in captured.out
    assert "Whole network: modelled, not measured" in captured.out
    assert "conventions 'default'" in captured.out
    assert "edge-npu: 1/" in captured.err


def test_a_scalesim_topology(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path = tmp_path / "own.csv"
    path.write_text(
        "Layer name, IFMAP Height, IFMAP Width, Filter Height, Filter Width, Channels, Num Filter, Strides,\n"
        "first, 10, 10, 3, 3, 4, 8, 1,\n"
    )
    assert costed(capsys, str(path), "--chip", "eyeriss")["reports"][0]["totals"]["macs"] == 8 * 8 * 8 * 4 * 9


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("resnet8", "--chip", "eyeris"), "eyeris"),
        (("resnet8", "--chip", "eyeriss", "--mappings", "0"), "--mappings 0: try at least one mapping a layer"),
        (("resnet8", "--chip", "eyeriss", "--bits", "0"), "bits"),
        (("resnet8",), "chip"),
        (("missing.json", "--chip", "eyeriss"), "missing.json"),
    ],
)
def test_what_cannot_be_costed(words: tuple[str, ...], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["cost", *words]) == 2
    captured = capsys.readouterr()
    assert message in captured.err
    assert "Traceback" not in captured.err
    assert captured.out == ""


def test_native_bits_are_the_chip_s(capsys: pytest.CaptureFixture[str]) -> None:
    assert load_chip("eyeriss").precision == Precision(
        weight_bits=16, input_bits=16, output_bits=16, accumulator_bits=16
    )
    eyeriss = costed(capsys, "resnet8", "--input", "1,3,16,16", "--chip", "eyeriss", "edge-npu")["reports"]
    assert eyeriss[0]["weight_bits"] == 2 * eyeriss[1]["weight_bits"]

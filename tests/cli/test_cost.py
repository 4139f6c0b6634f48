"""`netchip cost` as a user meets it."""

import json
import re
from pathlib import Path

import pytest

from netchip.cli.main import main
from netchip.hardware.chips import chip_names, load_chip
from netchip.hardware.cost_report import CostReport
from netchip.workload.encoding import Precision
from netchip.workload.layer import Layer
from netchip.workload.network import Workload
from netchip.workload.shape import LayerShape

FEW = ("--mappings", "200")
FC = LayerShape.linear(batch=2, in_features=64, out_features=16)


@pytest.fixture
def net(tmp_path: Path) -> str:
    """A workload file at the bits of edge-npu."""
    layers = (Layer("one", FC), Layer("two", LayerShape.linear(batch=2, in_features=16, out_features=4)))
    Workload(layers, uncounted=("head (aten.lstm)",)).save(tmp_path / "net.json")
    return str(tmp_path / "net.json")


def as_json(capsys: pytest.CaptureFixture[str], *words: str) -> dict:
    assert main(["cost", *words, *FEW, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_totals_layers_levels_and_how_they_arose(capsys: pytest.CaptureFixture[str], net: str) -> None:
    assert main(["cost", net, "--chip", "edge-npu", *FEW]) == 0
    captured = capsys.readouterr()
    titles = [line for line in captured.out.splitlines() if line.endswith("modelled, not measured")]
    assert titles == [
        f"{net}: 2.18 k MACs a pass, 2 inputs at once; modelled, not measured",
        "Layers on edge-npu: modelled, not measured",
        "Energy on edge-npu by level, in µJ: modelled, not measured",
        "Totals of a pass: modelled, not measured",
    ]
    assert re.search(r"^edge-npu +8/8/8/32 +[\d.]+ nJ +[\d.]+ us +", captured.out, re.MULTILINE)
    assert "Conventions default" in captured.out
    assert (
        "by evolution, 200 tried for each kind of layer, seed 0, for the network's least energy x latency"
        in captured.out
    )
    assert "No calibration." in captured.out
    assert "Not counted, and in no figure here: head (aten.lstm)" in captured.out
    assert "edge-npu: 2 kinds of layers mapped" in captured.err


def test_several_chips_are_compared_each_at_its_own_bits(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["cost", "resnet8", "--input", "1,3,8,8", "--chip", "eyeriss", "edge-npu", *FEW]) == 0
    out = capsys.readouterr().out
    assert "Against eyeriss: modelled, not measured" in out
    assert re.search(r"^eyeriss +16/16/16/16 ", out, re.MULTILINE)
    assert re.search(r"^edge-npu +8/8/8/32 ", out, re.MULTILINE)


def test_json_is_all_there_is_on_stdout_and_holds_whole_reports(capsys: pytest.CaptureFixture[str], net: str) -> None:
    found = as_json(capsys, net, "--chip", "edge-npu", "--seed", "3", "--objective", "energy")
    assert (found["network"], found["inputs"], found["macs"]) == (net, 2, 2 * 64 * 16 + 2 * 16 * 4)
    assert found["search"] == {**found["search"], "mapper": "EvolutionaryMapper", "samples": 200, "seed": 3}
    (one,) = found["modelled"]
    report = CostReport.from_json(one["report"])
    assert report.objective == "energy"
    assert one["inputs_per_s"] == pytest.approx(2 / report.latency_s)
    assert one["bits"] == "8/8/8/32"
    assert found["uncounted"] == ["head (aten.lstm)"]


def test_equal_seeds_give_equal_figures(
    capsys: pytest.CaptureFixture[str], net: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = as_json(capsys, net, "--chip", "generic")
    monkeypatch.setenv("NETCHIP_CACHE", str(tmp_path / "another"))
    assert as_json(capsys, net, "--chip", "generic") == first


def test_fewer_bits_cost_less(capsys: pytest.CaptureFixture[str], net: str) -> None:
    energy = [
        as_json(capsys, net, "--chip", "edge-npu", "--bits", bits)["modelled"][0]["report"]["totals"]["energy_pj"]
        for bits in ("2", "4", "8")
    ]
    assert energy == sorted(set(energy))


def test_a_file_keeps_its_own_bits(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    precision = Precision(weight_bits=4, input_bits=6, output_bits=6, accumulator_bits=20)
    Workload((Layer("one", FC, precision=precision),)).save(tmp_path / "net.json")
    assert as_json(capsys, str(tmp_path / "net.json"), "--chip", "eyeriss")["modelled"][0]["bits"] == "4/6/6/20"


def test_a_chip_of_ones_own(capsys: pytest.CaptureFixture[str], net: str, tmp_path: Path) -> None:
    chip = tmp_path / "mine.yaml"
    chip.write_text("extends: generic\nname: mine\nparameters: {rows: 4}\n")
    out = as_json(capsys, net, "--chip", str(chip), "generic")["modelled"]
    assert [each["chip"] for each in out] == ["mine", "generic"]


def test_calibration_is_told_and_changes_the_totals(capsys: pytest.CaptureFixture[str], net: str) -> None:
    plain = as_json(capsys, net, "--chip", "eyeriss")["modelled"][0]["report"]
    calibrated = as_json(capsys, net, "--chip", "eyeriss", "--calibrated")["modelled"][0]["report"]
    assert calibrated["totals"]["latency_s"] == pytest.approx(1.147 * plain["totals"]["latency_s"])
    assert main(["cost", net, "--chip", "eyeriss", "--calibrated", *FEW]) == 0
    assert "eyeriss: totals calibrated, latency x 1.147" in capsys.readouterr().out


ZIGZAG = """
name: small
operational_array: {unit_energy: 0.5, dimensions: [D1], sizes: [4]}
memories:
  dram:
    size: 100000
    r_cost: 100
    w_cost: 110
    operands: [I1, I2, O]
    ports:
      - {name: r_port_1, type: read, bandwidth_min: 8, bandwidth_max: 32, allocation: ["I1, tl", "I2, tl", "O, tl", "O, th"]}
      - {name: w_port_1, type: write, bandwidth_min: 8, bandwidth_max: 32, allocation: ["I1, fh", "I2, fh", "O, fh", "O, fl"]}
    served_dimensions: [D1]
"""


def test_a_zigzag_file_is_costed_and_says_what_was_assumed(
    capsys: pytest.CaptureFixture[str], net: str, tmp_path: Path
) -> None:
    chip, page = tmp_path / "small.yaml", tmp_path / "page.html"
    chip.write_text(ZIGZAG)
    assert main(["cost", net, "--chip", str(chip), *FEW, "-o", str(page)]) == 0
    told = "small is a ZigZag file, which states no clock (1 GHz assumed, --clock states another)"
    assert told in capsys.readouterr().out
    assert told in page.read_text()
    slow = as_json(capsys, net, "--chip", str(chip), "--clock", "250MHz")["modelled"][0]
    quick = as_json(capsys, net, "--chip", str(chip))["modelled"][0]
    assert "no clock (1 GHz assumed" in quick["assumed"][0]
    assert "no clock (0.25 GHz given)" in slow["assumed"][0]
    latencies = [each["report"]["totals"]["latency_s"] for each in (slow, quick)]
    assert latencies[0] == pytest.approx(4 * latencies[1])


def test_a_budget_that_is_met_is_told_in_a_line(capsys: pytest.CaptureFixture[str], net: str, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    words = ("--budget", "energy=1mJ", "area=2mm2", "macs=1M", "weights=1MiB")
    assert main(["cost", net, "--chip", "edge-npu", *words, *FEW, "-o", str(page)]) == 0
    out = capsys.readouterr().out
    found = re.search(
        r"^edge-npu meets the budget: energy .* of at most 1 mJ, area 0\.554 mm² of at .*$", out, re.MULTILINE
    )
    assert found is not None
    assert "weights 1.06 KiB of at most 1.00 MiB" in found[0]
    assert "edge-npu meets the budget" in page.read_text()


def test_over_budget_the_tables_are_shown_and_the_exit_code_is_3(capsys: pytest.CaptureFixture[str], net: str) -> None:
    assert main(["cost", net, "--chip", "edge-npu", "eyeriss", "--budget", "latency=1s", "macs=2k", *FEW]) == 3
    captured = capsys.readouterr()
    assert "Totals of a pass" in captured.out
    for chip in ("edge-npu", "eyeriss"):
        assert f"{chip} does not meet the budget: macs 2.18 k is 8.8% over 2.00 k" in captured.out
        assert f"{chip} does not meet the budget: macs 2.18 k is 8.8% over 2.00 k" in captured.err
    assert len([line for line in captured.err.splitlines() if line.startswith("netchip: ")]) == 1


def test_of_several_chips_those_that_meet_the_budget_are_named(capsys: pytest.CaptureFixture[str], net: str) -> None:
    words = ("--chip", "edge-npu", "eyeriss")
    energies = {
        each["chip"]: each["report"]["totals"]["energy_pj"] for each in as_json(capsys, net, *words)["modelled"]
    }
    assert energies["edge-npu"] < energies["eyeriss"] / 2
    most = energies["eyeriss"] / 2
    assert main(["cost", net, *words, *FEW, "--json", "--budget", f"energy={most}pJ"]) == 3
    captured = capsys.readouterr()
    assert "eyeriss does not meet the budget: energy" in captured.err
    assert "; it is met by edge-npu (allow more" in captured.err
    found = json.loads(captured.out)
    assert found["budget"] == {"energy_pj": pytest.approx(most)}
    edge, eyeriss = found["modelled"]
    assert edge["over_budget"] == {}
    totals = CostReport.from_json(eyeriss["report"]).totals()
    assert eyeriss["over_budget"] == {"energy_pj": pytest.approx(totals["energy_pj"] / most - 1)}


def test_a_budget_is_what_the_search_aims_at_unless_an_objective_is_named(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    shape = LayerShape.conv(in_channels=16, out_channels=32, in_size=(16, 16), kernel=(3, 3), padding=(1, 1))
    Workload((Layer("conv", shape),)).save(tmp_path / "net.json")
    asked = (str(tmp_path / "net.json"), "--chip", "generic")

    def energy(*words: str) -> float:
        return as_json(capsys, *asked, *words)["modelled"][0]["report"]["totals"]["energy_pj"]

    least, usual = energy("--objective", "energy"), energy()
    assert least < usual * 0.95
    words = ("--budget", f"energy={(least + usual) / 2}pJ")
    assert least <= energy(*words) <= (least + usual) / 2
    assert main(["cost", *asked, *words, "--objective", "edp", *FEW]) == 3


def test_the_page(capsys: pytest.CaptureFixture[str], net: str, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    assert main(["cost", net, "--chip", "edge-npu", *FEW, "-o", str(page)]) == 0
    assert capsys.readouterr().out.endswith(f"page: {page}\n")
    assert page.read_text().count("<figure") == 2


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ((), "name a chip: --chip NAME or a YAML file; there are diannao, edge-npu, eyeriss"),
        (("--chip", "eyeris"), "'eyeris' is no chip (did you mean 'eyeriss'?); there are "),
        (("--chip", "nothing.yaml"), "nothing.yaml: no such file"),
        (("--chip", "generic", "generic"), "two chips are called generic"),
        (("--chip", "generic", "--objective", "speed"), "no objective is called 'speed'; give energy, latency, edp"),
        (("--chip", "generic", "--mappings", "0"), "--mappings 0: give a whole number of at least 1"),
        (("--chip", "generic", "--seed", "-1"), "--seed -1: give a whole number of at least 0"),
        (("--chip", "generic", "--bits", "0"), "--bits 0: give at least 1"),
        (
            ("--chip", "generic", "--bits", "8/8"),
            "--bits 8/8: give at least 1, as in 8, or weights/inputs/outputs/sums",
        ),
        (("--chip", "generic", "--clock", "1GHz"), "--clock is for ZigZag's files; generic has a clock of its own"),
        (("--chip", "generic", "--budget", "enery=5mJ"), "'enery' is nothing to limit; there are energy, latency, edp"),
        (
            ("--chip", "generic", "--budget", "energy=5"),
            "'5' is no number above 0 with one of the units pJ, nJ, uJ, mJ, J",
        ),
        (("--chip", "eyeriss", "--budget", "area=2mm2"), "the file of eyeriss states none; give it areas, or leave"),
        (("--chip", "generic", "--calibrated"), "generic has no calibration"),
        (("--chip", "generic", "--input", "1,2"), "--input is for models"),
        (
            ("--chip", "edge-npu", "--bits", "1024"),
            "'weight_registers' holds 8 bits, less than one weight of 1024 bits",
        ),
    ],
)
def test_refusals_are_one_line(
    words: tuple[str, ...], message: str, capsys: pytest.CaptureFixture[str], net: str
) -> None:
    assert main(["cost", net, *words]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert message in captured.err
    assert captured.err.splitlines()[-1].startswith("netchip: ")


def test_an_unknown_chip_is_told_with_all_there_are(capsys: pytest.CaptureFixture[str], net: str) -> None:
    assert main(["cost", net, "--chip", "zzz"]) == 2
    told = capsys.readouterr().err
    assert all(name in told for name in chip_names())


def test_a_layer_the_chip_cannot_run(capsys: pytest.CaptureFixture[str], net: str, tmp_path: Path) -> None:
    chip = tmp_path / "mine.yaml"
    chip.write_text("extends: generic\nname: mine\nkinds: [matmul]\n")
    assert "matmul" in load_chip(chip).kinds
    assert main(["cost", net, "--chip", str(chip), *FEW]) == 2
    assert "one is a conv layer, and mine runs matmul" in capsys.readouterr().err


def test_a_memory_too_small_for_any_mapping(capsys: pytest.CaptureFixture[str], net: str, tmp_path: Path) -> None:
    chip = tmp_path / "mine.yaml"
    chip.write_text("extends: edge-npu\nname: mine\nmemories:\n- {name: weight_registers, bits: 4}\n")
    assert main(["cost", net, "--chip", str(chip), *FEW]) == 2
    assert "'weight_registers' holds 4 bits, less than one weight of 8 bits" in capsys.readouterr().err

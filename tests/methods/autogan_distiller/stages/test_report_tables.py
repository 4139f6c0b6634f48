"""The tables by hand."""

import pytest

from netchip.errors import ConfigError
from netchip.methods.autogan_distiller.stages.chips import figures_of, on_chips
from netchip.methods.autogan_distiller.stages.report_tables import before_after, equal_cost
from netchip.methods.method import Arm
from netchip.report.figure import as_figure
from netchip.workload.layer import Layer
from netchip.workload.network import Workload
from netchip.workload.shape import LayerShape


def arm(name: str, macs: float, psnr_db: float) -> Arm:
    return Arm(name, "baseline", {"macs": macs}, {"psnr_to_teacher_db": psnr_db, "ssim_to_teacher": psnr_db / 40})


def test_median_and_best_of_the_random_networks_stand_beside_the_others() -> None:
    randoms = [arm(f"random-{i}", 90 + i, value) for i, value in enumerate((30.0, 34.0, 31.0, 36.0, 32.0))]
    arms = [
        arm("teacher", 1000, 100.0),
        arm("bicubic", 0, 28.0),
        *randoms,
        arm("hand-made", 99, 33.0),
        arm("student", 100, 35.0),
    ]
    table = equal_cost(arms)
    as_figure(table, "here")
    assert [row[:3] for row in table["rows"]] == [
        ["bicubic", "0", "28.00 dB"],
        ["random, median of 5", "92", "32.00 dB"],
        ["random, best of 5", "93", "36.00 dB"],
        ["hand-made", "99", "33.00 dB"],
        ["student", "100", "35.00 dB"],
    ]
    assert [row[0] for row in equal_cost([arms[0], arms[1], arms[-1]])["rows"]] == ["bicubic", "student"]


def network(*widths: int) -> Workload:
    return Workload(tuple(Layer(f"conv{i}", shape(width)) for i, width in enumerate(widths)))


def shape(width: int) -> LayerShape:
    return LayerShape.conv(batch=1, in_channels=3, out_channels=width, in_size=(8, 8), kernel=(3, 3), padding=(1, 1))


def test_layers_before_and_after_with_the_energy_of_two_chips() -> None:
    """64 positions x 9 x 3 inputs x 16 and 48 outputs: 27.6 k and 82.9 k MACs, a quarter and three."""
    workloads, notes = {"teacher": network(16, 48), "student": network(16)}, []
    reports = on_chips(workloads, ("edge-npu", "eyeriss"), notes)
    table = before_after(workloads, "student", reports)
    as_figure(table, "here")
    assert [row[:4] for row in table["rows"]] == [
        ["teacher", "conv0", "27.6 k", "25.00 %"],
        ["teacher", "conv1", "82.9 k", "75.00 %"],
        ["student", "conv0", "27.6 k", "100.00 %"],
    ]
    assert table["columns"][-2:] == [">energy on edge-npu", ">energy on eyeriss"]
    assert table["rows"][0][-2:] == table["rows"][2][-2:]  # one layer, one energy
    found = {name: dict(figures_of("edge-npu", each["edge-npu"])) for name, each in reports.items()}
    assert set(found["student"]) == {"edge_npu_energy_pj", "edge_npu_latency_s"}
    assert found["student"]["edge_npu_energy_pj"] < found["teacher"]["edge_npu_energy_pj"]
    assert notes == ["modelled on edge-npu, eyeriss: at 8 bits, layer after layer, norms and activations free"]


def test_without_chips_there_is_no_energy_and_an_unknown_one_is_refused() -> None:
    workloads, notes = {"teacher": network(8), "student": network(4)}, []
    assert on_chips(workloads, (), notes) == {"teacher": {}, "student": {}}
    assert not notes
    assert before_after(workloads, "student", {})["columns"][-1] == ">weights"
    with pytest.raises(ConfigError, match="abacus"):
        on_chips(workloads, ("abacus",), notes)

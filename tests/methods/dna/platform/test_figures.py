"""A pair's figures are ones that `report` reads, and say what the report says."""

import pytest

from netchip.hardware.fpga.board import load_board
from netchip.hardware.hierarchy.technology import load_technology
from netchip.methods.dna.legacy.network import example_layers
from netchip.methods.dna.platform.figures import breakdown_figures
from netchip.methods.dna.platform.fpga import FpgaPlatform
from netchip.methods.dna.platform.hierarchy import HierarchyPlatform
from netchip.methods.dna.platform.spaces import spaces_by_map_size
from netchip.report.figure import as_figure
from netchip.workload.network import Workload

NETWORK = Workload(example_layers("cifar")[:5])
PLATFORMS = (
    FpgaPlatform(board=load_board("zc706"), spaces=spaces_by_map_size(), fps=10),
    HierarchyPlatform(technology=load_technology("dosa-40nm"), limits={"area_mm2": 5}, calls=100),
)


@pytest.mark.parametrize("platform", PLATFORMS, ids=["fpga", "hierarchy"])
def test_figures_say_what_the_report_says(platform: FpgaPlatform | HierarchyPlatform) -> None:
    report = platform.report(platform.best(NETWORK), NETWORK)
    figures = breakdown_figures(report)
    for name, figure in figures.items():
        as_figure(figure, name)
    assert [row[0] for row in figures["layers"]["rows"]] == [layer.name for layer in NETWORK.layers]
    assert [row[0] for row in figures["parts"]["rows"]] == [part.name for part in report.parts]
    assert (">energy" in figures["layers"]["columns"]) == (report.energy_pj is not None)
    roofs = {line["name"]: line for line in figures["roofline"]["lines"]}
    for series in figures["roofline"]["series"]:
        line = roofs[f"roof of {series['name']}"]
        slope = line["y"][1] / line["x"][1]
        assert slope == pytest.approx(report.dram_bits_per_cycle / 8)
        for per_byte, per_cycle in zip(series["x"], series["y"], strict=True):
            assert per_cycle <= min(line["y"][1], slope * per_byte) * (1 + 1e-9)
    shares = figures["bandwidth"]["series"][0]["values"]
    bits = sum(layer.traffic_bits for layer in report.layers)
    frame = max(part.cycles for part in report.parts)
    assert sum(shares) == pytest.approx(100 * bits / report.dram_bits_per_cycle / frame)
    used = dict(zip(figures["use"]["categories"], figures["use"]["series"][0]["values"], strict=True))
    assert "uram" not in used  # there is none
    for name, percent in used.items():
        assert percent == pytest.approx(100 * report.usage[name] / report.limits[name])
        assert percent <= 100

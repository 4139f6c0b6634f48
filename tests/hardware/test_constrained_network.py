"""A whole network under fixed choices, by the public names, and layers of sizes that no chip was made for."""

from pathlib import Path

import pytest

import netchip
from netchip.errors import RequestError
from netchip.hardware.accelerator import Accelerator
from netchip.hardware.dimensions import relevant

CONV = netchip.LayerShape.conv(in_channels=8, out_channels=8, in_size=(8, 8), kernel=(3, 3), padding=(1, 1))
FC = netchip.LayerShape.linear(batch=4, in_features=60, out_features=10)
NETWORK = netchip.Workload((netchip.Layer("conv", CONV), netchip.Layer("fc", FC)))
FEW = netchip.RandomMapper(samples=200)


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NETCHIP_CACHE", str(tmp_path / "cache"))


def report_of(chip: Accelerator, **constraints: object) -> netchip.CostReport:
    return netchip.cost(NETWORK, chip, mapper=FEW, constraints=netchip.Constraints.parse(constraints))


@pytest.mark.parametrize("operand", ["W", "I", "O"])
def test_a_fixed_dataflow_holds_in_every_layer(tiny: Accelerator, operand: str) -> None:
    for layer in report_of(tiny, stationary=operand).layers:
        changes = [loop.dim in relevant(operand) for loop in layer.mapping.loops]
        assert changes == sorted(changes), "loops that reuse the operand run inside those that change it"


def test_a_fixed_order_holds_in_every_layer(tiny: Accelerator) -> None:
    for layer in report_of(tiny, order=("C", "K")).layers:
        dims = [loop.dim for loop in layer.mapping.loops]
        assert dims == sorted(dims, key=lambda dim: {"C": 0, "K": 1}.get(dim, 2))


def test_a_fixed_unrolling_holds_in_every_layer(tiny: Accelerator) -> None:
    conv, fc = report_of(tiny, spatial={"D1": {"K": 4}, "D2": {"C": 2}}).layers
    assert conv.mapping.spatial == {"D1": {"K": 4.0}, "D2": {"C": 2.0}}
    assert fc.mapping.spatial == {"D1": {"K": pytest.approx(10 / 3)}, "D2": {"C": 2.0}}


def test_a_bypassed_memory_moves_nothing_of_the_operand(tiny: Accelerator) -> None:
    free, bypassed = report_of(tiny), report_of(tiny, bypass={"I": ("buffer",)})
    moved = [
        {(each.memory, each.operand) for layer in report.layers for each in layer.cost.accesses}
        for report in (free, bypassed)
    ]
    assert ("buffer", "I") in moved[0] - moved[1]
    assert ("buffer", "W") in moved[1]


def test_what_is_fixed_is_never_better_than_a_free_choice_among_more(tiny: Accelerator) -> None:
    free = netchip.cost(NETWORK, tiny, mapper=netchip.EvolutionaryMapper(samples=4000))
    assert report_of(tiny, stationary="I", spatial={"D1": {"K": 2}}).edp_pj_s > free.edp_pj_s


@pytest.mark.parametrize(
    ("constraints", "message"),
    [
        ({"spatial": {"D1": {"K": 8}}}, "spatial unrolls 8 along D1, which has 4 units; unroll less"),
        ({"spatial": {"rows": {"K": 2}}}, "spatial names 'rows', which is no dimension of the array; it has D1, D2"),
        ({"bypass": {"I": ("bufer",)}}, "tiny has no memory 'bufer'; it has reg_w, reg_o, buffer, dram"),
        ({"bypass": {"W": ("buffer", "dram", "reg_w")}}, "bypass leaves 'reg_w' nothing to hold"),
        ({"stationary": "X"}, "stationary = 'X': Input should be 'W', 'I' or 'O'"),
        ({"order": ("K", "Z")}, r"order\.1 = 'Z': Input should be 'B', 'G', 'K'"),
        ({"dataflow": "W"}, "unknown key 'dataflow'"),
    ],
)
def test_constraints_that_cannot_hold_are_one_message(tiny: Accelerator, constraints: dict, message: str) -> None:
    with pytest.raises(RequestError, match=message) as error:
        report_of(tiny, **constraints)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("features", [(1, 10**9), (999_999_937, 1), (3, 999_999_937)])
def test_a_dimension_of_a_thousand_million_is_mapped(features: tuple[int, int]) -> None:
    shape = netchip.LayerShape.linear(in_features=features[0], out_features=features[1])
    chip = netchip.load_chip("eyeriss")
    report = netchip.cost(netchip.Workload((netchip.Layer("wide", shape),)), chip, mapper=FEW)
    assert report.macs == features[0] * features[1]
    assert report.energy_pj > chip.energy.mac_pj(8, 8) * report.macs
    assert report.cycles * chip.units >= report.macs


def test_a_layer_beyond_exact_counts_is_refused_before_a_search() -> None:
    shape = netchip.LayerShape.linear(in_features=10**9, out_features=10**9)
    with pytest.raises(
        RequestError, match=r"huge: 1,000,000,000,000,000,000 MACs .* cannot be counted exactly .*split the layer"
    ):
        netchip.cost(netchip.Workload((netchip.Layer("huge", shape),)), netchip.load_chip("eyeriss"), mapper=FEW)

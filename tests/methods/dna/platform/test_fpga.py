"""Pipelines as a platform: exact, within the limits, one objective for both searches, and every refusal says why."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from netchip.errors import BudgetError, DataError, RequestError
from netchip.hardware.fpga.board import load_board
from netchip.hardware.fpga.calibrated import Correction, FpgaCalibration
from netchip.hardware.search.genetic import Genetic
from netchip.hardware.search.searching import search
from netchip.methods.dna.legacy.network import example_layers
from netchip.methods.dna.platform.designs import PipelineDesign, design_from_json
from netchip.methods.dna.platform.fpga import UNABLE_CYCLES_PER_MAC, FpgaPlatform
from netchip.methods.dna.platform.rules import MapSizeRule, NamedRule
from netchip.methods.dna.platform.spaces import equal_spaces, spaces_by_map_size
from netchip.workload.encoding import Precision
from netchip.workload.layer import Layer
from netchip.workload.network import Workload
from netchip.workload.shape import LayerShape

BOARD = load_board("zc706")
LAYERS = example_layers("cifar")
SMALL = Workload(LAYERS[:6])


def platform(**given: object) -> FpgaPlatform:
    return FpgaPlatform(**({"board": BOARD, "spaces": spaces_by_map_size()} | given))  # type: ignore[arg-type]


def conv(name: str, *, bits: int = 16, size: int = 16, channels: int = 8, groups: int = 1, rate: float = 1.0) -> Layer:
    shape = LayerShape.conv(
        in_channels=channels, out_channels=channels, in_size=(size, size), kernel=(3, 3), padding=(1, 1), groups=groups
    )
    return Layer(name, shape, precision=Precision(weight_bits=bits, input_bits=bits), execution_rate=rate)


def test_the_best_is_exact_and_its_report_is_what_the_search_saw() -> None:
    own = platform()
    design = own.best(SMALL)
    report = own.report(design, SMALL)
    assert report.over == {}
    assert report.cost == own.cost(design, SMALL) == own.tables(SMALL).best().cost
    at_random = search(own.problem(SMALL.layers), Genetic(), calls=2000, seed=0).require()
    assert report.cost <= at_random.cost
    assert report.fps == pytest.approx(200e6 / report.cost)
    assert [row.name for row in report.layers] == [layer.name for layer in SMALL.layers]
    assert {row.part for row in report.layers} == {part.name for part in report.parts}
    assert sum(part.traffic_share for part in report.parts) == pytest.approx(1)


def test_layers_that_are_alike_are_priced_once_and_counted_each() -> None:
    twice = Workload(tuple(replace(layer, name=f"{layer.name}.{copy}") for copy in "ab" for layer in SMALL.layers))
    assert platform().tables(twice).best().cost == 2 * platform().tables(SMALL).best().cost
    assert len(platform().problem(twice.layers).layers) < 2 * len(SMALL.layers)


def test_loads_add_up_to_the_cost_and_are_linear_in_execution() -> None:
    own = platform()
    design = own.best(SMALL)
    loads = own.loads(design, SMALL.layers)
    assert loads.shape == (5, 6)
    assert loads.sum(1).max() == pytest.approx(own.cost(design, SMALL))
    assert ((loads[:-1] > 0).sum(0) == 1).all()  # each on one chunk
    halved = [replace(layer, execution_rate=0.5) for layer in SMALL.layers]
    assert own.loads(design, halved) == pytest.approx(loads / 2)


def test_a_layer_that_the_design_cannot_run_has_a_large_finite_load() -> None:
    own = platform(spaces=spaces_by_map_size(bits=(8,)))
    design = own.best(Workload((conv("a", bits=8), conv("b", bits=8, groups=8))))
    wide = conv("wide", bits=16)
    assert own.loads(design, [wide])[:-1].sum() == UNABLE_CYCLES_PER_MAC * wide.macs
    assert own.loads(design, [wide]).sum() > 100 * own.loads(design, [conv("narrow", bits=8)]).sum()
    assert math.isinf(own.cost(design, Workload((wide,))))
    with pytest.raises(RequestError, match="wide has 16-bit weights and 16-bit inputs, but chunk 'conv >= 16' has 8"):
        own.report(design, Workload((wide,)))


def test_the_smooth_maximum_is_near_the_largest_and_has_a_gradient() -> None:
    totals = torch.tensor([[4e6, 1e6, 0.0], [5e6, 5e6, 5e6]], dtype=torch.float64, requires_grad=True)
    found = platform().combine(totals)
    assert found.tolist() == pytest.approx([4e6, 5e6 * 3 ** (1 / 20)])
    found.sum().backward()
    assert totals.grad is not None
    assert totals.grad[0].tolist() == pytest.approx([1, 0, 0], abs=1e-6)
    assert totals.grad[1, 0].item() == pytest.approx(3 ** (1 / 20) / 3)


def test_a_calibration_is_in_everything_that_is_said() -> None:
    slow = FpgaCalibration(
        {"cycles": {"conv": Correction(3.0), "depthwise": Correction(3.0)}, "dsp": {"conv": Correction(2.0)}}
    )
    own, plain = platform(calibration=slow), platform()
    design = own.best(SMALL)
    report = own.report(design, SMALL).require()
    assert report.cost == own.cost(design, SMALL) == pytest.approx(own.loads(design, SMALL.layers).sum(1).max())
    assert own.loads(design, SMALL.layers)[:-1] == pytest.approx(3 * plain.loads(design, SMALL.layers)[:-1])
    assert report.usage["dsp"] > plain.report(design, SMALL).usage["dsp"]


def test_ultrarams_stand_in_for_block_rams() -> None:
    board = load_board("zcu104")
    wide = Workload((conv("wide", size=32, channels=256),))
    own = platform(board=board, spaces=spaces_by_map_size(uram=True), limits={"bram18": 40})
    without = platform(board=board, spaces=spaces_by_map_size(), limits={"bram18": 40})
    report = own.report(own.best(wide), wide).require()
    assert 0 < report.usage["uram"] <= board.limits["uram"]
    assert report.cost < without.cost(without.best(wide), wide)
    none = replace(own, limits={"bram18": 40, "uram": 0})
    assert none.cost(none.best(wide), wide) == without.cost(without.best(wide), wide)


def test_a_network_of_one_layer_builds_one_chunk() -> None:
    own, one = platform(), Workload((conv("only"),))
    report = own.report(own.best(one), one)
    assert [part.name for part in report.parts] == ["conv >= 16"]
    assert report.bound_by in ("conv >= 16", "dram")


def test_an_idle_chunk_is_the_one_of_the_start() -> None:
    own = platform()
    before = own.best(Workload(LAYERS[:12]))
    after = own.best(Workload((conv("only"),)), start=before)
    assert after.chunks[1:] == before.chunks[1:]
    assert own.cost(after, Workload((conv("only"),))) == own.tables(Workload((conv("only"),))).best().cost


@pytest.mark.parametrize("assigning", ["contiguous", "learned"])
def test_other_assignments_name_the_chunk_of_each_layer(assigning: str) -> None:
    engine = Genetic() if assigning == "learned" else None
    own = platform(assigning=assigning, spaces=equal_spaces(2), engine=engine, calls=600)
    design = own.best(SMALL)
    assert isinstance(design.rule, NamedRule)
    report = own.report(design, SMALL).require()
    assert [row.part for row in report.layers] == [design.names[place] for _, place in design.rule.chunk_of]
    assert own.loads(design, SMALL.layers).sum(1).max() == pytest.approx(own.cost(design, SMALL))


def test_a_search_does_not_fall_behind_its_start() -> None:
    exact = platform().best(SMALL)
    few = platform(engine=Genetic(), calls=64)
    assert few.cost(few.best(SMALL), SMALL) > platform().cost(exact, SMALL)
    assert few.best(SMALL, start=exact) == exact


def test_a_layer_of_another_name_goes_where_its_kin_went() -> None:
    rule = NamedRule((("block0.expand", 1), ("block0.project", 1), ("block1.expand", 0), ("head", 0)))
    design = PipelineDesign(
        "zc706", ("a", "b"), platform(spaces=equal_spaces(4)).best(Workload((conv("x"),))).chunks[:2], rule
    )
    own = platform(assigning="contiguous", spaces=equal_spaces(2))
    names = ["block0.option3.expand", "block1.option3", "head"]
    assert own.assignment(design, [conv(name) for name in names]).chunk == (1, 0, 0)
    stranger = own.assignment(design, [conv("tail")]).chunk[0]
    cycles = [own.loads(replace(design, rule=NamedRule((("tail", place),))), [conv("tail")])[place] for place in (0, 1)]
    assert cycles[stranger] == min(cycles)


def test_designs_come_back_from_json() -> None:
    for design in (
        platform().best(SMALL),
        platform(assigning="contiguous", spaces=equal_spaces(2)).best(Workload(SMALL.layers[:3])),
    ):
        assert design_from_json(design.to_json()) == design
    with pytest.raises(DataError, match="this design is of format 9; this version of netchip reads format 1"):
        design_from_json({"format": 9})
    with pytest.raises(DataError, match="kind = 'rocket': a design is of 'fpga' or 'hierarchy'"):
        design_from_json({"format": 1, "kind": "rocket"})
    with pytest.raises(DataError, match="this design lacks the key 'chunks'"):
        design_from_json({"format": 1, "kind": "fpga"})
    broken = platform().best(SMALL).to_json()
    broken["chunks"][0]["tile_out"] = 0
    with pytest.raises(DataError, match="this is not a design: tile_out = 0: give a whole number"):
        design_from_json(broken)
    with pytest.raises(DataError, match="rule = 'magic': give 'map-size' or 'named'"):
        design_from_json(platform().best(SMALL).to_json() | {"assignment": {"rule": "magic"}})


def test_what_does_not_agree_is_refused() -> None:
    with pytest.raises(RequestError, match="no resource is called 'gold'; there are dsp"):
        platform(limits={"gold": 1})
    with pytest.raises(RequestError, match="dsp = 901: zc706 has 720 usable; give from 0 to that many"):
        platform(limits={"dsp": 901})
    with pytest.raises(RequestError, match="fps = 0: give a number above 0"):
        platform(fps=0)
    with pytest.raises(RequestError, match="a learned assignment has no exact engine"):
        platform(assigning="learned")
    with pytest.raises(RequestError, match="partitions are searched with the exact engine"):
        platform(assigning="contiguous", engine=Genetic())
    with pytest.raises(RequestError, match=r"4 chunks for bounds \[16, 8\]; the rule needs 6"):
        platform(bounds=(16, 8))
    with pytest.raises(RequestError, match=r"bounds = \[8, 16\]: give map heights that fall"):
        spaces_by_map_size((8, 16))
    with pytest.raises(RequestError, match="chunks = 0: a pipeline needs at least one"):
        equal_spaces(0)
    with pytest.raises(RequestError, match="1 names for 0 chunks"):
        PipelineDesign("zc706", ("a",), (), MapSizeRule())


def test_a_layer_that_fits_no_chunk_is_named() -> None:
    own = platform(spaces=spaces_by_map_size(bits=(8,)))
    with pytest.raises(
        RequestError, match=r"wide \(16 bits\) does not fit chunk 'conv >= 16': no design there has both"
    ):
        own.best(Workload((conv("narrow", bits=8), conv("wide"))))
    equal = platform(assigning="contiguous", spaces=equal_spaces(2, bits=(8,)))
    with pytest.raises(RequestError, match=r"wide \(16 bits\) does not fit any chunk"):
        equal.best(Workload((conv("wide"),)))


def test_an_unknown_kind_of_layer_and_an_empty_network_are_refused() -> None:
    shape = LayerShape.matmul(batch=1, rows=4, inner=4, columns=4)
    with pytest.raises(
        RequestError, match="attention is a product of two activations, which no engine of this template"
    ):
        platform().best(Workload((Layer("attention", shape),)))
    with pytest.raises(RequestError, match="no layer was given"):
        platform().best(Workload(()))


def test_limits_are_hard_and_the_refusal_names_them() -> None:
    half = platform(limits={"dsp": 40})
    assert half.report(half.best(SMALL), SMALL).usage["dsp"] <= 40
    with pytest.raises(BudgetError, match=r"no design meets these limits; the nearest uses dsp \d+ of 2"):
        platform(limits={"dsp": 2}).best(SMALL)


def test_expected_networks_are_fine() -> None:
    mixed = Workload((conv("a", rate=0.25), conv("b", rate=0.75, channels=16)))
    own = platform()
    design = own.best(mixed)
    assert own.cost(design, mixed) == pytest.approx(own.loads(design, mixed.layers).sum(1).max())
    assert np.isfinite(own.loads(design, mixed.layers)).all()

"""A floorplan gives every step a chunk, and says what does not fit and why."""

from dataclasses import replace

import pytest
import torch

pytest.importorskip("amaranth", reason="describing hardware needs Amaranth: pip install 'netchip[rtl]'")

from netchip.errors import BudgetError, RequestError
from netchip.hardware.fpga.board import load_board
from netchip.rtl.design import ChipDesign, Floorplan, is_depthwise, module_word, multipliers_of
from netchip.rtl.folding import folded
from tests.rtl.test_folding import small
from tests.rtl.test_pipeline import DEEP, TREE, design

BOARD = load_board("pynq-z2")
PLACES = {"stem.0": 0, "deep.0": 1, "classifier": 0}


def test_a_mean_of_maps_goes_where_the_slowest_chunk_stays_quickest() -> None:
    floats = folded(small(), torch.zeros(1, 1, 6, 6))
    plan = Floorplan(BOARD, ("any", "deep"), (TREE, DEEP), PLACES)
    found = plan.completed(floats)
    shapes = {step.name: step.shape for step in floats.layers}
    slowest = []
    for place in range(2):
        report = replace(plan, places={**PLACES, "pool": place}).report(shapes)
        slowest.append(max(chunk.cycles for chunk in report.chunks))
    assert found.places == {"stem.0": 0, "deep.0": 1, "pool": slowest.index(min(slowest)), "classifier": 0}


def test_a_layer_without_a_chunk_is_named() -> None:
    plan = Floorplan(BOARD, ("any",), (TREE,), {"stem.0": 0, "deep": 0, "classifier": 0})
    with pytest.raises(RequestError, match=r"no chunk is given the layer deep\.0 \(did you mean 'deep'\?\)"):
        plan.completed(folded(small(), torch.zeros(1, 1, 6, 6)))


def test_bits_that_no_engine_supports_name_the_chunk() -> None:
    with pytest.raises(RequestError, match="chunk 'any': weight_bits = 6: no engine is built for that; give 8 or 16"):
        Floorplan(BOARD, ("any",), (replace(TREE, weight_bits=6),), {})


def test_a_layer_that_a_chunk_cannot_run_is_named_with_the_reason() -> None:
    shapes = {step.name: step.layer.shape for step in design().steps}
    plan = Floorplan(BOARD, ("any", "deep"), (TREE, DEEP), {"expand": 1, "deep": 1, "classify": 0})
    with pytest.raises(RequestError, match="expand is not depthwise, but chunk 'deep' is a 'depthwise_rows' engine"):
        plan.report(shapes)


def test_what_exceeds_the_board_is_named_with_what_there_is() -> None:
    wide = replace(TREE, tile_out=64, tile_in=64, unroll_out=32, unroll_in=32)
    shapes = {step.name: step.layer.shape for step in design().steps}
    plan = Floorplan(BOARD, ("any",), (wide,), dict.fromkeys(shapes, 0))
    with pytest.raises(BudgetError, match=r"does not fit pynq-z2: dsp \d+ of 176"):
        plan.report(shapes).require()


def test_only_what_is_asked_for_is_built() -> None:
    whole = design()
    part = ChipDesign(whole.network, whole.plan, ("deep",))
    assert (whole.whole, part.whole) == (True, False)
    assert (part.names, part.modules, [step.name for step in part.steps]) == (("deep",), ("deep",), ["deep"])
    assert [chunk.name for chunk in part.report.chunks] == ["deep"]
    with pytest.raises(
        RequestError, match=r"no chunk runs a layer 'depe' \(did you mean 'deep'\?\); there are expand, deep, classify"
    ):
        ChipDesign(whole.network, whole.plan, ("depe",))


def test_names_of_chunks_become_modules() -> None:
    assert [module_word(name) for name in ("conv < 8", "depthwise >= 16", "0", "  ")] == [
        "conv_below_8", "depthwise_at_least_16", "chunk_0", "chunk",
    ]  # fmt: skip
    twice = replace(design().plan, names=("a b", "a-b"))
    assert ChipDesign(design().network, twice).modules == ("a_b", "a_b_1")
    assert (multipliers_of(TREE), is_depthwise(TREE), is_depthwise(DEEP)) == (4, False, True)

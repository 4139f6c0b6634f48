"""A pipeline as a problem: its scores are those of the readable design, with layers assigned or choosing their chunks."""

from collections.abc import Callable

import numpy as np
import pytest

from netchip.errors import RequestError
from netchip.hardware.choices import Choice, Choices
from netchip.hardware.fpga.assignment import Assignment
from netchip.hardware.fpga.board import load_board
from netchip.hardware.fpga.chunk import Chunk
from netchip.hardware.fpga.layer_table import LayerTable
from netchip.hardware.fpga.pipeline import evaluate_pipeline
from netchip.hardware.fpga.predictor import FpgaPredictor
from netchip.hardware.fpga.problem import PipelineProblem
from netchip.hardware.fpga.space import ChunkSpace, tiled_space
from netchip.hardware.search.exact import solve
from netchip.workload.layer import Layer

BOARD = load_board("pynq-z2")
LIMITS = {name: BOARD.limits[name] for name in ("dsp", "bram18", "lut", "ff")}
CONV = tiled_space(
    "conv", engines=("tree", "rows"), rows=(8, 4), columns=(8, 4), out=(16, 4), inputs=(8, 2), bits=(16, 8)
)
DEEP = tiled_space("deep", engines=("depthwise_channels",), rows=(8, 4), columns=(8,), out=(16, 4), bits=(16,))


@pytest.fixture
def layers(conv: Callable[..., Layer]) -> list[Layer]:
    return [
        conv("a", bits=8, in_size=(16, 16)),
        conv("b", bits=8, in_channels=8, out_channels=8, groups=8),
        conv("c", bits=8, kernel=(1, 1), out_channels=64),
    ]


def problem(layers: list[Layer], assignment: Assignment | None) -> PipelineProblem:
    bandwidth = BOARD.bandwidth_bits_per_cycle
    return PipelineProblem(LayerTable.of(layers), (CONV, DEEP), assignment, FpgaPredictor(BOARD), LIMITS, bandwidth)


RULE = Assignment(("conv", "deep"), (0, 1, 0))


@pytest.mark.parametrize("assigned", [True, False])
def test_scores_are_those_of_the_readable_design(layers: list[Layer], assigned: bool) -> None:
    own = problem(layers, RULE if assigned else None)
    picks = own.choices.drawn(np.random.default_rng(0), 200)
    scores = own.score(picks)
    assert scores.feasible.any()
    checked = 0
    for place in np.flatnonzero(np.isfinite(scores.cost))[:40]:
        design = picks[:, place]
        report = evaluate_pipeline(layers, own.chunks_of(design), own.assignment_of(design), BOARD)
        assert report.cycles == scores.cost[place]
        assert {name: report.usage[name] for name in LIMITS} == {n: v[place] for n, v in scores.usage.items()}
        assert (not report.over) == bool(scores.feasible[place])
        checked += 1
    assert checked > 10


def test_layers_that_choose_cannot_run_anywhere(layers: list[Layer]) -> None:
    own = problem(layers, None)
    picks = own.choices.drawn(np.random.default_rng(0), 200)
    on_deep = (picks[-3] == 1) | (picks[-1] == 1)  # layers a and c are not depthwise
    assert np.isinf(own.score(picks).excess[on_deep]).all()
    assert np.isfinite(own.score(picks).fitness).all()


def test_exact_is_no_worse_than_many_at_random(layers: list[Layer]) -> None:
    own = problem(layers, RULE)
    found = solve(own)
    scores = own.score(own.choices.drawn(np.random.default_rng(1), 5000))
    assert found.cost <= scores.cost[scores.feasible].min()
    report = evaluate_pipeline(layers, own.chunks_of(found.picks), RULE, BOARD)
    assert (report.cycles, report.over) == (found.cost, {})


def test_many_are_scored_as_one_by_one(layers: list[Layer]) -> None:
    own = problem(layers, RULE)
    picks = own.choices.drawn(np.random.default_rng(2), 5000)  # more than are priced at once
    scores = own.score(picks)
    for place in (0, 4095, 4096, 4999):
        assert own.score(picks[:, place : place + 1]).cost[0] == scores.cost[place]


def test_what_does_not_belong_together_is_refused(layers: list[Layer]) -> None:
    with pytest.raises(RequestError, match="the assignment is of 1 layers to 2 chunks, but there are 3 and 2"):
        problem(layers, Assignment(("conv", "deep"), (0,)))
    with pytest.raises(RequestError, match="gold is limited, but this predictor counts dsp, bram18, uram, lut, ff"):
        PipelineProblem(LayerTable.of(layers), (CONV, DEEP), RULE, FpgaPredictor(BOARD), {"gold": 1})
    with pytest.raises(RequestError, match="a pipeline needs at least one chunk"):
        PipelineProblem(LayerTable.of(layers), (), None, FpgaPredictor(BOARD), {})
    with pytest.raises(
        RequestError, match="chunks depend on each other while layers choose theirs; give an assignment"
    ):
        solve(problem(layers, None))
    base = Chunk(tile_out=1, tile_in=1, tile_rows=1, tile_columns=1)
    with pytest.raises(RequestError, match=r"c: a chunk has no 'tile_width' \(did you mean"):
        ChunkSpace("c", base, Choices((Choice("tile_width", (1,)),)))

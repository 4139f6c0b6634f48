"""Contiguous partitions with the chunks that suit them."""

import itertools
from collections.abc import Callable
from dataclasses import replace

import pytest

from netchip.errors import BudgetError, RequestError
from netchip.hardware.fpga.assignment import Assignment
from netchip.hardware.fpga.board import load_board
from netchip.hardware.fpga.layer_table import LayerTable
from netchip.hardware.fpga.partition import solve_contiguous
from netchip.hardware.fpga.predictor import FpgaPredictor
from netchip.hardware.fpga.problem import PipelineProblem
from netchip.hardware.fpga.space import tiled_space
from netchip.hardware.search.exact import solve
from netchip.workload.layer import Layer

BOARD = load_board("zc706")


def problem(layers: list[Layer], *engines: str, dsp: float = 80) -> PipelineProblem:
    spaces = tuple(
        tiled_space(f"chunk{place}", engines=(engine,), rows=(8, 2), columns=(8,), out=(16, 4), inputs=(8, 2))
        for place, engine in enumerate(engines)
    )
    return PipelineProblem(LayerTable.of(layers), spaces, None, FpgaPredictor(BOARD), {"dsp": dsp})


def test_no_worse_than_equal_shares_and_near_the_best_of_all(conv: Callable[..., Layer]) -> None:
    layers = [conv(f"l{place}", in_channels=8, out_channels=8 * (1 + place % 3), in_size=(8, 8)) for place in range(6)]
    own = problem(layers, "tree", "tree")
    found, partition = solve_contiguous(own)
    assert list(partition.chunk) == sorted(partition.chunk)
    assert solve(replace(own, assignment=partition)).cost == found.cost
    every = [
        solve(replace(own, assignment=Assignment(partition.names, chunks))).cost
        for chunks in itertools.combinations_with_replacement(range(2), 6)
    ]
    assert min(every) <= found.cost <= 1.1 * min(every)


def test_layers_go_where_they_can_run(conv: Callable[..., Layer]) -> None:
    deep = conv("deep", in_channels=8, out_channels=8, groups=8)
    _, partition = solve_contiguous(problem([conv("a"), deep, replace(deep, name="deep2")], "tree", "depthwise_rows"))
    assert partition.chunk[0] == 0
    with pytest.raises(RequestError, match="layer 1 runs on no chunk"):
        solve_contiguous(problem([deep, conv("a")], "depthwise_rows", "depthwise_channels"))


def test_limits_that_nothing_meets_are_named(conv: Callable[..., Layer]) -> None:
    with pytest.raises(BudgetError, match="no design meets these limits; the nearest uses dsp"):
        solve_contiguous(problem([conv("a"), conv("b")], "tree", "tree", dsp=1))

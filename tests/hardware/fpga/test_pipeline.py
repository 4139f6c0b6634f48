"""A pipeline on a board: parts add up to the whole, the DRAM is shared, and what is over is named."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from netchip.errors import BudgetError, RequestError
from netchip.hardware.fpga.assignment import Assignment
from netchip.hardware.fpga.board import Board, load_board
from netchip.hardware.fpga.chunk import Chunk, ChunkBatch
from netchip.hardware.fpga.layer_table import LayerTable
from netchip.hardware.fpga.pipeline import evaluate_pipeline
from netchip.hardware.fpga.predictor import FpgaPredictor
from netchip.workload.layer import Layer

BOARD = load_board("zc706")
TREE = Chunk(tile_out=8, tile_in=8, tile_rows=8, tile_columns=8, unroll_out=4, unroll_in=4)
DEEP = replace(TREE, engine="depthwise_rows", unroll_rows=4)
TWO = Assignment(("conv", "deep"), (0, 1, 0))


@pytest.fixture
def layers(conv: Callable[..., Layer]) -> list[Layer]:
    return [conv("a"), conv("b", in_channels=8, out_channels=8, groups=8), conv("c", kernel=(1, 1), out_channels=64)]


def at(bits_per_s: float) -> Board:
    return BOARD.changed(bandwidth_bits_per_s={"value": bits_per_s, "source": "made up"})


def test_parts_are_those_of_the_predictor(layers: list[Layer]) -> None:
    found = evaluate_pipeline(layers, [TREE, DEEP], TWO, BOARD)
    own = FpgaPredictor(BOARD)(LayerTable.of([layers[0], layers[2]]), ChunkBatch.of([TREE]))
    assert found.chunks[0].cycles == own.cycles.sum()
    assert found.usage["dsp"] == 16 + 4 + 2 * 8  # two slices for each of the outputs in a word
    assert found.cycles == max(chunk.cycles for chunk in found.chunks)
    assert found.bound_by == max(found.chunks, key=lambda chunk: chunk.cycles).name
    assert found.fps == pytest.approx(200e6 / found.cycles)
    assert found.first_frame_s == pytest.approx(sum(chunk.cycles for chunk in found.chunks) / 200e6)
    assert sum(chunk.traffic_share for chunk in found.chunks) == pytest.approx(1)
    assert all(0 < layer.utilisation <= 1 for chunk in found.chunks for layer in chunk.layers)
    found.require()


def test_the_dram_is_shared(layers: list[Layer]) -> None:
    slow = evaluate_pipeline(layers, [TREE, DEEP], TWO, at(1e9))
    assert slow.bound_by == "dram"
    assert slow.cycles == pytest.approx(slow.traffic_bits / 5)


def test_what_bounds_a_layer(layers: list[Layer]) -> None:
    def bounds(chunk: Chunk) -> set[str]:
        report = evaluate_pipeline(layers[:1], [chunk], Assignment(("one",), (0,)), BOARD)
        return {layer.bound_by for each in report.chunks for layer in each.layers}

    assert bounds(replace(TREE, unroll_out=1)) == {"compute"}
    assert bounds(replace(TREE, port_bits=1)) == {"port"}
    apart = replace(TREE, port_bits=1, shared_port=False, unroll_in=1)
    assert bounds(apart) == {"outputs"}  # 8,192 bits of a tile, 8,000 of inputs
    assert bounds(replace(apart, tile_out=4)) == {"inputs"}
    assert bounds(replace(apart, unroll_in=4)) == {"inputs"}  # padded up to 8 channels


def test_what_is_over_is_named(layers: list[Layer]) -> None:
    found = evaluate_pipeline(layers, [TREE, DEEP], TWO, BOARD, limits={"dsp": 10, "bram18": 1000, "uram": 0})
    assert found.over == {"dsp": 2.6}
    with pytest.raises(BudgetError, match="does not fit zc706: dsp 36 of 10; take smaller tiles or unrolls"):
        found.require()


def test_a_chunk_without_layers_is_not_built(layers: list[Layer]) -> None:
    idle = Assignment(("conv", "idle", "deep"), (0, 2, 0))
    found = evaluate_pipeline(layers, [TREE, replace(TREE, unroll_out=8), DEEP], idle, BOARD)
    assert [chunk.name for chunk in found.chunks] == ["conv", "deep"]
    assert found.usage["dsp"] == 36


def test_what_a_chunk_cannot_run_is_named(layers: list[Layer]) -> None:
    with pytest.raises(RequestError, match="a is not depthwise, but chunk 'deep' is a 'depthwise_rows' engine"):
        evaluate_pipeline(layers, [TREE, DEEP], Assignment(("conv", "deep"), (1, 1, 0)), BOARD)
    with pytest.raises(RequestError, match="a has 16-bit weights and 16-bit inputs, but chunk 'conv' has 8 and 16"):
        evaluate_pipeline(layers, [replace(TREE, weight_bits=8), DEEP], TWO, BOARD)
    with pytest.raises(RequestError, match="the assignment has 3 layers and 2 chunks, but 3 and 1 were given"):
        evaluate_pipeline(layers, [TREE], TWO, BOARD)


def test_layers_that_no_frame_runs_take_nothing(layers: list[Layer]) -> None:
    idle = [replace(layer, execution_rate=0.0) for layer in layers]
    found = evaluate_pipeline(idle, [TREE, DEEP], TWO, BOARD)
    assert (found.cycles, found.fps, found.traffic_bits) == (0, float("inf"), 0)
    assert [layer.utilisation for chunk in found.chunks for layer in chunk.layers] == [0, 0, 0]


def test_a_network_of_one_layer(layers: list[Layer]) -> None:
    found = evaluate_pipeline(layers[:1], [TREE, DEEP], Assignment(("conv", "deep"), (0,)), BOARD)
    assert [chunk.name for chunk in found.chunks] == ["conv"]
    assert found.first_frame_s == pytest.approx(found.cycles / 200e6)

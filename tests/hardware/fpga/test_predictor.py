"""The predictor: figures worked out by hand, a walk over all tiles, properties, and both namespaces."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import array_api_compat.torch
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netchip.errors import RequestError
from netchip.hardware.fpga.board import load_board
from netchip.hardware.fpga.chunk import ENGINES, Chunk, ChunkBatch
from netchip.hardware.fpga.cycles import LAYER_CYCLES, TO_A_SUM_CYCLES, TO_A_WORD_CYCLES, WORDS_AHEAD, tile_times
from netchip.hardware.fpga.layer_table import LayerTable
from netchip.hardware.fpga.packing import tile_words
from netchip.hardware.fpga.predictor import RESOURCES, FpgaPredictor, Prediction
from netchip.hardware.fpga.tiling import tiles_of
from netchip.hardware.fpga.unrolls import unrolls_of
from netchip.workload.layer import Layer
from netchip.workload.shape import LayerShape

REQUANTISERS = 2 * 4
"""Slices of the requantisers of a port of 64 bits, for outputs of 16."""

ZC706 = FpgaPredictor(load_board("zc706"))
TREE = Chunk(tile_out=4, tile_in=2, tile_rows=4, tile_columns=7, unroll_out=2, unroll_in=2, shared_port=False)


UP = Layer("up", LayerShape.conv(in_channels=1, out_channels=1, in_size=(4, 4), kernel=(2, 2), transposed=True))


def predict(layer: Layer, chunk: Chunk, predictor: FpgaPredictor = ZC706) -> Prediction:
    return predictor(LayerTable.of([layer]), ChunkBatch.of([chunk]))


def usage(found: Prediction) -> dict[str, float]:
    return {name: float(value[0]) for name, value in found.usage.items()}


def test_a_strided_convolution_by_hand(conv: Callable[..., Layer]) -> None:
    # 10 x 5 channels, 3x3, stride 2 onto 7x7: 3 x 2 x 1 output tiles of 3 steps. A step takes 2*1*4*7*9 = 504 cycles. A word of 4
    # elements holds 2 columns of 2 input channels: 9 rows of 15 columns are 9*8 words; 72 weights are 18, 112 outputs 28.
    found = predict(conv(stride=(2, 2)), TREE)
    assert found.cycles.tolist() == [[72 + 6 * 3 * 504 + 28 + LAYER_CYCLES + 1]]
    assert found.traffic_bits.tolist() == [[6 * (3 * (72 + 18) + 28) * 64]]
    # Inputs: 2 banks of 2 x 128 words of 32 bits. Weights: 4 of 2 x 32 words of 16 bits. Sums: 2 x 4 of 32 words of 32 bits.
    # Parameters: 2 banks of 3 x 2 words of 61 bits, which are logic of the requantisers.
    # Two adders of 33 bits, four requantisers, two sums of 32 bits.
    luts, ffs = np.ceil(365 + 4 * 357 + 0.98 * 66 + 1.63 * 64), np.ceil(346 + 4 * 135 + 0.93 * 66 + 0.29 * 64)
    assert usage(found) == {"dsp": 4 + REQUANTISERS, "bram18": 2 + 4 + 8, "uram": 0, "lut": luts, "ff": ffs}


def test_one_port_for_all_by_hand(conv: Callable[..., Layer]) -> None:
    slow = replace(TREE, shared_port=True, port_bits=2)
    # In 2 bits a cycle a step loads 2,160 + 576 and a tile stores 896, more than 504 to compute and 11 on the way to a word.
    last = LAYER_CYCLES + 1
    assert predict(conv(stride=(2, 2)), slow).cycles.tolist() == [
        [6 * (3 * 2736 + 896) + LAYER_CYCLES - TO_A_WORD_CYCLES]
    ]
    apart = predict(conv(stride=(2, 2)), replace(slow, shared_port=False))
    assert apart.cycles.tolist() == [[6 * 3 * 2160 + 504 + 896 + last]]


def test_what_the_end_of_a_shared_port_hides_by_hand(conv: Callable[..., Layer]) -> None:
    # 3 tiles of 28 + 1 words to load and 8 to store, 8 cycles to compute and 10 on the way to a word. After the last load the 8
    # words of the tile before wait, and 5 of the one before that are under way: for 18 - 13 cycles the port is idle.
    layer = conv(in_channels=6, out_channels=6, groups=6, in_size=(7, 7), kernel=(1, 1), stride=(2, 2), padding=(0, 0))
    chunk = Chunk(
        engine="depthwise_free", tile_out=2, tile_in=2, tile_rows=4, tile_columns=4, unroll_out=2, unroll_rows=2,
    )  # fmt: skip
    idle = 8 + TO_A_WORD_CYCLES - 8 - WORDS_AHEAD
    assert predict(layer, chunk).cycles.tolist() == [[3 * (28 + 1 + 8) + idle + LAYER_CYCLES - TO_A_WORD_CYCLES]]


def test_a_depthwise_engine_by_hand(conv: Callable[..., Layer]) -> None:
    layer = conv(in_channels=8, out_channels=8, groups=8, in_size=(4, 4))
    chunk = Chunk(engine="depthwise_channels", tile_out=3, tile_in=9, tile_rows=4, tile_columns=4, unroll_out=3)
    # 3 tiles of 3 channels; a tile computes 16 * 9. A word holds the three channels of a place: 36 of inputs, 9 of weights, and of
    # outputs 16, whose fourth element is nothing's.
    found = predict(layer, chunk)
    assert found.cycles.tolist() == [[36 + 9 + 3 * 144 + 16 + LAYER_CYCLES]]
    assert float(found.dsp[0]) == 3 + REQUANTISERS
    plain = predict(layer, replace(chunk, engine="broadcast"))  # a channel at a time, whatever is unrolled
    assert plain.cycles.tolist() == [
        [12 + 9 + 8 * 144 + 16 + LAYER_CYCLES]
    ]  # a word holds 4 of the 6 columns of inputs


def test_groups_one_after_the_other_by_hand(conv: Callable[..., Layer]) -> None:
    layer = conv(in_channels=8, out_channels=8, groups=2, in_size=(4, 4), kernel=(1, 1))
    chunk = Chunk(tile_out=8, tile_in=8, tile_rows=4, tile_columns=4, unroll_out=8, unroll_in=8)
    # Each of 2 groups is a tile of 4 x 4 channels, padded up to 8 x 8: 32 + 16 words to load, 32 to store, 16 cycles to compute.
    # On the way to a word are 13 more, three for the adders, but the first tile's 32 words pass meanwhile.
    assert predict(layer, chunk).cycles.tolist() == [[2 * (32 + 16 + 32) + LAYER_CYCLES - TO_A_WORD_CYCLES]]


def test_dilation_widens_the_tile_that_is_read(conv: Callable[..., Layer]) -> None:
    layer = conv(in_channels=1, out_channels=1, in_size=(8, 8), dilation=(2, 2), padding=(2, 2))
    chunk = Chunk(tile_out=1, tile_in=1, tile_rows=4, tile_columns=4)
    assert predict(layer, chunk).traffic_bits.tolist() == [[4 * (8 * 2 + 3 + 4) * 64]]


def test_rows_side_by_side_hold_their_halos_by_hand(conv: Callable[..., Layer]) -> None:
    # 5 rows on 2 units are 3 each: the tile is padded up to 6 rows, 8 of inputs, and a bank holds 5 lines of 2 words of 4 columns.
    layer = conv(in_channels=1, out_channels=1, in_size=(5, 5))
    chunk = Chunk(engine="rows", tile_out=1, tile_in=1, tile_rows=5, tile_columns=5, unroll_rows=2)
    assert predict(layer, chunk).cycles.tolist() == [[8 * 2 + 3 + 3 * 5 * 9 + 8 + LAYER_CYCLES]]


def test_a_step_of_one_cycle_waits_another(conv: Callable[..., Layer]) -> None:
    layer = conv(in_channels=64, out_channels=1, in_size=(1, 1), kernel=(1, 1))
    chunk = Chunk(tile_out=1, tile_in=4, tile_rows=1, tile_columns=1, unroll_in=4, shared_port=False)
    assert predict(layer, chunk).cycles.tolist() == [[1 + 16 * 2 - 1 + 1 + LAYER_CYCLES + 2]]


@pytest.mark.parametrize(
    ("bits", "unrolls", "engine", "slices"),
    [
        (16, (3, 3), "tree", 9),
        (8, (3, 3), "tree", 6),  # pairs of output channels share an input: 2 * 3
        (4, (5, 3), "tree", 6),
        (6, (4, 1), "broadcast", 2),
        (20, (3, 1), "broadcast", 6),  # 20 x 20 bits take two slices of 25 x 18
        (8, (4, 1), "depthwise_channels", 4),  # channels of a depthwise layer share nothing
    ],
)
def test_whole_slices(bits: int, unrolls: tuple[int, int], engine: str, slices: int) -> None:
    chunk = Chunk(
        engine=engine, tile_out=8, tile_in=8, tile_rows=8, tile_columns=8, unroll_out=unrolls[0], unroll_in=unrolls[1],
        weight_bits=bits, input_bits=bits,
    )  # fmt: skip
    layer = Layer("dw", LayerShape.conv(in_channels=8, out_channels=8, groups=8, in_size=(8, 8), kernel=(1, 1)))
    assert float(predict(layer, chunk).dsp[0]) == slices + REQUANTISERS
    in_luts = predict(layer, replace(chunk, lut_multipliers=True))
    assert float(in_luts.dsp[0]) == REQUANTISERS
    assert float(in_luts.lut[0]) > float(predict(layer, chunk).lut[0])


# A walk, cycle by cycle ------------------------------------------------------------------------------------------------------

CHUNKS = st.builds(
    lambda engine, tiles, shares, bits, port: Chunk(
        engine=engine,
        **{f"tile_{part}": tile for part, tile in zip(("out", "in", "rows", "columns"), tiles, strict=True)},
        **{
            f"unroll_{part}": max(1, tile // share)
            for part, tile, share in zip(("out", "in", "rows", "columns"), tiles, shares, strict=True)
        },
        weight_bits=bits,
        input_bits=bits,
        port_bits=port,
        shared_port=False,
    ),
    st.sampled_from([engine.name for engine in ENGINES]),
    st.tuples(*[st.integers(1, 8)] * 4),
    st.tuples(*[st.integers(1, 4)] * 4),
    st.sampled_from([4, 8, 16]),
    st.sampled_from([8, 64]),
)


@st.composite
def layers_(draw: st.DrawFn) -> Layer:
    kernel, stride, groups = draw(st.sampled_from([1, 3])), draw(st.integers(1, 2)), draw(st.sampled_from([1, 2, 4]))
    channels = groups * draw(st.integers(1, 3)), groups * draw(st.integers(1, 3))
    shape = LayerShape.conv(
        in_channels=channels[0],
        out_channels=channels[1],
        groups=groups,
        in_size=(draw(st.integers(1, 9)), draw(st.integers(1, 9))),
        kernel=(kernel, kernel),
        stride=(stride, stride),
        padding=(kernel // 2, kernel // 2),
    )
    from netchip.workload.encoding import Precision

    return Layer("layer", shape, precision=Precision(weight_bits=4, input_bits=4))


@dataclass(frozen=True)
class Walk:
    """What a layer asks of a chunk: tiles, steps of each, cycles of a step, words to load and to store, stages of adders."""

    blocks: int
    steps: int
    compute: int
    inputs: int
    weights: int
    outputs: int
    adding: int

    def cycles(self, shared: bool) -> int:
        """Loading, computing and storing, cycle by cycle: two halves of each buffer, words in turns on a shared port.

        The store has words under way, and frees a half of the sums once the last one is: the chip's own rules.
        """
        tiles, sent, full = self.blocks * self.steps, [0, 0], [[False, False], [False, False]]
        words, turn, landing, way, freed = [0, 0], 0, list[int](), list[int](), list[int]()
        to_sum, to_word = TO_A_SUM_CYCLES + self.adding, TO_A_WORD_CYCLES - TO_A_SUM_CYCLES
        begun = finished = taken = issued = stored = left = cycles = 0
        while stored < self.blocks * self.outputs:
            landed = sum(end + to_sum <= cycles for end in landing)
            free = sum(end < cycles for end in freed)
            ready = bool(way) and way[0] + to_word <= cycles
            loads = ([] if landed - free >= 2 and ready else [turn]) if shared else [0, 1]
            loads = [each for each in loads if sent[each] < tiles and not full[each][sent[each] % 2]]
            if (
                left == 0
                and begun < tiles
                and all(each[begun % 2] for each in full)
                and (begun % self.steps or taken - sum(end <= cycles for end in freed) < 2)
            ):
                taken += begun % self.steps == 0
                begun, left = begun + 1, self.compute
            passes = ready and not (shared and loads)
            if (not ready or passes) and issued < landed * self.outputs:
                way.append(cycles)
                issued += 1
                if issued % self.outputs == 0:
                    freed.append(cycles + 1)
            if passes:
                way.pop(0)
                stored += 1
            for each in loads:
                words[each] += 1
                if words[each] == (self.inputs, self.weights)[each]:
                    full[each][sent[each] % 2] = True
                    words[each], sent[each], turn = 0, sent[each] + 1, 1 - turn
            left -= left > 0
            if left == 0 and begun > finished:
                for each in full:
                    each[finished % 2] = False
                finished += 1
                if finished % self.steps == 0:
                    landing.append(cycles + 1)
            cycles += 1
        return cycles


@settings(max_examples=80, deadline=None)
@given(layers_(), CHUNKS, st.booleans())
def test_the_closed_form_is_the_walk(layer: Layer, chunk: Chunk, shared: bool) -> None:
    chunk = replace(chunk, shared_port=shared)
    table, batch = LayerTable.of([layer]), ChunkBatch.of([chunk])
    found = ZC706(table, batch)
    if not bool(found.runs[0, 0]):
        return
    unrolls, tiles = unrolls_of(batch, np), tiles_of(table, batch, np)
    times = tile_times(tile_words(table, batch, tiles, unrolls, np), np)
    numbers = (tiles.blocks, tiles.steps, times.compute, times.inputs, times.weights, times.outputs)
    adding = int(np.ceil(np.log2(unrolls.inputs[0])))
    cycles = Walk(*(int(each[0, 0]) for each in numbers), adding).cycles(shared)
    alone = LAYER_CYCLES - TO_A_WORD_CYCLES - times.idle[0, 0]
    assert found.cycles[0, 0] == pytest.approx(cycles + alone, rel=0.2 if shared else 0, abs=5)


# Properties -----------------------------------------------------------------------------------------------------------------


@settings(max_examples=100, deadline=None)
@given(layers_(), CHUNKS, st.booleans())
def test_costs_are_finite_and_no_unit_does_two_things_at_once(layer: Layer, chunk: Chunk, shared: bool) -> None:
    found = predict(layer, replace(chunk, shared_port=shared))
    engine = next(each for each in ENGINES if each.name == chunk.engine)
    units = np.prod([
        getattr(chunk, f"unroll_{part}")
        for part, has in (("out", engine.out), ("in", engine.inputs), ("rows", engine.rows), ("columns", engine.columns))
        if has
    ])  # fmt: skip
    for value in (found.cycles, found.traffic_bits, *found.usage.values()):
        assert np.isfinite(value).all()
        assert (value >= 0).all()
    if bool(found.runs[0, 0]):
        assert found.cycles[0, 0] * units >= layer.shape.macs
        assert (
            found.traffic_bits[0, 0]
            >= layer.shape.weights * chunk.weight_bits + layer.shape.outputs * chunk.output_bits
        )
    assert all(float(value[0]).is_integer() for value in found.usage.values())


@settings(max_examples=100, deadline=None)
@given(layers_(), CHUNKS, st.sampled_from(["out", "in", "rows", "columns"]))
def test_a_wider_port_never_takes_longer_and_more_units_never_fewer_slices(
    layer: Layer, chunk: Chunk, part: str
) -> None:
    found = predict(layer, chunk)
    more = replace(chunk, **{f"unroll_{part}": getattr(chunk, f"tile_{part}")})
    assert float(predict(layer, more).dsp[0]) >= float(found.dsp[0])
    assert predict(layer, replace(chunk, port_bits=2 * chunk.port_bits)).cycles[0, 0] <= found.cycles[0, 0]
    assert predict(layer, replace(chunk, shared_port=True)).cycles[0, 0] >= found.cycles[0, 0]


@settings(max_examples=60, deadline=None)
@given(layers_(), CHUNKS)
def test_fewer_bits_never_cost_more_but_for_look_up_tables_and_their_registers(layer: Layer, chunk: Chunk) -> None:
    wide = predict(layer, replace(chunk, weight_bits=16, input_bits=16))
    narrow = predict(layer, replace(chunk, weight_bits=8, input_bits=8))
    for name in ("cycles", "traffic_bits", "dsp", "bram18"):  # narrow banks go into look-up tables
        assert (getattr(narrow, name) <= getattr(wide, name)).all()
    if float(narrow.bram18[0]) == float(wide.bram18[0]):
        assert float(narrow.ff[0]) <= float(wide.ff[0])


def test_buffers_are_as_large_as_the_largest_layer_needs(conv: Callable[..., Layer]) -> None:
    small, large = conv("small", in_size=(5, 5)), conv("large", in_size=(40, 40), kernel=(5, 5))
    chunk = Chunk(tile_out=8, tile_in=8, tile_rows=40, tile_columns=40, unroll_out=2, unroll_in=2)
    table, batch = LayerTable.of([small, large]), ChunkBatch.of([chunk, chunk])
    both = ZC706(table, batch)
    only = ZC706(table, batch, np.array([[True, True], [False, True]]))
    assert float(both.bram18[0]) == float(predict(large, chunk).bram18[0])
    assert only.bram18.tolist() == [float(predict(small, chunk).bram18[0]), float(predict(large, chunk).bram18[0])]


def test_what_runs_where(conv: Callable[..., Layer]) -> None:
    plain, deep, wide = conv(), conv(in_channels=4, out_channels=4, groups=4), conv(bits=17)
    chunks = [TREE, replace(TREE, engine="depthwise_rows"), replace(TREE, weight_bits=18, input_bits=18)]
    found = ZC706(LayerTable.of([plain, deep, wide]), ChunkBatch.of(chunks))
    assert found.runs.tolist() == [[True, False, True], [True, True, True], [False, False, True]]


def test_many_at_once_are_each_alone(conv: Callable[..., Layer]) -> None:
    layers = [conv(f"{size}", in_size=(size, size)) for size in (3, 8, 13)]
    tiles = np.arange(1.0, 40_001.0) % 16 + 1  # several blocks
    batch = ChunkBatch.over(TREE, {"tile_out": tiles, "unroll_out": np.ceil(tiles / 2)})
    found = ZC706(LayerTable.of(layers), batch)
    for index in (0, 17, 39_999):
        alone = ZC706(LayerTable.of(layers), ChunkBatch.of([batch.row(index)]))
        assert found.cycles[:, index].tolist() == alone.cycles[:, 0].tolist()
        assert {name: value[index] for name, value in found.usage.items()} == usage(alone)


def test_tensors_give_the_same(conv: Callable[..., Layer]) -> None:
    xp = array_api_compat.torch
    layers = [conv(), conv("two", stride=(2, 2))]
    found = ZC706(LayerTable.of(layers, xp=xp), ChunkBatch.of([TREE], xp=xp))
    wanted = ZC706(LayerTable.of(layers), ChunkBatch.of([TREE]))
    assert found.cycles.tolist() == wanted.cycles.tolist()
    assert [found.usage[name].tolist() for name in RESOURCES] == [wanted.usage[name].tolist() for name in RESOURCES]


def test_a_layer_that_half_of_the_frames_run_takes_half(conv: Callable[..., Layer]) -> None:
    layer = conv()
    half = Layer("half", layer.shape, precision=layer.precision, execution_rate=0.5)
    assert predict(half, TREE).cycles[0, 0] == predict(layer, TREE).cycles[0, 0] / 2


@pytest.mark.parametrize(
    ("layer", "message"),
    [
        (UP, "up is a transposed"),
        (Layer("dot", LayerShape.matmul(rows=2, inner=2, columns=2)), "dot is a product of two activations, which no"),
        (
            Layer("fc", LayerShape.linear(batch=2, in_features=2, out_features=2)),
            "fc has batch = 2; engines take a frame",
        ),
    ],
)
def test_layers_that_no_engine_runs_are_named(layer: Layer, message: str) -> None:
    with pytest.raises(RequestError, match=message):
        LayerTable.of([layer])


def test_chunks_that_cannot_be_are_refused() -> None:
    with pytest.raises(RequestError, match="unroll_out = 5 is above tile_out = 4"):
        replace(TREE, unroll_out=5)
    with pytest.raises(RequestError, match="tile_rows = 0: give a whole number of at least 1"):
        replace(TREE, tile_rows=0)
    with pytest.raises(RequestError, match=r"no engine is called 'treee' \(did you mean 'tree'\?\)"):
        replace(TREE, engine="treee")
    with pytest.raises(RequestError, match="a chunk needs tile_in"):
        Chunk.parse({"tile_out": 1})
    with pytest.raises(RequestError, match=r"a chunk has no 'tile_width' \(did you mean"):
        Chunk.parse({"tile_width": 1})

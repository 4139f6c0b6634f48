"""The predictor: figures worked out by hand, a walk over all tiles, properties, and both namespaces."""

from collections.abc import Callable
from dataclasses import replace

import array_api_compat.torch
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netchip.errors import RequestError
from netchip.hardware.fpga.board import load_board
from netchip.hardware.fpga.chunk import ENGINES, Chunk, ChunkBatch
from netchip.hardware.fpga.layer_table import LayerTable
from netchip.hardware.fpga.predictor import RESOURCES, FpgaPredictor, Prediction
from netchip.workload.layer import Layer
from netchip.workload.shape import LayerShape

ZC706 = FpgaPredictor(load_board("zc706"))
TREE = Chunk(tile_out=4, tile_in=2, tile_rows=4, tile_columns=7, unroll_out=2, unroll_in=2, shared_port=False)


UP = Layer("up", LayerShape.conv(in_channels=1, out_channels=1, in_size=(4, 4), kernel=(2, 2), transposed=True))


def predict(layer: Layer, chunk: Chunk, predictor: FpgaPredictor = ZC706) -> Prediction:
    return predictor(LayerTable.of([layer]), ChunkBatch.of([chunk]))


def usage(found: Prediction) -> dict[str, float]:
    return {name: float(value[0]) for name, value in found.usage.items()}


def test_a_strided_convolution_by_hand(conv: Callable[..., Layer]) -> None:
    # 10 x 5 channels, 3x3, stride 2 onto 7x7: 3 x 2 x 1 output tiles of 3 steps. A tile computes 2*1*4*7*9 + 5 = 509 cycles,
    # loads 2*9*15 = 270 inputs in ceil(67.5) and 72 weights in 18, stores 112 outputs in 28.
    found = predict(conv(stride=(2, 2)), TREE)
    assert found.cycles.tolist() == [[6 * 3 * 509 + 68 + 18 + 28]]
    assert found.traffic_bits.tolist() == [[6 * (3 * (270 + 72) + 112) * 16]]
    # Inputs: 4 banks of 135 words of 16 bits. Weights: 8 banks of 18 words, in look-up tables, 32 each. Sums: 4 banks of 56 words.
    assert usage(found) == {
        "dsp": 4,
        "bram18": 8,
        "uram": 0,
        "lut": np.ceil(300 + 1.1 * 66) + 256,
        "ff": 4 * 32 + 66 + 2 * 32,
    }


def test_one_port_for_all_by_hand(conv: Callable[..., Layer]) -> None:
    slow = replace(TREE, shared_port=True, port_bits=2)
    # In 2 bits a cycle a step loads 2,160 + 576 and a tile stores 896, more than 3 * 509 to compute.
    assert predict(conv(stride=(2, 2)), slow).cycles.tolist() == [[6 * (3 * 2736 + 896) + 2736 + 896]]
    assert predict(conv(stride=(2, 2)), replace(slow, shared_port=False)).cycles.tolist() == [
        [6 * 3 * 2160 + 2736 + 896]
    ]


def test_a_depthwise_engine_by_hand(conv: Callable[..., Layer]) -> None:
    layer = conv(in_channels=8, out_channels=8, groups=8, in_size=(4, 4))
    chunk = Chunk(engine="depthwise_channels", tile_out=3, tile_in=9, tile_rows=4, tile_columns=4, unroll_out=3)
    # 3 tiles of 3 channels; a tile computes 16 * 9 + 4 and moves 3*36 inputs, 27 weights, 48 outputs, 4 words a cycle.
    found = predict(layer, chunk)
    assert found.cycles.tolist() == [[3 * 148 + 27 + 7 + 12]]
    assert float(found.dsp[0]) == 3
    plain = predict(layer, replace(chunk, engine="broadcast"))  # a channel at a time, whatever is unrolled
    assert plain.cycles.tolist() == [[8 * 148 + 9 + 3 + 4]]


def test_groups_one_after_the_other_by_hand(conv: Callable[..., Layer]) -> None:
    layer = conv(in_channels=8, out_channels=8, groups=2, in_size=(4, 4), kernel=(1, 1))
    chunk = Chunk(tile_out=8, tile_in=8, tile_rows=4, tile_columns=4, unroll_out=8, unroll_in=8)
    # Each of 2 groups is one tile of 4 x 4 channels: 16 + 4 + 3 cycles, and a port of 4 words: 16 + 4 to load, 16 to store.
    assert predict(layer, chunk).cycles.tolist() == [[2 * 36 + 36]]


def test_dilation_widens_the_tile_that_is_read(conv: Callable[..., Layer]) -> None:
    layer = conv(in_channels=1, out_channels=1, in_size=(8, 8), dilation=(2, 2), padding=(2, 2))
    chunk = Chunk(tile_out=1, tile_in=1, tile_rows=4, tile_columns=4)
    assert predict(layer, chunk).traffic_bits.tolist() == [[4 * (8 * 8 + 9 + 16) * 16]]


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
    assert float(predict(layer, chunk).dsp[0]) == slices
    in_luts = predict(layer, replace(chunk, lut_multipliers=True))
    assert float(in_luts.dsp[0]) == 0
    assert float(in_luts.lut[0]) > float(predict(layer, chunk).lut[0])


# A walk over all tiles ------------------------------------------------------------------------------------------------------

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


def walked(layer: Layer, chunk: Chunk) -> tuple[int, int, int]:
    """Cycles of a pipeline of loading, computing and storing, tile after tile with two buffers each; MACs and the longest block."""
    shape, engine = layer.shape, next(each for each in ENGINES if each.name == chunk.engine)
    unroll = {
        part: getattr(chunk, f"unroll_{part}") if has else 1
        for part, has in (
            ("out", engine.out),
            ("in", engine.inputs),
            ("rows", engine.rows),
            ("columns", engine.columns),
        )
    }
    groups, outs = (1, shape.groups) if engine.depthwise else (shape.groups, shape.out_channels)
    tile_out, tile_in = min(chunk.tile_out, outs), min(chunk.tile_in, shape.in_channels)
    tile_rows, tile_columns = min(chunk.tile_rows, shape.out_height), min(chunk.tile_columns, shape.out_width)
    kernel = shape.kernel_height
    channels = tile_out if engine.depthwise else tile_in
    up = lambda a, b: -(-a // b)  # noqa: E731
    reads = channels * ((tile_rows - 1) * shape.stride[0] + kernel) * ((tile_columns - 1) * shape.stride[1] + kernel)
    load = max(
        up(reads * chunk.input_bits, chunk.port_bits),
        up(tile_out * tile_in * kernel**2 * chunk.weight_bits, chunk.port_bits),
    )
    store = up(tile_out * tile_rows * tile_columns * chunk.output_bits, chunk.port_bits)
    work = (
        4
        + (unroll["in"] - 1).bit_length()
        + kernel**2
        * up(tile_out, unroll["out"])
        * up(tile_in, unroll["in"])
        * up(tile_rows, unroll["rows"])
        * up(tile_columns, unroll["columns"])
    )
    loaded, computed, stored = [0, 0], [0, 0], [0, 0]
    macs = longest = 0
    for _ in range(groups):
        for row in range(0, shape.out_height, tile_rows):
            for column in range(0, shape.out_width, tile_columns):
                for out in range(0, outs, tile_out):
                    steps = range(0, shape.in_channels, tile_in)
                    for place, channel in enumerate(steps):
                        loaded.append(
                            max(loaded[-1], computed[-2]) + load
                        )  # into the buffer that the last but one left
                        free = stored[-2] if place == 0 else 0
                        computed.append(max(loaded[-1], computed[-1], free) + work)
                        sizes = [
                            (row, tile_rows, shape.out_height),
                            (column, tile_columns, shape.out_width),
                            (out, tile_out, outs),
                        ]
                        sizes.append((channel, tile_in, shape.in_channels))
                        macs += int(np.prod([min(tile, whole - at) for at, tile, whole in sizes])) * kernel**2
                    stored.append(max(stored[-1], computed[-1]) + store)
                    longest = max(longest, len(steps) * max(load, work), store)
    return stored[-1], macs, longest


@settings(max_examples=150, deadline=None)
@given(layers_(), CHUNKS)
def test_the_closed_form_is_the_walk_to_within_one_tile(layer: Layer, chunk: Chunk) -> None:
    found = predict(layer, chunk)
    if not bool(found.runs[0, 0]):
        return
    cycles, macs, longest = walked(layer, chunk)
    assert macs == layer.shape.macs
    assert cycles <= found.cycles[0, 0] <= cycles + 2 * longest


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
def test_more_units_or_a_wider_port_never_take_longer_but_for_a_deeper_adder_tree(
    layer: Layer, chunk: Chunk, part: str
) -> None:
    found = predict(layer, chunk)
    steps = found.traffic_bits  # at most one more cycle of fill a tile, and there are fewer tiles than bits
    more = replace(chunk, **{f"unroll_{part}": getattr(chunk, f"tile_{part}")})
    slack = 3 * steps[0, 0] / chunk.input_bits if part == "in" else 0
    assert predict(layer, more).cycles[0, 0] <= found.cycles[0, 0] + slack
    assert float(predict(layer, more).dsp[0]) >= float(found.dsp[0])
    assert predict(layer, replace(chunk, port_bits=2 * chunk.port_bits)).cycles[0, 0] <= found.cycles[0, 0]
    assert predict(layer, replace(chunk, shared_port=True)).cycles[0, 0] >= found.cycles[0, 0]


@settings(max_examples=60, deadline=None)
@given(layers_(), CHUNKS)
def test_fewer_bits_never_cost_more_but_for_look_up_tables(layer: Layer, chunk: Chunk) -> None:
    wide = predict(layer, replace(chunk, weight_bits=16, input_bits=16))
    narrow = predict(layer, replace(chunk, weight_bits=8, input_bits=8))
    for name in ("cycles", "traffic_bits", "dsp", "bram18", "ff"):
        assert (getattr(narrow, name) <= getattr(wide, name)).all()


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

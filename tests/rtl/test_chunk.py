"""The whole chunk: every layer it runs equals the reference bit for bit, whatever its engine, tiles, unrolls, bits and port."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("amaranth", reason="describing hardware needs Amaranth: pip install 'netchip[rtl]'")

from netchip.errors import RequestError
from netchip.hardware.fpga.chunk import ENGINES, Chunk
from netchip.rtl.order import input_words, outputs_of
from netchip.rtl.plan import EngineSize, LayerPlan, Packing, plans_of
from netchip.rtl.reference import IntegerLayer, run
from netchip.rtl.simulation import program_of, simulate
from netchip.workload.shape import LayerShape
from tests.rtl.conftest import random_inputs, random_layer

EIGHT = {"weight_bits": 8, "input_bits": 8, "output_bits": 8}


def chunk_of(engine: str, tiles: tuple[int, ...], unrolls: tuple[int, ...], **others: Any) -> Chunk:
    parts = ("out", "in", "rows", "columns")
    return Chunk(
        engine=engine,
        **{f"tile_{part}": tile for part, tile in zip(parts, tiles, strict=True)},
        **{f"unroll_{part}": unroll for part, unroll in zip(parts, unrolls, strict=True)},
        **others,
    )


def equal(layers: list[IntegerLayer], chunk: Chunk, seed: int, **others: Any) -> None:
    random = np.random.default_rng(seed)
    inputs = [random_inputs(random, layer) for layer in layers]
    found = simulate(layers, chunk, inputs, **others)
    for layer, given_, outputs in zip(layers, inputs, found.outputs, strict=True):
        assert outputs.tolist() == run(layer, given_).tolist()


CASES = {
    "7x7 map, channels that do not divide": (
        chunk_of("tree", (4, 3, 4, 7), (2, 2, 1, 1), **EIGHT),
        {"in_channels": 4, "out_channels": 5, "in_size": (7, 7), "kernel": (1, 1)},
    ),
    "3x3 with stride, in rows": (
        chunk_of("rows", (2, 2, 4, 4), (1, 1, 4, 1), **EIGHT, shared_port=False),
        {"in_channels": 3, "out_channels": 2, "in_size": (7, 5), "kernel": (3, 3), "stride": (2, 2), "padding": (1, 1)},
    ),
    "5x5, all loops side by side": (
        chunk_of("free", (4, 2, 4, 4), (3, 2, 2, 2), port_bits=32),
        {"in_channels": 3, "out_channels": 3, "in_size": (5, 4), "kernel": (5, 5), "padding": (2, 2)},
    ),
    "linear": (
        chunk_of("tree", (8, 8, 1, 1), (4, 4, 1, 1), **EIGHT),
        {"in_channels": 19, "out_channels": 10, "in_size": (1, 1), "kernel": (1, 1)},
    ),
    "groups": (
        chunk_of("broadcast", (4, 2, 3, 3), (4, 1, 1, 1), **EIGHT, port_bits=16),
        {"in_channels": 6, "out_channels": 6, "in_size": (5, 5), "kernel": (3, 3), "groups": 2, "padding": (1, 0)},
    ),
    "depthwise, channels side by side": (
        chunk_of("depthwise_channels", (4, 1, 4, 4), (4, 1, 1, 1), **EIGHT),
        {"in_channels": 6, "out_channels": 6, "in_size": (5, 4), "kernel": (3, 3), "groups": 6, "padding": (1, 1)},
    ),
    "depthwise, rows and columns side by side": (
        chunk_of("depthwise_free", (2, 1, 4, 4), (2, 1, 2, 2), shared_port=False),
        {"in_channels": 3, "out_channels": 3, "in_size": (7, 7), "kernel": (3, 3), "groups": 3, "stride": (2, 2)},
    ),
    "three columns side by side, words of two": (
        chunk_of("depthwise_free", (6, 1, 1, 5), (1, 1, 1, 3), **EIGHT, port_bits=16),
        {"in_channels": 3, "out_channels": 3, "in_size": (2, 5), "kernel": (2, 2), "groups": 3, "padding": (1, 1)},
    ),
    "dilation": (
        chunk_of("tree", (2, 2, 2, 3), (2, 1, 1, 1), **EIGHT),
        {
            "in_channels": 2,
            "out_channels": 3,
            "in_size": (5, 5),
            "kernel": (3, 3),
            "dilation": (2, 2),
            "padding": (1, 2),
        },
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_a_layer_is_the_reference(case: str) -> None:
    chunk, shape = CASES[case]
    random = np.random.default_rng(len(case))
    layer = random_layer(
        random, LayerShape.conv(**shape), bits=chunk.input_bits, input_zero_point=3, output_zero_point=-2, relu=True
    )
    equal([layer], chunk, 0)


def small_chunks() -> st.SearchStrategy[Chunk]:
    tiles = st.tuples(*[st.integers(1, 4)] * 4)
    return st.builds(
        lambda engine, tiles, shares, bits, port, shared: chunk_of(
            engine, tiles, tuple(max(1, tile // share) for tile, share in zip(tiles, shares, strict=True)),
            weight_bits=bits, input_bits=bits, output_bits=bits, port_bits=port, shared_port=shared,
        ),
        st.sampled_from([engine.name for engine in ENGINES]), tiles, st.tuples(*[st.integers(1, 4)] * 4),
        st.sampled_from([8, 16]), st.sampled_from([16, 32, 64]), st.booleans(),
    )  # fmt: skip


@st.composite
def small_shapes(draw: st.DrawFn, depthwise: bool) -> LayerShape:
    kernel, stride = (
        (draw(st.integers(1, 3)), draw(st.integers(1, 3))),
        (draw(st.integers(1, 2)), draw(st.integers(1, 2))),
    )
    groups = draw(st.integers(1, 3))
    channels = (1, 1) if depthwise else (draw(st.integers(1, 3)), draw(st.integers(1, 3)))
    return LayerShape.conv(
        in_channels=groups * channels[0],
        out_channels=groups * channels[1],
        groups=groups,
        in_size=(draw(st.integers(kernel[0], 5)), draw(st.integers(kernel[1], 5))),
        kernel=kernel,
        stride=stride,
        padding=(draw(st.integers(0, kernel[0] // 2)), draw(st.integers(0, kernel[1] // 2))),
    )


@settings(max_examples=6, deadline=None, derandomize=True)
@given(data=st.data())
def test_two_layers_in_turn_are_the_reference_whatever_is_chosen_and_however_ports_pause(data: st.DataObject) -> None:
    chunk = data.draw(small_chunks())
    random = np.random.default_rng(data.draw(st.integers(0, 99)))
    depthwise = chunk.engine.startswith("depthwise")
    layers = [random_layer(random, data.draw(small_shapes(depthwise)), bits=chunk.input_bits) for _ in range(2)]
    equal(layers, chunk, 1, pauses=data.draw(st.sampled_from([(), (0, 1), (2, 0, 0)])))


def test_other_outputs_than_came_back_are_refused() -> None:
    plan = LayerPlan(LayerShape.conv(in_channels=1, out_channels=1, in_size=(4, 4), kernel=(1, 1)), SIZE)
    with pytest.raises(RequestError, match="3 words came back, but the layer gives 4"):
        outputs_of(plan, [0, 0, 0])


SIZE = EngineSize(chunk_of("tree", (4, 4, 4, 4), (2, 2, 1, 1), **EIGHT))


def test_words_of_inputs_by_hand() -> None:
    # Two lanes in words of eight elements: four columns of two channels. Padding holds the zero point, what lies beyond it too;
    # a lane without a channel is zero.
    plan = LayerPlan(
        LayerShape.conv(in_channels=3, out_channels=2, in_size=(1, 2), kernel=(1, 3), padding=(0, 1)), SIZE
    )
    words = input_words(plan, np.array([[[1, 2]], [[3, 4]], [[5, 6]]]), 9)
    assert words == [[0x0909_0402_0301_0909, 0x0009_0006_0005_0009]]


@pytest.mark.parametrize(
    ("lanes", "per_word", "positions", "words"), [(1, 8, 8, 1), (3, 8, 2, 1), (8, 8, 1, 1), (9, 8, 1, 2), (16, 4, 1, 4)]
)
def test_packing_by_hand(lanes: int, per_word: int, positions: int, words: int) -> None:
    assert (Packing(lanes, per_word).positions, Packing(lanes, per_word).words) == (positions, words)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"weight_bits": 4}, "weight_bits = 4: no engine is built for that; give 8 or 16"),
        ({"port_bits": 24}, "port_bits = 24 holds no power of two of 16-bit elements; give 64, 128 or the like"),
        ({"sum_bits": 24}, "sum_bits = 24: sums of 32 bits are built; give 32"),
        ({"lut_multipliers": True}, "only multipliers of DSP slices are built; leave it out"),
    ],
)
def test_a_chunk_that_is_not_built_is_refused(change: dict[str, Any], message: str) -> None:
    with pytest.raises(RequestError, match=message):
        EngineSize(chunk_of("tree", (4, 4, 4, 4), (2, 2, 1, 1), **change))


def test_a_layer_that_does_not_run_is_refused() -> None:
    conv = LayerShape.conv(in_channels=2, out_channels=2, in_size=(4, 4), kernel=(1, 1))
    deep = chunk_of("depthwise_rows", (4, 1, 4, 4), (1, 1, 2, 1))
    with pytest.raises(
        RequestError, match=r"layer 0: it is not depthwise, but the engine is 'depthwise_rows'; give the layer"
    ):
        plans_of([conv], deep)
    with pytest.raises(RequestError, match="no layer was given; give at least one"):
        plans_of([], deep)
    up = LayerShape.conv(in_channels=1, out_channels=1, in_size=(4, 4), kernel=(2, 2), transposed=True)
    with pytest.raises(RequestError, match="only convolutions and linear layers, an image at a time, run on a chunk"):
        plans_of([up], deep)
    layer = random_layer(np.random.default_rng(0), conv, bits=8)
    with pytest.raises(
        RequestError, match="layer 0 has weight_bits = 8, but the chunk is built for 16; give both the same"
    ):
        program_of([layer], chunk_of("tree", (4, 4, 4, 4), (2, 2, 1, 1)))


def test_a_scaling_of_other_channels_is_refused(layer_of: Callable[..., IntegerLayer]) -> None:
    random = np.random.default_rng(0)
    shapes = [LayerShape.conv(in_channels=2, out_channels=out, in_size=(2, 2), kernel=(1, 1)) for out in (2, 3)]
    program = program_of([layer_of(random, shapes[0])], SIZE.chunk)
    with pytest.raises(RequestError, match="layer 0 has 3 channels, but there are 2 biases"):
        type(program)(plans_of(shapes[1:], SIZE.chunk), program.scalings)


def test_a_frame_that_never_comes_is_given_up() -> None:
    torch.manual_seed(0)
    layer = random_layer(np.random.default_rng(0), LayerShape.linear(in_features=2, out_features=2))
    from netchip.errors import RunError
    from netchip.rtl.simulation import Bench

    bench = Bench(program_of([layer], SIZE.chunk), ())
    with pytest.raises(RunError, match=r"the chunk did not end in [\d,]+ cycles; 0 words came back"):
        bench.run([], [])

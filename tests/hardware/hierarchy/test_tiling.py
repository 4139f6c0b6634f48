"""Tiles by ratios fit by construction, cover their layer exactly, and fill what there is."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netchip.hardware.dimensions import DIMS
from netchip.hardware.hierarchy import tiling
from netchip.hardware.hierarchy.template import TILED
from netchip.hardware.hierarchy.tiling import Ratios, Room, factors_by_ratio, tiling_table
from netchip.workload.encoding import Precision
from netchip.workload.layer import Layer
from netchip.workload.shape import LayerShape

BITS = Precision(weight_bits=16, input_bits=16, output_bits=16, accumulator_bits=16)


@st.composite
def layers_(draw: st.DrawFn) -> Layer:
    kernel, stride, deep = draw(st.sampled_from([1, 3, 5])), draw(st.integers(1, 2)), draw(st.booleans())
    size, channels = draw(st.integers(5, 20)), draw(st.sampled_from([1, 7, 16, 24, 96]))
    out = channels if deep else draw(st.sampled_from([1, 10, 32, 64]))
    shape = LayerShape.conv(
        in_channels=channels,
        out_channels=out,
        groups=channels if deep else 1,
        in_size=(size, size),
        kernel=(kernel, kernel),
        padding=(kernel // 2, kernel // 2),
        stride=(stride, stride),
    )
    return Layer("layer", shape, precision=BITS)


@settings(max_examples=60, deadline=None)
@given(layers_(), st.integers(0, 10_000))
def test_every_design_covers_the_layer_and_fits(layer: Layer, seed: int) -> None:
    random, size = np.random.default_rng(seed), 50
    ratios = Ratios(
        random.integers(1, 11, (6, size)).astype(float),
        random.integers(0, 11, (6, size)).astype(float),
        random.integers(1, 11, (6, size)).astype(float),
    )
    room = Room(
        *(random.choice(options, size).astype(float) for options in ([4, 64, 168], [48, 512, 8192], [8192, 884_736]))
    )
    table, which = tiling_table([layer]), np.zeros(size, dtype=np.int64)
    factor, spatial = factors_by_ratio(table, which, ratios, room)
    bounds = np.array([layer.shape.loop_bounds[dim] for dim in DIMS], dtype=float)
    np.testing.assert_array_equal(factor.prod(0) * spatial[0], np.repeat(bounds[:, None], size, axis=1))
    assert (factor >= 1).all()
    np.testing.assert_array_equal(factor, np.floor(factor))
    assert (spatial[0].prod(0) <= room.units).all()
    places = [DIMS.index("G" if dim == "K" and layer.shape.groups > 1 else dim) for dim in TILED]
    inner = factor[0][places]
    cut = table.among(which)
    assert (cut.held_bits(inner) <= room.register_bits).all()
    assert (cut.held_bits(inner * spatial[0][places] * factor[1][places]) <= room.buffer_bits).all()
    assert (spatial[0][places][ratios.array == 0] == 1).all()


def test_what_there_is_is_filled() -> None:
    layer = Layer(
        "layer", LayerShape.conv(in_channels=64, out_channels=64, in_size=(16, 16), kernel=(1, 1)), precision=BITS
    )
    one = np.ones((6, 1))
    array = np.array([[1.0], [1.0], [0.0], [0.0], [0.0], [0.0]])
    room = Room(np.array([64.0]), np.array([48.0]), np.array([1e9]))
    factor, spatial = factors_by_ratio(
        tiling_table([layer]), np.zeros(1, dtype=np.int64), Ratios(one, array, one), room
    )
    assert spatial[0, :, 0].tolist() == [1, 1, 8, 8, 1, 1, 1, 1]  # 8 x 8 of the 64 units
    assert factor[0, :, 0].tolist() == [1] * 8  # 48 bits hold one weight, input and sum
    assert factor[2, :, 0].tolist() == [1] * 8  # the buffer holds everything


@pytest.mark.parametrize("ratio", [(4, 1), (1, 4)])
def test_tiles_follow_their_ratios(ratio: tuple[int, int]) -> None:
    layer = Layer(
        "layer", LayerShape.conv(in_channels=64, out_channels=64, in_size=(1, 1), kernel=(1, 1)), precision=BITS
    )
    ratios = np.array([[ratio[0]], [ratio[1]], [1], [1], [1], [1]], dtype=float)
    room = Room(np.ones(1), np.array([16.0 * (16 + 2 + 8)]), np.array([1e9]))  # 8 x 2 weights, 8 and 2 others
    factor, _ = factors_by_ratio(
        tiling_table([layer]), np.zeros(1, dtype=np.int64), Ratios(ratios, 0 * ratios, ratios), room
    )
    assert factor[0, [2, 3], 0].tolist() == ([8, 2] if ratio[0] > 1 else [2, 8])


def test_both_precisions_find_the_same_tiles(monkeypatch: pytest.MonkeyPatch) -> None:
    random, size = np.random.default_rng(0), 300
    shapes = [
        LayerShape.conv(in_channels=c, out_channels=k, in_size=(30, 28), kernel=(3, 3), groups=g)
        for c, k, g in ((24, 96, 1), (96, 96, 96), (7, 130, 1))
    ]
    table, which = tiling_table([Layer(f"{n}", each, precision=BITS) for n, each in enumerate(shapes)]), np.arange(size)
    ratios = Ratios(*(random.integers(1, 11, (6, size)).astype(float) for _ in range(3)))
    room = Room(np.full(size, 256.0), np.full(size, 4096.0), random.choice([8192.0, 2.0**23], size))
    single = factors_by_ratio(table, which % 3, ratios, room)
    monkeypatch.setattr(tiling, "_EXACT", 0)
    double = factors_by_ratio(table, which % 3, ratios, room)
    for one, other in zip(single, double, strict=True):
        np.testing.assert_array_equal(one, other)
    large = Room(np.full(size, 2.0**25), room.register_bits, np.full(size, 2.0**30))
    factor, spatial = factors_by_ratio(table, which % 3, ratios, large)
    assert (factor[2] == 1).all()  # everything is in the buffer
    assert spatial.max() > 1

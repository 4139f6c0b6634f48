"""The array step by step: its output is the plain integer convolution, its counts are the analytical ones."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from netchip.errors import RequestError
from netchip.hardware.engines.paired import paired_rows
from netchip.hardware.engines.resources import EngineOptions, Resources, load_resources
from netchip.hardware.engines.simulation import Coefficients, Simulated, simulate
from netchip.hardware.engines.smart_exchange import smart_exchange
from netchip.workload.activation_statistics import activation_sparsity
from netchip.workload.layer import Layer
from netchip.workload.shape import LayerShape
from netchip.workload.sparsity import LayerSparsity
from netchip.workload.weight_statistics import row_layout, weight_sparsity

SMALL = load_resources().changed(array={"slices": 3, "lines": 2, "lanes": 4})
conv, linear = LayerShape.conv, LayerShape.linear


@dataclass(frozen=True)
class Case:
    shape: LayerShape
    row_length: int | None = None
    zero_rows: float = 0.4
    zero_inputs: float = 0.5
    rows_in_block: int = 6
    signed: bool = False


CASES = {
    "3x3": Case(conv(in_channels=5, out_channels=4, in_size=(5, 6), kernel=(3, 3), padding=(1, 1))),
    "3x3, stride 2": Case(
        conv(in_channels=3, out_channels=7, in_size=(7, 9), kernel=(3, 3), stride=(2, 2), padding=(1, 1))
    ),
    "3x3, dilated, signed": Case(
        conv(in_channels=2, out_channels=3, in_size=(7, 7), kernel=(3, 3), dilation=(2, 2), padding=(1, 2)), signed=True
    ),
    "5x5": Case(conv(in_channels=2, out_channels=2, in_size=(6, 6), kernel=(5, 5), padding=(2, 2)), rows_in_block=5),
    "kernel larger than the map": Case(
        conv(in_channels=2, out_channels=2, in_size=(2, 2), kernel=(5, 5), padding=(2, 2))
    ),
    "1x1, rows over 3 channels": Case(conv(in_channels=7, out_channels=4, in_size=(4, 5), kernel=(1, 1)), row_length=3),
    "1x1, stride 2": Case(
        conv(in_channels=6, out_channels=4, in_size=(5, 5), kernel=(1, 1), stride=(2, 2)), row_length=3
    ),
    "linear": Case(linear(in_features=16, out_features=7), row_length=4),
    "linear on tokens": Case(linear(in_features=6, out_features=4, positions=6), row_length=3),
    "3x1": Case(conv(in_channels=4, out_channels=3, in_size=(6, 5), kernel=(3, 1), padding=(1, 0)), row_length=3),
    "depthwise": Case(conv(in_channels=5, out_channels=5, in_size=(5, 5), kernel=(3, 3), padding=(1, 1), groups=5)),
    "groups": Case(conv(in_channels=4, out_channels=8, in_size=(4, 4), kernel=(3, 3), padding=(1, 1), groups=2)),
    "dense": Case(conv(in_channels=4, out_channels=3, in_size=(5, 5), kernel=(3, 3)), zero_rows=0, zero_inputs=0),
    "no weights": Case(conv(in_channels=3, out_channels=3, in_size=(4, 4), kernel=(3, 3)), zero_rows=1),
    "no inputs": Case(conv(in_channels=3, out_channels=3, in_size=(4, 4), kernel=(3, 3)), zero_inputs=1),
}
CASE = pytest.mark.parametrize("case", CASES.values(), ids=CASES)


def made(case: Case, seed: int = 0) -> tuple[Coefficients, np.ndarray]:
    random, shape = np.random.default_rng(seed), case.shape
    layout = row_layout(shape.in_channels, shape.kernel_height, shape.kernel_width, case.row_length)
    size = (shape.total_out_channels, layout.rows, layout.length)
    signs = random.choice([-1, 0, 1], size, p=[0.4, 0.2, 0.4]) * (random.random(size[:2]) >= case.zero_rows)[..., None]
    flat = signs.reshape(size[0], -1)
    blocks = -(-layout.rows // case.rows_in_block)
    bases = random.integers(-128, 128, (size[0], blocks, layout.length, layout.length)).astype(np.int8)
    layer = Coefficients(flat.reshape(size), random.integers(0, 8, size), bases, case.rows_in_block)
    low, high = (-128, 128) if case.signed else (0, 256)
    maps = (shape.total_in_channels, shape.in_height, shape.in_width)
    codes = random.integers(low, high, maps) * (random.random(maps) >= case.zero_inputs / 2)
    codes = codes * (random.random(maps[:2]) >= case.zero_inputs)[..., None]  # whole rows as well
    return layer, codes


def convolution(shape: LayerShape, weight: np.ndarray, codes: np.ndarray) -> np.ndarray:
    """The plain integer convolution, of weights [filters, channels, height, width]."""
    (up, left), (down, right), dilation = shape.padding, shape.stride, shape.dilation
    padded = np.pad(codes.astype(np.int64), ((0, 0), (up, up), (left, left)))
    outputs = np.zeros((shape.total_out_channels, shape.out_height, shape.out_width), np.int64)
    for f in range(len(weight)):
        first = f // shape.out_channels * shape.in_channels
        for y in range(shape.out_height):
            for x in range(shape.out_width):
                top, begin = y * down, x * right
                window = padded[
                    first : first + shape.in_channels,
                    top : top + dilation[0] * (shape.kernel_height - 1) + 1 : dilation[0],
                    begin : begin + dilation[1] * (shape.kernel_width - 1) + 1 : dilation[1],
                ]
                outputs[f, y, x] = (window * weight[f]).sum()
    return outputs


def plain_weight(shape: LayerShape, layer: Coefficients) -> np.ndarray:
    """The rebuilt weight in the layer's own shape."""
    filter_shape = (shape.in_channels, shape.kernel_height, shape.kernel_width)
    flat = layer.weights().reshape(shape.total_out_channels, -1)[:, : int(np.prod(filter_shape))]
    return flat.reshape(shape.total_out_channels, *filter_shape)


def counted(case: Case, layer: Coefficients, codes: np.ndarray, resources: Resources, *, paired: bool = True) -> Any:
    """The analytical counts of the layer."""
    shape = case.shape
    # where coefficients are, so that a row of the index is one of the statistics, whatever the rebuilt weights happen to be
    width = shape.in_channels * shape.kernel_height * shape.kernel_width
    kept = np.repeat(layer.rows[..., None], layer.signs.shape[2], axis=2).reshape(len(layer.rows), -1)[:, :width]
    weights = weight_sparsity(
        kept.reshape(shape.total_out_channels, shape.in_channels, shape.kernel_height, shape.kernel_width),
        groups=shape.groups,
        row_length=case.row_length,
        grouping=resources.grouping,
        storage=layer.storage(),
    )
    activations = activation_sparsity(codes[None], channels_in_row=weights.channels_in_row, grouping=resources.grouping)
    coefficients = np.count_nonzero(layer.signs, axis=2)
    met = paired_rows(
        shape, layer.rows, codes, resources.array, row_length=case.row_length, coefficients=coefficients
    )  # fmt: skip
    sparsity = LayerSparsity(layer="a", weights=weights, activations=activations, paired=met if paired else None)
    return smart_exchange(Layer("a", shape), sparsity, resources, EngineOptions(cluster_split=False))


def facts_of(done: Simulated) -> dict[str, float]:
    return {
        "cycles": done.cycles,
        "row_pairs": done.row_pairs,
        "skipped_pairs": done.skipped_pairs,
        "own_rows": done.own_rows,
        "coefficients": done.coefficients,
        "basis_elements": done.basis_elements,
        "rebuild_add": done.rebuild_adds,
        "booth_step": done.digit_steps,
    }


def facts_counted(counts: Any) -> dict[str, float]:
    return {
        "cycles": counts.compute_cycles,
        **counts.events,
        **{name: counts.work[name] for name in ("rebuild_add", "booth_step")},
    }


@CASE
@pytest.mark.parametrize("seed", [0, 1])
def test_the_output_is_the_integer_convolution_bit_for_bit(case: Case, seed: int) -> None:
    layer, codes = made(case, seed)
    done = simulate(case.shape, layer, codes, SMALL.array, row_length=case.row_length)
    assert (done.outputs == convolution(case.shape, plain_weight(case.shape, layer), codes)).all()


@CASE
@pytest.mark.parametrize("seed", [0, 1])
def test_its_counts_are_the_analytical_ones(case: Case, seed: int) -> None:
    layer, codes = made(case, seed)
    done = simulate(case.shape, layer, codes, SMALL.array, row_length=case.row_length)
    assert facts_counted(counted(case, layer, codes, SMALL)) == facts_of(done)
    assert case.zero_rows == 1 or case.zero_inputs == 1 or done.cycles > 0


@pytest.mark.parametrize(
    ("shape", "row_length"),
    [
        (conv(in_channels=4, out_channels=6, in_size=(6, 10), kernel=(3, 3)), None),
        (conv(in_channels=12, out_channels=5, in_size=(4, 6), kernel=(1, 1)), 3),
        (linear(in_features=16, out_features=7), 4),
    ],
)
def test_shares_alone_are_exact_where_zeros_are_independent(shape: LayerShape, row_length: int | None) -> None:
    """Without padding, with all inputs of three digits and weights rows pruned at will, nothing but the shares matters."""
    case = Case(shape, row_length, zero_rows=0.5)
    layer, codes = made(case)
    codes = np.full_like(codes, 21)  # 16 + 4 + 1
    done = simulate(shape, layer, codes, SMALL.array, row_length=row_length)
    counts = counted(case, layer, codes, SMALL, paired=False)
    assert facts_counted(counts) == pytest.approx(facts_of(done))


def test_shares_alone_come_near_on_a_larger_layer() -> None:
    case = Case(conv(in_channels=16, out_channels=6, in_size=(8, 8), kernel=(3, 3), padding=(1, 1)), rows_in_block=48)
    layer, codes = made(case)
    exact, guessed = (counted(case, layer, codes, SMALL, paired=paired) for paired in (True, False))
    assert guessed.compute_cycles == pytest.approx(exact.compute_cycles, rel=0.25)
    assert guessed.work["booth_step"] == pytest.approx(exact.work["booth_step"], rel=0.25)


@CASE
def test_slices_apart_are_never_slower(case: Case) -> None:
    layer, codes = made(case)
    counts = counted(case, layer, codes, SMALL)
    assert counts.least_compute_cycles <= counts.compute_cycles


def test_the_bounds_meet_where_nothing_is_skipped_and_all_steps_are_alike() -> None:
    case = Case(conv(in_channels=4, out_channels=6, in_size=(5, 6), kernel=(3, 3)), zero_rows=0)
    layer, codes = made(case)
    counts = counted(case, layer, np.full_like(codes, 5), SMALL)
    # 2 groups of filters, 3 output rows; 2 channels a line of 3 rows of 3 weights, 2 digits each
    assert counts.compute_cycles == counts.least_compute_cycles == 2 * 3 * 2 * 3 * 3 * 2


def test_apart_a_filter_takes_its_own_rows_over_the_lines() -> None:
    """Channels 0 and 2 are one line's, so in step they come one after the other; apart the other line takes one of them."""
    shape = conv(in_channels=4, out_channels=1, in_size=(1, 4), kernel=(1, 1))
    codes = np.full((4, 1, 4), 5)
    found = paired_rows(shape, np.array([[True, False, True, False]]), codes, SMALL.array)
    assert (found.lock_step_cycles, found.free_cycles) == (4, 2)
    unlike = paired_rows(
        shape, np.array([[True, False, True, False]]), codes * np.array([1, 1, 17, 1])[:, None, None], SMALL.array
    )
    assert (unlike.lock_step_cycles, unlike.free_cycles) == (6, 4)  # 85 takes 4 digits, and a row stays on its line


def test_a_tile_by_hand() -> None:
    """Two filters of one row over one channel, map of one row of three: 1 coefficient and 2; inputs of 2, 0 and 1 digits."""
    shape = conv(in_channels=1, out_channels=2, in_size=(1, 3), kernel=(1, 2))
    signs = np.array([[[1, 0]], [[-1, 1]]])
    layer = Coefficients(signs, np.array([[[2, 0]], [[0, 1]]]), np.array([[[[1, 2], [3, 4]]]] * 2, np.int8), 1)
    done = simulate(shape, layer, np.array([[[3, 0, 4]]]), SMALL.array)
    assert layer.weights().tolist() == [[[4, 8]], [[5, 6]]]
    assert done.outputs.tolist() == [[[12, 32]], [[15, 24]]]
    # first weight meets (3, 0): 2 cycles; second meets (0, 4): 1 cycle; slices share them
    assert facts_of(done) == {
        "cycles": 3, "row_pairs": 1, "skipped_pairs": 0, "own_rows": 2, "coefficients": 3, "basis_elements": 8,
        "rebuild_add": 6, "booth_step": 6,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"signs": np.full((3, 9, 3), 2)}, "signs are -1, 0 or 1"),
        ({"exponents": np.full((3, 9, 3), -1)}, "exponents whole numbers of at least 0"),
        ({"bases": np.zeros((3, 1, 3, 3), np.int8)}, r"bases are \[3, 2, 3, 3\]"),
    ],
)
def test_coefficients_that_are_none_are_refused(changes: dict[str, np.ndarray], message: str) -> None:
    case = Case(conv(in_channels=3, out_channels=3, in_size=(4, 4), kernel=(3, 3)))
    layer, _ = made(case)
    parts = {"signs": layer.signs, "exponents": layer.exponents, "bases": layer.bases} | changes
    with pytest.raises(RequestError, match=message):
        Coefficients(**parts, rows_in_block=6)


def test_what_does_not_belong_to_the_layer_is_refused() -> None:
    case = CASES["3x3"]
    layer, codes = made(case)
    other = conv(in_channels=5, out_channels=5, in_size=(5, 6), kernel=(3, 3), padding=(1, 1))
    with pytest.raises(RequestError, match=r"coefficients of shape .*; the layer has 15 rows of 3 in 5 filters"):
        simulate(other, layer, codes, SMALL.array)
    with pytest.raises(RequestError, match=r"rows of shape \[4, 15\]; the layer has \[5, 15\]"):
        paired_rows(other, layer.rows, codes, SMALL.array)
    with pytest.raises(RequestError, match=r"activations of shape \[4, 5, 6\]; the layer reads \[5, 5, 6\]"):
        paired_rows(case.shape, layer.rows, codes[:4], SMALL.array)
    transposed = conv(in_channels=5, out_channels=4, in_size=(5, 6), kernel=(3, 3), transposed=True)
    with pytest.raises(RequestError, match="for convolutions and linear layers only"):
        paired_rows(transposed, layer.rows, codes, SMALL.array)

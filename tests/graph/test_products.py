"""Matrix products as layer shapes."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netchip.graph.capture import CapturedOp, Operand
from netchip.graph.products import parts, product


def op(name: str, *operands: tuple[str, tuple[int, ...]], **attributes: object) -> CapturedOp:
    return CapturedOp(
        layer="layer",
        op=name,
        module="",
        module_names=("",),
        operands=tuple(
            Operand(argument=argument, shape=shape, dtype="float32", from_input=argument != "weight")
            for argument, shape in operands
        ),
        output_shapes=(),
        attributes=attributes,
    )


def test_two_activations():
    shape = product((2, 3, 4, 5), (2, 3, 5, 7), a_fixed=False, b_fixed=False)
    assert (shape.kind, shape.groups, shape.macs) == ("matmul", 6, 6 * 4 * 5 * 7)


def test_an_operand_shared_along_a_leading_size_is_read_once():
    shape = product((2, 3, 4, 5), (1, 3, 5, 7), a_fixed=False, b_fixed=False)
    assert (shape.groups, shape.weights, shape.macs) == (3, 3 * 5 * 7, 6 * 4 * 5 * 7)


def test_fixed_second_operand_is_the_weights():
    shape = product((2, 4, 5), (5, 7), a_fixed=False, b_fixed=True)
    assert (shape.kind, shape.batch, shape.weights, shape.macs) == ("conv", 2, 35, 8 * 35)


def test_fixed_first_operand_is_the_weights():
    shape = product((7, 5), (2, 5, 4), a_fixed=True, b_fixed=False)
    assert (shape.kind, shape.batch, shape.weights, shape.macs) == ("conv", 2, 35, 8 * 35)


def test_one_weight_matrix_a_head_is_a_grouped_layer():
    shape = product((2, 3, 4, 5), (3, 5, 7), a_fixed=False, b_fixed=True)
    assert (shape.groups, shape.in_channels, shape.out_channels) == (3, 5, 7)
    assert (shape.batch, shape.weights, shape.macs) == (2, 105, 2 * 4 * 105)


SIZES = st.integers(1, 4)


@given(
    st.lists(st.tuples(SIZES, st.sampled_from(["both", "a", "b"])), max_size=3),
    SIZES,
    SIZES,
    SIZES,
    st.sampled_from("-ab"),
)
def test_macs_and_weights_of_any_product(lead: list[tuple[int, str]], rows: int, inner: int, columns: int, fixed: str):
    a = (*(size if where != "b" else 1 for size, where in lead), rows, inner)
    b = (*(size if where != "a" else 1 for size, where in lead), inner, columns)
    shape = product(a, b, a_fixed=fixed == "a", b_fixed=fixed == "b")
    assert shape.macs == math.prod(size for size, _ in lead) * rows * inner * columns
    if fixed != "-":
        assert shape.weights == math.prod(a if fixed == "a" else b)


def test_unknown_operators_have_no_parts():
    assert parts(op("aten.lstm", ("input", (2, 3, 4)))) is None
    assert parts(op("mylib.linear", ("input", (2, 3)), ("weight", (4, 3)))) is None
    volume = op("aten.conv3d", ("input", (1, 2, 4, 4, 4)), ("weight", (3, 2, 1, 1, 1)), groups=1)
    assert parts(volume) is None


def test_a_missing_operand_is_an_error_of_ours():
    with pytest.raises(ValueError, match=r"layer: aten.linear has no operand 'weight'"):
        parts(op("aten.linear", ("input", (2, 3))))

"""Which dimension touches which operand, and which moves a memory makes."""

import pytest

from netchip.hardware.dimensions import DIMS, OPERANDS, Operand, moves_of, relevant
from netchip.workload.shape import LayerShape


def test_dimensions_are_those_of_a_layer() -> None:
    assert tuple(LayerShape.linear(in_features=2, out_features=3).loop_bounds) == DIMS


@pytest.mark.parametrize("transposed", [False, True])
def test_relevant_dimensions_of_a_layer_without_overlap_multiply_to_the_operand(transposed: bool) -> None:
    """With stride equal to the kernel no window overlaps, so the touched elements are a product of loop bounds."""
    shape = LayerShape.conv(
        batch=2,
        in_channels=6,
        out_channels=4,
        in_size=(6, 9),
        kernel=(3, 3),
        stride=(3, 3),
        groups=2,
        transposed=transposed,
    )
    for operand, elements in {"W": shape.weights, "I": shape.inputs, "O": shape.outputs}.items():
        product = 1
        for dim in relevant(operand, transposed=transposed):  # type: ignore[arg-type]
            product *= shape.loop_bounds[dim]
        assert product == elements


def test_every_dimension_is_reused_by_some_operand() -> None:
    for dim in set(DIMS) - {"G"}:
        assert any(dim not in relevant(operand) for operand in OPERANDS)


@pytest.mark.parametrize(
    ("operand", "top", "moves"),
    [
        ("W", False, ("read", "fill")),
        ("I", True, ("read",)),
        ("O", False, ("read", "fill", "update", "drain")),
        ("O", True, ("read", "update")),
    ],
)
def test_moves(operand: Operand, top: bool, moves: tuple[str, ...]) -> None:
    assert moves_of(operand, top=top) == moves

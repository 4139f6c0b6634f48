"""torch.einsum as matrix products."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.utils.flop_counter import FlopCounterMode

from netchip.graph.einsum import Contraction, contractions


def macs(steps: list[Contraction]) -> int:
    return sum(step.a[0] * step.a[1] * step.a[2] * step.a[3] * step.b[3] for step in steps if step.a and step.b)


def counted_by_torch(equation: str, shapes: list[tuple[int, ...]], path: list[int] | None = None) -> int:
    with FlopCounterMode(display=False) as counter:
        torch.ops.aten.einsum(equation, [torch.zeros(shape) for shape in shapes], path=path)
    return counter.get_total_flops() // 2


def test_batch_rows_inner_and_columns_of_attention():
    [step] = contractions("bhqd,bhkd->bhqk", [(2, 3, 4, 5), (2, 3, 6, 5)], [False, False])
    assert (step.a, step.b) == ((6, 4, 1, 5), (6, 1, 5, 6))
    assert (step.sources, step.result) == ((0, 1), 2)


def test_a_label_in_one_operand_only_is_summed_before():
    [step] = contractions("ij,jk->k", [(7, 3), (3, 5)], [False, False])
    assert (step.a, step.b) == ((1, 1, 1, 3), (1, 1, 3, 5))


@pytest.mark.parametrize("equation", ["i,j->ij", "bi,bi->bi", "bi->b", "i,i->i"])
def test_element_wise_and_outer_products_are_no_matrix_products(equation: str):
    shapes = [(3,) * len(term) for term in equation.split("->")[0].split(",")]
    assert macs(contractions(equation, shapes, [False] * len(shapes))) == 0


def test_without_an_arrow_the_output_is_what_occurs_once():
    assert macs(contractions("ij,jk", [(2, 3), (3, 4)], [False, False])) == 24


def test_ellipsis_broadcasts():
    [step] = contractions("...qd,...kd->...qk", [(2, 3, 4, 5), (3, 6, 5)], [False, False])
    assert macs([step]) == 2 * 3 * 4 * 5 * 6


def test_products_of_constants_are_left_out():
    first, second = contractions("ij,jk,kl->il", [(2, 3), (3, 4), (4, 5)], [True, True, False])
    assert first.a is None
    assert (second.a_fixed, second.b_fixed) == (True, False) or (second.a_fixed, second.b_fixed) == (False, True)


@pytest.mark.parametrize("path", [[0, 1, 0, 1], [1, 2, 0, 1], [0, 2, 0, 1]])
def test_a_given_path_is_followed(path: list[int]):
    shapes = [(2, 7), (7, 5), (5, 3)]
    assert macs(contractions("ij,jk,kl->il", shapes, [False] * 3, path)) == counted_by_torch(
        "ij,jk,kl->il", shapes, path
    )


@st.composite
def equations(draw: st.DrawFn) -> tuple[str, list[tuple[int, ...]]]:
    sizes = {label: draw(st.integers(1, 4)) for label in "abcdef"}
    labels = st.lists(st.sampled_from("abcdef"), min_size=1, max_size=4, unique=True)
    terms = draw(st.lists(labels, min_size=1, max_size=4))
    output = draw(
        st.lists(st.sampled_from(sorted({label for term in terms for label in term})), max_size=4, unique=True)
    )
    equation = ",".join("".join(term) for term in terms) + "->" + "".join(output)
    return equation, [tuple(sizes[label] for label in term) for term in terms]


@given(equations())
@settings(max_examples=200, deadline=None)
def test_any_equation_agrees_with_torch(drawn: tuple[str, list[tuple[int, ...]]]):
    equation, shapes = drawn
    assert macs(contractions(equation, shapes, [False] * len(shapes))) == counted_by_torch(equation, shapes)

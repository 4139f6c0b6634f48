"""torch.einsum as a sequence of matrix products, contracted pair by pair as torch does it."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

Sizes = tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class Contraction:
    """One step: the tensors `sources` become `result` (numbers in order of making, the operands first).

    `a` [G, R1, R2, C] and `b` [G, 1, C, K] are the two sides of its matrix product, None where nothing is summed over
    both (an element-wise or outer product) or where neither depends on the input.
    """

    sources: tuple[int, ...]
    result: int
    a: Sizes | None = None
    b: Sizes | None = None
    a_fixed: bool = False
    b_fixed: bool = False


@dataclass(frozen=True)
class _Tensor:
    number: int
    labels: tuple[str, ...]
    sizes: dict[str, int]
    fixed: bool


def contractions(
    equation: str, shapes: Sequence[Sizes], fixed: Sequence[bool], path: Sequence[int] | None = None
) -> list[Contraction]:
    """The steps of `equation` on tensors of `shapes`; `fixed` marks those that do not depend on the model's input.

    `path` holds the positions to contract, two a step, as torch passes it; from left to right where there is none.
    """
    terms, output = _parse(equation, [len(shape) for shape in shapes])
    tensors = [
        _Tensor(number, labels, dict(zip(labels, shape, strict=True)), still)
        for number, (labels, shape, still) in enumerate(zip(terms, shapes, fixed, strict=True))
    ]
    pairs = list(zip(path[::2], path[1::2], strict=True)) if path else [(0, 1)] * (len(tensors) - 1)
    steps: list[Contraction] = []
    for first, second in pairs if len(tensors) > 1 else []:
        left, right = tensors[first], tensors[second]
        rest = [each for index, each in enumerate(tensors) if index not in (first, second)]
        kept = set(output).union(*(each.labels for each in rest))
        step, made = _contract(left, right, kept, len(shapes) + len(steps))
        steps.append(step)
        tensors = [*rest, made] if path else [made, *rest]
    return steps


def _contract(left: _Tensor, right: _Tensor, kept: set[str], number: int) -> tuple[Contraction, _Tensor]:
    """Labels in both and kept are batches, in both and not kept are summed; a label of size 1 is no label."""
    own, other = _labels(left), _labels(right)
    sizes = {
        **left.sizes,
        **{label: size for label, size in right.sizes.items() if size > 1 or label not in left.sizes},
    }
    summed = [label for label in own if label in other and label not in kept]
    batch = math.prod(sizes[label] for label in own if label in other and label in kept)
    rows = [sizes[label] for label in own if label not in other and label in kept] or [1]
    columns = math.prod(sizes[label] for label in other if label not in own and label in kept)
    inner = math.prod(sizes[label] for label in summed)
    still = left.fixed and right.fixed
    result = tuple(label for label in dict.fromkeys((*left.labels, *right.labels)) if label in kept)
    made = _Tensor(number, result, {label: sizes[label] for label in result}, still)
    sources = (left.number, right.number)
    if still or not summed:
        return Contraction(sources=sources, result=number), made
    a, b = (batch, rows[0], math.prod(rows[1:]), inner), (batch, 1, inner, columns)
    step = Contraction(sources=sources, result=number, a=a, b=b, a_fixed=left.fixed, b_fixed=right.fixed)
    return step, made


def _labels(tensor: _Tensor) -> list[str]:
    return [label for label in dict.fromkeys(tensor.labels) if tensor.sizes[label] > 1]


def _parse(equation: str, ranks: Sequence[int]) -> tuple[list[tuple[str, ...]], tuple[str, ...]]:
    """Labels of every operand and of the output; dimensions behind an ellipsis are '.0', '.1', ... from the right."""
    left, arrow, right = equation.replace(" ", "").partition("->")
    written = [_expand(term, rank) for term, rank in zip(left.split(","), ranks, strict=True)]
    hidden = sorted({label for term in written for label in term if label[0] == "."}, reverse=True)
    if arrow:
        before, dots, after = right.partition("...")
        return written, (*before, *(hidden if dots else ()), *after)
    seen = [label for term in written for label in term if label[0] != "."]
    return written, (*hidden, *sorted(label for label in set(seen) if seen.count(label) == 1))


def _expand(term: str, rank: int) -> tuple[str, ...]:
    before, dots, after = term.partition("...")
    if not dots:
        return tuple(term)
    count = rank - len(before) - len(after)
    return (*before, *(f".{axis}" for axis in reversed(range(count))), *after)

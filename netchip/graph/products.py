"""The multiply-accumulates of every operator that is counted, as layer shapes.

A matrix product with an operand that does not depend on the input is a linear layer, that operand its weights; with two
activations it is a matmul layer. Attention is two of them, `.scores` (queries x keys) and `.values` (scores x values).
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from netchip.graph.capture import CapturedOp, Operand
from netchip.graph.operators import base_name
from netchip.workload.shape import LayerShape

Sizes = tuple[int, ...]


@dataclass(frozen=True)
class Part:
    """One layer's worth of an operation: its shape, the operands and the earlier parts of the operation it reads."""

    shape: LayerShape
    reads: tuple[str, ...]
    after: tuple[int, ...] = ()
    suffix: str = ""


def parts(op: CapturedOp) -> tuple[Part, ...] | None:
    """The layers inside `op`, none where it multiplies element-wise only; None where the operator is not counted."""
    counter = _COUNTED.get(base_name(op.op)) if op.op.startswith("aten.") else None
    return counter(op) if counter is not None else None


def product(a: Sizes, b: Sizes, *, a_fixed: bool, b_fixed: bool) -> LayerShape:
    """The layer of the matrix product a [..., R, C] x b [..., C, K], leading sizes broadcast as torch.matmul does.

    `a_fixed` and `b_fixed` say which operand are weights. Where a leading size is 1 in one operand only, that operand
    is shared along it: the other's rows (columns) are counted there, as in hardware the shared operand is read once.
    """
    if a_fixed and not b_fixed:
        return product(_turned(b), _turned(a), a_fixed=False, b_fixed=True)
    *_, rows, inner = a
    columns = b[-1]
    lead = max(len(a), len(b)) - 2
    positions, groups = [], 1
    for own, other in zip(_padded(a[:-2], lead), _padded(b[:-2], lead), strict=True):
        if own > 1 and other > 1:
            groups *= own
        elif other > 1:
            columns *= other
        else:
            positions.append(own)
    if not b_fixed:
        return LayerShape.matmul(batch=groups, rows=math.prod(positions) * rows, inner=inner, columns=columns)
    batch, *rest = (*positions, rows)
    return _linear(batch, math.prod(rest), groups, inner, columns)


def _linear(batch: int, positions: int, groups: int, inner: int, columns: int) -> LayerShape:
    if groups == 1:
        return LayerShape.linear(batch=batch, in_features=inner, out_features=columns, positions=positions)
    return LayerShape.conv(
        batch=batch,
        in_channels=groups * inner,
        out_channels=groups * columns,
        in_size=(1, positions),
        kernel=(1, 1),
        groups=groups,
    )


def _turned(sizes: Sizes) -> Sizes:
    return (*sizes[:-2], sizes[-1], sizes[-2])


def _padded(sizes: Sizes, length: int) -> Sizes:
    return (1,) * (length - len(sizes)) + sizes


def _own_sizes(operand: Operand) -> Sizes:
    """The operand's sizes, 1 where it merely repeats itself along a leading dimension."""
    lead = len(operand.shape) - 2
    return tuple(1 if axis in operand.expanded and axis < lead else size for axis, size in enumerate(operand.shape))


def _matmul(op: CapturedOp, first: str, second: str) -> tuple[Part, ...]:
    a, b = _given(op, first), _given(op, second)
    a_sizes, b_sizes = _own_sizes(a), _own_sizes(b)
    a_sizes = a_sizes if len(a_sizes) > 1 else (1, *a_sizes)
    b_sizes = b_sizes if len(b_sizes) > 1 else (*b_sizes, 1)
    shape = product(a_sizes, b_sizes, a_fixed=not a.from_input, b_fixed=not b.from_input)
    return _whole(op, shape)


def _matrices(first: str, second: str) -> Callable[[CapturedOp], tuple[Part, ...]]:
    return lambda op: _matmul(op, first, second)


def _linear_layer(op: CapturedOp) -> tuple[Part, ...]:
    activation, weight = _given(op, "input"), _given(op, "weight")
    columns = weight.shape[0] if len(weight.shape) == 2 else 1
    sizes = activation.shape if len(activation.shape) > 1 else (1, *activation.shape)
    flat = (1, math.prod(sizes[:-1]), sizes[-1])
    shape = product(
        flat if weight.from_input else sizes,
        (sizes[-1], columns),
        a_fixed=not activation.from_input,
        b_fixed=not weight.from_input,
    )
    return _whole(op, shape)


def _addbmm(op: CapturedOp) -> tuple[Part, ...]:
    a, b = _given(op, "batch1"), _given(op, "batch2")
    count, rows, inner = a.shape
    shape = product(
        (rows, count * inner), (count * inner, b.shape[2]), a_fixed=not a.from_input, b_fixed=not b.from_input
    )
    return _whole(op, shape)


def _inner(op: CapturedOp) -> tuple[Part, ...]:
    a, b = _given(op, "self"), _given(op, "other")
    if not a.shape or not b.shape:
        return ()
    rows, columns = math.prod(a.shape[:-1]), math.prod(b.shape[:-1])
    inner = a.shape[-1]
    return _whole(op, product((rows, inner), (inner, columns), a_fixed=not a.from_input, b_fixed=not b.from_input))


def _tensordot(op: CapturedOp) -> tuple[Part, ...]:
    a, b = _given(op, "self"), _given(op, "other")
    summed = [axis % len(a.shape) for axis in op.attributes["dims_self"]]
    if not summed:
        return ()
    inner = math.prod(a.shape[axis] for axis in summed)
    rows, columns = math.prod(a.shape) // inner, math.prod(b.shape) // inner
    return _whole(op, product((rows, inner), (inner, columns), a_fixed=not a.from_input, b_fixed=not b.from_input))


def _attention(op: CapturedOp) -> tuple[Part, ...]:
    query, key, value = (_given(op, name) for name in ("query", "key", "value"))
    q, k, v = _own_sizes(query), _own_sizes(key), _own_sizes(value)
    if op.attributes.get("enable_gqa") and q[-3] != k[-3]:
        q = (*q[:-3], k[-3], q[-3] // k[-3] * q[-2], q[-1])
    scores = product(q, _turned(k), a_fixed=not query.from_input, b_fixed=not key.from_input)
    lead = max(len(q), len(k)) - 2
    batch = tuple(max(sizes) for sizes in zip(_padded(q[:-2], lead), _padded(k[:-2], lead), strict=True))
    weighted = product((*batch, q[-2], k[-2]), v, a_fixed=False, b_fixed=not value.from_input)
    mask = ("attn_mask",) if op.operand("attn_mask") is not None else ()
    return (
        Part(scores, ("query", "key", *mask), suffix=".scores"),
        Part(weighted, ("value",), after=(0,), suffix=".values"),
    )


def _convolution(op: CapturedOp) -> tuple[Part, ...] | None:
    activation, weight = _given(op, "input"), _given(op, "weight")
    spatial = len(weight.shape) - 2
    if spatial > 2:
        return None
    unbatched = len(activation.shape) == spatial + 1
    batch, channels, *size = (1, *activation.shape) if unbatched else activation.shape
    transposed = bool(op.attributes.get("transposed", "transpose" in op.op))
    groups = op.attributes["groups"]
    kernel, dilation = weight.shape[2:], _each(op.attributes["dilation"], spatial)
    padding, size = _padding(op.attributes["padding"], kernel, dilation, tuple(size))
    shape = LayerShape.conv(
        batch=batch,
        in_channels=channels,
        out_channels=weight.shape[1] * groups if transposed else weight.shape[0],
        in_size=_plane(size, 1),
        kernel=_plane(kernel, 1),
        stride=_plane(_each(op.attributes["stride"], spatial), 1),
        padding=_plane(padding, 0),
        dilation=_plane(dilation, 1),
        groups=groups,
        transposed=transposed,
        output_padding=_plane(_each(op.attributes.get("output_padding", (0,)), spatial), 0),
    )
    return _whole(op, replace(shape, kind="matmul") if weight.from_input else shape)


def _padding(given: str | Sequence[int], kernel: Sizes, dilation: Sizes, size: Sizes) -> tuple[Sizes, Sizes]:
    """Padding per side, and the input size it is added to.

    "same" with an odd total adds its last row by a pad of its own before the convolution, as torch does.
    """
    if given == "valid":
        return (0,) * len(kernel), size
    if given == "same":
        totals = tuple(step * (width - 1) for step, width in zip(dilation, kernel, strict=True))
        grown = tuple(each + total % 2 for each, total in zip(size, totals, strict=True))
        return tuple(total // 2 for total in totals), grown
    return _each(given, len(kernel)), size  # type: ignore[arg-type]


def _each(given: int | Sequence[int], count: int) -> Sizes:
    values = (given,) if isinstance(given, int) else tuple(given)
    return values * count if len(values) == 1 else values


def _plane(values: Sequence[int], missing: int) -> tuple[int, int]:
    """(height, width) of one or two spatial values; a one-dimensional map lies along the width."""
    return (values[0], values[1]) if len(values) == 2 else (missing, values[0])


def _whole(op: CapturedOp, shape: LayerShape) -> tuple[Part, ...]:
    return (Part(shape, tuple(operand.argument for operand in op.operands)),)


def _given(op: CapturedOp, name: str) -> Operand:
    operand = op.operand(name)
    if operand is None:
        raise ValueError(f"{op.layer}: {op.op} has no operand {name!r}; torch changed its schema")
    return operand


def _einsum(op: CapturedOp) -> tuple[Part, ...]:
    from netchip.graph.einsum import contractions

    tensors = [operand for operand in op.operands if operand.argument.startswith("tensors")]
    found: list[Part] = []
    made_by: dict[int, tuple[int, ...]] = {}
    read_by: dict[int, tuple[str, ...]] = {index: (operand.argument,) for index, operand in enumerate(tensors)}
    steps = contractions(
        op.attributes["equation"],
        [operand.shape for operand in tensors],
        [not operand.from_input for operand in tensors],
        op.attributes.get("path"),
    )
    for step in steps:
        reads = tuple(name for source in step.sources for name in read_by.get(source, ()))
        after = tuple(index for source in step.sources for index in made_by.get(source, ()))
        if step.a is None or step.b is None:
            read_by[step.result], made_by[step.result] = reads, after
            continue
        shape = product(step.a, step.b, a_fixed=step.a_fixed, b_fixed=step.b_fixed)
        made_by[step.result] = (len(found),)
        found.append(Part(shape, reads, after, f".{len(found) + 1}"))
    return (replace(found[0], suffix=""),) if len(found) == 1 else tuple(found)


_COUNTED: Mapping[str, Callable[[CapturedOp], tuple[Part, ...] | None]] = {
    **dict.fromkeys(
        (
            "conv1d",
            "conv2d",
            "conv3d",
            "conv_transpose1d",
            "conv_transpose2d",
            "conv_transpose3d",
            "convolution",
            "_convolution",
        ),
        _convolution,
    ),
    "linear": _linear_layer,
    **dict.fromkeys(("matmul", "linalg_matmul"), _matrices("self", "other")),
    **dict.fromkeys(("mm", "bmm", "_int_mm", "_scaled_mm"), _matrices("self", "mat2")),
    "mv": _matrices("self", "vec"),
    "addmv": _matrices("mat", "vec"),
    "dot": _matrices("self", "tensor"),
    "vdot": _matrices("self", "other"),
    "inner": _inner,
    "tensordot": _tensordot,
    "addmm": _matrices("mat1", "mat2"),
    "baddbmm": _matrices("batch1", "batch2"),
    "addbmm": _addbmm,
    "einsum": _einsum,
    "scaled_dot_product_attention": _attention,
}

"""The layer inside an ONNX operator, from the sizes of its operands and its attributes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from netchip.errors import RequestError
from netchip.graph.products import product
from netchip.workload.shape import LayerShape, Pair

Sizes = tuple[int, ...]


@dataclass(frozen=True)
class Operand:
    """Sizes of an operand, and whether it is fixed: the same for every input of the network, as weights are."""

    sizes: Sizes
    fixed: bool


def fit_together(operator: str, first: Sizes, second: Sizes, attributes: Mapping[str, Any]) -> bool:
    """Whether the operator can run on operands of these sizes: shape inference passes over some that cannot."""
    if operator == "ConvTranspose":
        return len(first) == len(second) > 2 and first[1] == second[0]
    if "Conv" in operator:
        return len(first) == len(second) > 2 and first[1] == second[1] * int(attributes.get("group", 1))
    if operator == "Gemm":
        turned = attributes.get("transA"), attributes.get("transB")
        return len(first) == len(second) == 2 and first[0 if turned[0] else 1] == second[1 if turned[1] else 0]
    if not first or not second or first[-1] != second[-2:][0]:
        return False
    return all(a == b or 1 in (a, b) for a, b in zip(first[-3::-1], second[-3::-1], strict=False))


def layer_of(operator: str, first: Operand, second: Operand, attributes: Mapping[str, Any]) -> LayerShape:
    """The shape of the layer; raises `RequestError` with a reason where it is none that can be counted."""
    if operator == "Gemm":
        first, second = (
            replace(each, sizes=each.sizes[::-1]) if attributes.get(name) else each
            for each, name in ((first, "transA"), (second, "transB"))
        )
    if "Conv" not in operator:
        return _product(first, second)
    shape = _convolution(operator == "ConvTranspose", first.sizes, second.sizes, attributes)
    return shape if second.fixed else replace(shape, kind="matmul")


def _product(first: Operand, second: Operand) -> LayerShape:
    a = first.sizes if len(first.sizes) > 1 else (1, *first.sizes)
    b = second.sizes if len(second.sizes) > 1 else (*second.sizes, 1)
    return product(a, b, a_fixed=first.fixed, b_fixed=second.fixed)


def _convolution(transposed: bool, data: Sizes, weights: Sizes, attributes: Mapping[str, Any]) -> LayerShape:
    axes = len(weights) - 2
    if axes not in (1, 2):
        raise RequestError(f"{axes}-dimensional")
    groups = int(attributes.get("group", 1))
    along = [_axis(transposed, axis, data[2 + axis], weights[2 + axis], axes, attributes) for axis in range(axes)]
    ends = along if axes == 2 else [_Axis(), *along]
    return LayerShape.conv(
        batch=data[0],
        in_channels=data[1],
        out_channels=weights[1] * groups if transposed else weights[0],
        in_size=_pair([axis.size for axis in ends]),
        kernel=_pair([axis.kernel for axis in ends]),
        stride=_pair([axis.stride for axis in ends]),
        padding=_pair([axis.padding for axis in ends]),
        dilation=_pair([axis.dilation for axis in ends]),
        output_padding=_pair([axis.output_padding for axis in ends]),
        groups=groups,
        transposed=transposed,
    )


@dataclass(frozen=True)
class _Axis:
    """A convolution along one axis, padded alike at both ends."""

    size: int = 1
    kernel: int = 1
    stride: int = 1
    dilation: int = 1
    padding: int = 0
    output_padding: int = 0

    @property
    def reach(self) -> int:
        return self.dilation * (self.kernel - 1) + 1


def _pair(values: Sequence[int]) -> Pair:
    return values[0], values[1]


def _axis(transposed: bool, axis: int, size: int, kernel: int, axes: int, attributes: Mapping[str, Any]) -> _Axis:
    plain = _Axis(size, kernel, _at(attributes, "strides", axis, 1), _at(attributes, "dilations", axis, 1))
    padded = _at(attributes, "pads", axis, 0) + _at(attributes, "pads", axis + axes, 0)
    automatic = attributes.get("auto_pad", "NOTSET")
    if transposed:
        return _scattered(plain, padded, automatic, axis, attributes)
    if automatic.startswith("SAME"):
        padded = max((-(-size // plain.stride) - 1) * plain.stride + plain.reach - size, 0)
    return _gathered(plain, 0 if automatic == "VALID" else padded)


def _gathered(axis: _Axis, padded: int) -> _Axis:
    """`padded` positions put at both ends alike where that gives as many outputs, else counted as the input's own."""
    wanted = (axis.size + padded - axis.reach) // axis.stride
    for each in (padded // 2, padded // 2 + padded % 2):
        if (axis.size + 2 * each - axis.reach) // axis.stride == wanted:
            return replace(axis, padding=each)
    return replace(axis, size=axis.size + padded)


def _scattered(axis: _Axis, padded: int, automatic: str, place: int, attributes: Mapping[str, Any]) -> _Axis:
    """A transposed convolution: how many outputs it has more, or fewer, than the windows of its inputs reach."""
    more = _at(attributes, "output_padding", place, 0) - (0 if automatic == "VALID" else padded)
    full = (axis.size - 1) * axis.stride + axis.reach
    if attributes.get("output_shape"):
        more = _at(attributes, "output_shape", place, 0) - full
    elif automatic.startswith("SAME"):
        more = axis.size * axis.stride - full
    padding = max(0, -(more // 2))
    return replace(axis, padding=padding, output_padding=more + 2 * padding)


def _at(attributes: Mapping[str, Any], name: str, place: int, missing: int) -> int:
    values = attributes.get(name)
    return int(values[place]) if values else missing

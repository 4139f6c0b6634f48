"""A trained network as the few kinds of steps that a chip and its host run: BatchNorms and ReLUs folded into what they follow."""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TypeAlias

import torch
from torch import Tensor, nn
from torch.nn import functional

from netchip.errors import RequestError
from netchip.graph.capture import CapturedOp, Operand, capture
from netchip.rtl.steps import IMAGE
from netchip.workload.shape import LayerShape


@dataclass(frozen=True, eq=False)
class FloatLayer:
    """A layer with `weight` [M, C, R, S] and `bias` [M]; the `mean` of maps is one whose weights are all alike."""

    name: str
    sources: tuple[str, ...]
    shape: LayerShape
    weight: Tensor
    bias: Tensor
    relu: bool = False
    mean: bool = False

    def run(self, x: Tensor) -> Tensor:
        """[B, C, H, W], or as many numbers in another shape, -> [B, M, OY, OX]."""
        shape = self.shape
        x = x.reshape(len(x), shape.total_in_channels, shape.in_height, shape.in_width)
        found = functional.conv2d(
            x, self.weight, self.bias, shape.stride, shape.padding, shape.dilation, groups=shape.groups
        )
        return torch.relu(found) if self.relu else found


@dataclass(frozen=True, eq=False)
class FloatSum:
    """A sum of maps."""

    name: str
    sources: tuple[str, ...]
    relu: bool = False

    def run(self, *inputs: Tensor) -> Tensor:
        """The sum."""
        found = torch.stack(inputs).sum(0)
        return torch.relu(found) if self.relu else found


@dataclass(frozen=True, eq=False)
class FloatMove:
    """Values in another shape, `sizes` with the batch first, or with two dimensions `swapped`."""

    name: str
    sources: tuple[str, ...]
    sizes: tuple[int, ...] = ()
    swapped: tuple[int, int] | None = None

    def run(self, x: Tensor) -> Tensor:
        """The values moved."""
        return x.transpose(*self.swapped) if self.swapped else x.reshape(len(x), *self.sizes[1:])


FloatStep: TypeAlias = FloatLayer | FloatSum | FloatMove


@dataclass(frozen=True, eq=False)
class FloatNetwork:
    """Steps in order, and the name of the one whose result is the network's."""

    steps: tuple[FloatStep, ...]
    output: str

    @property
    def layers(self) -> tuple[FloatLayer, ...]:
        """The steps that a chunk runs."""
        return tuple(step for step in self.steps if isinstance(step, FloatLayer))

    @torch.no_grad()
    def values(self, images: Tensor) -> dict[str, Tensor]:
        """What every step gives for a batch, by name, the images among them."""
        found = {IMAGE: images}
        for step in self.steps:
            found[step.name] = step.run(*(found[source] for source in step.sources))
        return found


def folded(model: nn.Module, example: Tensor) -> FloatNetwork:
    """The steps of a network in eval mode, for one image of the example's size.

    Raises `RequestError` that names the first operation which neither a chunk nor the host beside it runs.
    """
    return _Folding(model, example[:1]).network()


class _Folding:
    """Goes through the operations in order, and keeps what each one's result is called now."""

    def __init__(self, model: nn.Module, example: Tensor) -> None:
        self.captured = capture(model, example)
        self.tensors = dict(model.named_parameters(remove_duplicate=False))
        self.tensors |= dict(model.named_buffers(remove_duplicate=False))
        self.steps: dict[str, FloatStep] = {}
        self.called: dict[str, str] = {}
        reads = [_source(each) for op in self.captured.ops for each in op.operands if each.from_input]
        self.readers = Counter([*reads, *self.captured.outputs])

    def network(self) -> FloatNetwork:
        """All steps."""
        if len(self.captured.outputs) != 1:
            raise RequestError(
                f"the network has {len(self.captured.outputs)} outputs; a chip is made of one with a single output"
            )
        for op in self.captured.ops:
            _OPERATIONS.get(op.op, _refuse)(self, op)
        return FloatNetwork(tuple(self.steps.values()), self._now(self.captured.outputs[0]))

    def _now(self, name: str) -> str:
        return self.called.get(name, name)

    def _inputs(self, op: CapturedOp) -> tuple[str, ...]:
        return tuple(self._now(_source(each)) for each in op.operands if each.from_input)

    def _tensor(self, op: CapturedOp, argument: str) -> Tensor | None:
        operand = op.operand(argument)
        if operand is None:
            return None
        if operand.from_input or len(operand.parameters) != 1:
            raise RequestError(f"{op.layer}: its {argument} is not a stored tensor; give the network with plain layers")
        return self.tensors[operand.parameters[0]].detach()

    def convolution(self, op: CapturedOp) -> None:
        """A convolution of two dimensions."""
        (_, _, height, width), weight = op.input_shapes[0], self._tensor(op, "weight")
        if weight is None or weight.ndim != 4 or isinstance(op.attributes["padding"], str):
            _refuse(self, op)
            return
        shape = LayerShape.conv(
            in_channels=weight.shape[1] * op.attributes["groups"],
            out_channels=weight.shape[0],
            groups=op.attributes["groups"],
            in_size=(height, width),
            kernel=(weight.shape[2], weight.shape[3]),
            stride=_pair(op.attributes["stride"]),
            padding=_pair(op.attributes["padding"]),
            dilation=_pair(op.attributes["dilation"]),
        )
        self._layer(op, shape, weight)

    def linear(self, op: CapturedOp) -> None:
        """A linear layer on a vector."""
        weight = self._tensor(op, "weight")
        if weight is None or len(op.input_shapes[0]) != 2:
            _refuse(self, op)
            return
        shape = LayerShape.linear(in_features=weight.shape[1], out_features=weight.shape[0])
        self._layer(op, shape, weight[:, :, None, None])

    def _layer(self, op: CapturedOp, shape: LayerShape, weight: Tensor) -> None:
        bias = self._tensor(op, "bias")
        bias = torch.zeros(len(weight)) if bias is None else bias
        self.steps[op.layer] = FloatLayer(op.layer, self._inputs(op), shape, weight, bias)

    def batch_norm(self, op: CapturedOp) -> None:
        """A BatchNorm goes into the layer before it."""
        step = self._only_reader(op)
        mean, variance = self._tensor(op, "running_mean"), self._tensor(op, "running_var")
        if not isinstance(step, FloatLayer) or step.mean or mean is None or variance is None:
            raise RequestError(
                f"{op.layer}: only a BatchNorm right after a layer, which nothing else reads, is folded into it"
            )
        scale = torch.rsqrt(variance + op.attributes["eps"])
        weight, bias = self._tensor(op, "weight"), self._tensor(op, "bias")
        scale = scale if weight is None else scale * weight
        shifted = (step.bias - mean) * scale + (0.0 if bias is None else bias)
        self.steps[step.name] = replace(step, weight=step.weight * scale[:, None, None, None], bias=shifted)
        self.called[op.layer] = step.name

    def relu(self, op: CapturedOp) -> None:
        """A ReLU goes into the layer or sum before it."""
        step = self._only_reader(op)
        if step is None:
            raise RequestError(
                f"{op.layer}: only a ReLU right after a layer or a sum, which nothing else reads, is folded into it"
            )
        self.steps[step.name] = replace(step, relu=True)
        self.called[op.layer] = step.name

    def add(self, op: CapturedOp) -> None:
        """A sum of two maps."""
        inputs = self._inputs(op)
        if len(inputs) != 2 or op.attributes.get("alpha", 1) != 1 or len(set(op.input_shapes)) != 1:
            _refuse(self, op)
        self.steps[op.layer] = FloatSum(op.layer, inputs)

    def pool(self, op: CapturedOp) -> None:
        """The mean of each map, alone: other pooling is not built."""
        if len(op.input_shapes[0]) != 4 or op.output_shape[2:] not in ((1, 1), ()):
            _refuse(self, op)
        _, channels, height, width = op.input_shapes[0]
        shape = LayerShape.conv(
            in_channels=channels,
            out_channels=channels,
            groups=channels,
            in_size=(height, width),
            kernel=(height, width),
        )
        weight = torch.full((channels, 1, height, width), 1 / (height * width))
        self.steps[op.layer] = FloatLayer(op.layer, self._inputs(op), shape, weight, torch.zeros(channels), mean=True)

    def reshape(self, op: CapturedOp) -> None:
        """The same numbers in another shape."""
        self.steps[op.layer] = FloatMove(op.layer, self._inputs(op), sizes=op.output_shape)

    def transpose(self, op: CapturedOp) -> None:
        """Two dimensions swapped."""
        swapped = (op.attributes["dim0"], op.attributes["dim1"])
        self.steps[op.layer] = FloatMove(op.layer, self._inputs(op), swapped=swapped)

    def nothing(self, op: CapturedOp) -> None:
        """What changes nothing in eval mode."""
        self.called[op.layer] = self._inputs(op)[0]

    def _only_reader(self, op: CapturedOp) -> FloatLayer | FloatSum | None:
        """The layer or sum that `op` follows, where it has no ReLU and nothing else reads it."""
        source = next(_source(each) for each in op.operands if each.from_input)
        step = self.steps.get(self._now(source))
        if isinstance(step, FloatMove) or step is None or step.relu or self.readers[source] != 1:
            return None
        return step


def _source(operand: Operand) -> str:
    return operand.producers[0] if operand.producers else IMAGE


def _pair(values: tuple[int, ...]) -> tuple[int, int]:
    return values[0], values[-1]


def _refuse(_: _Folding, op: CapturedOp) -> None:
    raise RequestError(
        f"{op.layer} ({op.op.removeprefix('aten.')}) is run neither by a chunk nor by the host beside it: there are convolutions "
        "and linear layers with BatchNorm and ReLU, sums of maps, means of whole maps, and changes of order"
    )


_OPERATIONS: Mapping[str, Callable[[_Folding, CapturedOp], None]] = {
    "aten.conv2d": _Folding.convolution,
    "aten.linear": _Folding.linear,
    "aten.batch_norm": _Folding.batch_norm,
    "aten.relu": _Folding.relu,
    "aten.relu_": _Folding.relu,
    "aten.add": _Folding.add,
    "aten.add_": _Folding.add,
    "aten.adaptive_avg_pool2d": _Folding.pool,
    "aten.mean": _Folding.pool,
    "aten.flatten": _Folding.reshape,
    "aten.reshape": _Folding.reshape,
    "aten.view": _Folding.reshape,
    "aten.transpose": _Folding.transpose,
    "aten.dropout": _Folding.nothing,
}

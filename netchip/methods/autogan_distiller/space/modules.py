"""Networks of a space as plain modules: one operator, and the network that an architecture stands for."""

from collections import OrderedDict
from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from netchip.methods.autogan_distiller.space.architecture import Architecture
from netchip.methods.autogan_distiller.space.operator import Activation, Conv, Operator
from netchip.methods.autogan_distiller.space.space import INPUT, Add, Layer, Output, Space

NEGATIVE_SLOPE = 0.2
_RESIDUAL_SCALE = 0.1
_LAST_SCALE = 0.1


class OperatorModule(nn.Module):
    """`operator` from `inputs` to `outputs` channels, standing alone."""

    def __init__(self, operator: Operator, inputs: int, outputs: int) -> None:
        super().__init__()
        self.operator, self._outputs = operator, outputs
        widths = operator.widths(inputs, outputs)
        pairs = zip(operator.body, widths, strict=True)
        self.body = nn.Sequential(*(convolution(conv, before, after) for conv, (before, after) in pairs))
        projected = operator.shortcut and inputs != outputs
        self.projection = convolution(operator.projection, inputs, outputs) if projected else nn.Identity()
        self.activation = activation(operator.activation)
        initialise(self, operator)

    def forward(self, maps: Tensor) -> Tensor:
        """[B, inputs, H, W] -> [B, outputs, H scale, W scale]."""
        if not self.operator.body:
            return passed(maps, self.operator, self._outputs)
        made = self.body(maps)
        return self.activation(made + self.projection(maps) if self.operator.shortcut else made)


class Derived(nn.Module):
    """The network of `architecture` in `space`: [B, inputs, H, W] -> [B, outputs, H scale, W scale]."""

    def __init__(self, space: Space, architecture: Architecture) -> None:
        super().__init__()
        space.check(architecture)
        self.space, self.architecture = space, architecture
        widths = space.widths(architecture)
        self.layers = nn.ModuleDict()
        for layer in space.layers:
            operator = layer.operator(architecture.operators[layer.name])
            inputs = sum(widths[read] for read in space.reads(layer))
            self.layers[layer.name] = OperatorModule(operator, inputs, widths[layer.name])
        start_grey(self.layers, space)

    def forward(self, images: Tensor) -> Tensor:
        """As the class says."""
        return run(self.space, images, self._layer)

    def _layer(self, layer: Layer, maps: Sequence[Tensor]) -> Tensor:
        return self.layers[layer.name](maps[0] if len(maps) == 1 else torch.cat(list(maps), 1))


def run(space: Space, images: Tensor, apply: Callable[[Layer, Sequence[Tensor]], Tensor]) -> Tensor:
    """Runs the steps of `space`: `apply` computes a layer from the maps it reads; each map is let go after its last reader."""
    last = {read: step.name for step in space.steps for read in space.reads(step)}
    maps = {INPUT: images}
    for step in space.steps:
        read = [maps[name] for name in space.reads(step)]
        made = _added(step, read) if isinstance(step, Add) else apply(step, read)
        for name in [name for name in maps if last.get(name) == step.name]:
            del maps[name]
        maps[step.name] = made
    return finished(maps[space.steps[-1].name], space.output)


def convolution(conv: Conv, inputs: int, outputs: int) -> nn.Sequential:
    """`conv` between these widths, with its enlargement, PixelShuffle, norm and activation."""
    parts: OrderedDict[str, nn.Module] = OrderedDict()
    if conv.enlarge > 1:
        parts["enlarge"] = nn.Upsample(scale_factor=conv.enlarge, mode="nearest")
    made = outputs * conv.shuffle**2
    step, pad = conv.stride, conv.padding
    if conv.transposed:
        parts["conv"] = nn.ConvTranspose2d(inputs, made, conv.kernel, step, pad, conv.output_padding, bias=conv.bias)
    else:
        groups = inputs if conv.depthwise else 1
        parts["conv"] = nn.Conv2d(inputs, made, conv.kernel, step, pad, conv.dilation, groups, bias=conv.bias)
    if conv.shuffle > 1:
        parts["shuffle"] = nn.PixelShuffle(conv.shuffle)
    if conv.norm == "instance":
        parts["norm"] = nn.InstanceNorm2d(outputs)
    if conv.activation != "none":
        parts["activation"] = activation(conv.activation)
    return nn.Sequential(parts)


def activation(name: Activation) -> nn.Module:
    """The module of an activation."""
    if name == "relu":
        return nn.ReLU()
    return nn.LeakyReLU(NEGATIVE_SLOPE) if name == "leaky_relu" else nn.Identity()


def passed(maps: Tensor, operator: Operator, outputs: int) -> Tensor:
    """The first `outputs` channels of `maps`, zeros for those that are missing, enlarged as `operator` says."""
    missing = outputs - maps.shape[1]
    kept = functional.pad(maps, (0, 0, 0, 0, 0, missing)) if missing > 0 else maps[:, :outputs]
    if operator.enlarge == 1:
        return kept
    corners = None if operator.mode == "nearest" else False
    return functional.interpolate(kept, scale_factor=operator.enlarge, mode=operator.mode, align_corners=corners)


def finished(maps: Tensor, output: Output) -> Tensor:
    """The image made of the last maps."""
    if output == "none":
        return maps
    return maps.tanh() if output == "tanh" else (maps.tanh() + 1) / 2


def initialise(module: nn.Module, operator: Operator) -> None:
    """He's normal weights by fan-in; those before an unnormed sum a tenth of it (as ESRGAN, arXiv 1809.00219); biases 0."""
    convs = {f"body.{index}.conv": conv for index, conv in enumerate(operator.body)}
    for name, each in module.named_modules():
        if isinstance(each, nn.Conv2d | nn.ConvTranspose2d):
            conv = convs.get(name)
            summed = operator.shortcut and conv is operator.body[-1]
            initialise_weight(each.weight, conv or operator.projection, summed=summed)
            if each.bias is not None:
                nn.init.zeros_(each.bias)


def initialise_weight(weight: Tensor, conv: Conv, *, summed: bool) -> None:
    """One weight; `summed` says that its result is added to a shortcut."""
    fan = weight[0].numel() if not conv.transposed else weight.shape[0] * weight[0, 0].numel() // conv.stride**2
    scale = _RESIDUAL_SCALE if summed and conv.norm == "none" else 1.0
    scale = 0.0 if conv.from_zero else scale
    with torch.no_grad():
        weight.normal_(0.0, scale * (2.0 / fan) ** 0.5)


def start_grey(layers: nn.ModuleDict, space: Space) -> None:
    """Makes the last layer's fresh weights a tenth, where a tanh follows: He's weights lead to its ends, which have no slope."""
    last = space.steps[-1]
    if space.output == "none" or isinstance(last, Add):
        return
    with torch.no_grad():
        for parameter in layers[last.name].parameters():
            parameter.mul_(_LAST_SCALE)


def _added(step: Add, maps: Sequence[Tensor]) -> Tensor:
    first = maps[0] if step.scale == 1 else step.scale * maps[0]
    return first + maps[1]

"""Operations counted in three ways: as they are, as thop counts them, and as the paper's code did.

"macs": multiply-accumulates, a transposed convolution's over its input's positions. "thop" (0.0.31): those of a transposed
convolution over its *output's* positions, stride^2 times too many, plus one for each bias added and each element of a leaky ReLU.
"agd_paper": thop's, in a network whose sizes *halve* at a transposed convolution, so that what follows it is counted on maps
that are far too small. The published figures of AutoGAN-Distiller are of this kind: compare them with nothing else.
"""

from typing import Any, Literal

import torch
from torch import Tensor, nn

from netchip.errors import ConfigError
from netchip.graph.to_workload import to_workload
from netchip.methods.autogan_distiller.space.operator import Counted, Operator
from netchip.methods.autogan_distiller.space.space import INPUT, Layer, Space
from netchip.workload.shape import Pair

Count = Literal["macs", "thop", "agd_paper"]


def operations(counted: Counted, count: Count = "macs") -> int:
    """Operations of one convolution of an operator, with its bias and leaky ReLU where they count."""
    shape = counted.shape
    if count == "macs":
        return shape.macs
    terms = shape.in_channels * shape.kernel_height * shape.kernel_width + int(counted.conv.bias)
    return shape.outputs * terms + counted.leaky


def input_sizes(space: Space, image: Pair, count: Count = "macs") -> dict[str, Pair]:
    """The (height, width) of the maps that every layer reads; for "agd_paper" as its code believed them to be."""
    sizes = space.sizes(image)
    if count != "agd_paper":
        return {layer.name: sizes[space.reads(layer)[0]] for layer in space.layers}
    believed = {INPUT: image}
    for step in space.steps:
        before = believed[space.reads(step)[0]]
        believed[step.name] = _believed(step.choices[0], before) if isinstance(step, Layer) else before
    return {layer.name: believed[space.reads(layer)[0]] for layer in space.layers}


def count_model(model: nn.Module, example: Tensor, count: Count = "macs") -> int:
    """Operations of any network on `example` [B, C, H, W], such as a teacher; an example on the device "meta" costs no time with
    "thop".

    Raises `ConfigError` for "agd_paper", which is a fault in walking through a space, not a way to count a network.
    """
    if count == "agd_paper":
        raise ConfigError('count="agd_paper" is for networks of a space; count a model by "macs" or "thop"')
    return int(to_workload(model, example).macs) if count == "macs" else _thop(model, example)


def _believed(operator: Operator, size: Pair) -> Pair:
    """The size after an operator, halved where a transposed convolution doubles it."""
    strides = [conv.stride for conv in operator.body if conv.transposed]
    return (size[0] // strides[0], size[1] // strides[0]) if strides else operator.out_size(size)


def _thop(model: nn.Module, example: Tensor) -> int:
    total = 0

    def add(module: nn.Module, inputs: tuple[Any, ...], output: Tensor) -> None:
        nonlocal total
        total += _thop_operations(module, output)

    handles = [module.register_forward_hook(add) for module in model.modules()]
    training = model.training
    try:
        with torch.no_grad():
            model.eval()(example)
    finally:
        model.train(training)
        for handle in handles:
            handle.remove()
    return total


def _thop_operations(module: nn.Module, output: Tensor) -> int:
    """Of the modules that thop 0.0.31 counts in generators; others are zero there."""
    if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
        inputs = module.in_channels // module.groups
        kernel = module.kernel_size[0] * module.kernel_size[1]
        return output.numel() * (inputs * kernel + int(module.bias is not None))
    if isinstance(module, nn.BatchNorm2d):
        return 2 * output.numel()
    if isinstance(module, nn.Linear):
        return output.numel() * module.in_features
    return output.numel() if isinstance(module, nn.LeakyReLU) else 0

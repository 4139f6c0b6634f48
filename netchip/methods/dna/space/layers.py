"""The layers of a space's networks: captured once an option and size, put together for one network or for all at once."""

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache, partial

import numpy as np
import torch
from torch import Tensor, nn

from netchip.graph.to_workload import to_workload
from netchip.methods.dna.space.architecture import Architecture
from netchip.methods.dna.space.blocks import Block, MBConv, Skip
from netchip.methods.dna.space.space import Frame, NetworkSpace
from netchip.workload.encoding import Precision
from netchip.workload.layer import Layer
from netchip.workload.network import Workload
from netchip.workload.shape import LayerShape


@dataclass(frozen=True, eq=False)
class SpaceLayers:
    """What the networks of `space` compute. Layers are called as in the derived network.

    `stem` and `tail` are those that every network has; an option's are kept by position, block and bits.
    """

    space: NetworkSpace

    @cached_property
    def stem(self) -> tuple[Layer, ...]:
        """Before the first position."""
        return self._frame[0]

    @cached_property
    def tail(self) -> tuple[Layer, ...]:
        """After the last position: head and classifier."""
        return self._frame[1]

    @cached_property
    def fixed(self) -> tuple[Layer, ...]:
        """Stem and tail."""
        return (*self.stem, *self.tail)

    def of_option(self, place: int, block: int, bits: int) -> tuple[Layer, ...]:
        """The layers of one option; none where it computes nothing."""
        position, size = self.space.positions[place], self.space.sizes[place]
        found = _captured(position.options[block], position.inputs, position.outputs, position.stride, size)
        return tuple(
            with_bits(
                replace(layer, name=f"blocks.{position.name}{layer.name.removeprefix('block')}"), self.space.bits[bits]
            )
            for layer in found
        )

    def workload(self, architecture: Architecture) -> Workload:
        """One network's layers in the order they run, without edges; an image at a time."""
        places = self.space.places(architecture)
        own = [layer for place, (block, bits) in enumerate(places) for layer in self.of_option(place, block, bits)]
        return Workload((*self.stem, *own, *self.tail))

    def expected(self, probabilities: Sequence[np.ndarray]) -> Workload:
        """All networks at once: each option's layers run by a share of the images, which is its probability.

        `probabilities` [options, bits] a position, each summing to 1. What no image runs is left out. The best hardware of this
        workload is that of the mean cost, which is what the architecture learns from.
        """
        own: list[Layer] = []
        for place, chances in enumerate(probabilities):
            options = self.space.positions[place].options
            for block, bits in zip(*np.nonzero(chances > 0), strict=True):
                tag = f"[{options[int(block)].name}, {self.space.bits[int(bits)]} bits]"
                rate = min(1.0, float(chances[block, bits]))
                for layer in self.of_option(place, int(block), int(bits)):
                    own.append(replace(layer, name=f"{layer.name} {tag}", execution_rate=rate))
        return Workload((*self.stem, *own, *self.tail))

    @cached_property
    def _frame(self) -> tuple[tuple[Layer, ...], tuple[Layer, ...]]:
        with torch.random.fork_rng(devices=[]):
            frame, bits = Frame(self.space).eval(), max(self.space.bits)
        stem = to_workload(frame.stem, self.space.example(), strict=True).layers
        maps = torch.zeros(1, self.space.positions[-1].outputs, self.space.sizes[-1], self.space.sizes[-1])
        tail = to_workload(_Tail(frame), maps, strict=True).layers
        return _named(stem, "stem.", bits), _named(tail, "", bits)


class _Tail(nn.Module):
    def __init__(self, frame: Frame) -> None:
        super().__init__()
        self.head, self.pool, self.classifier = frame.head, frame.pool, frame.classifier

    def forward(self, maps: Tensor) -> Tensor:
        return self.classifier(self.pool(self.head(maps)).flatten(1))


def with_bits(layer: Layer, bits: int) -> Layer:
    """The layer with weights, inputs and outputs of so many bits."""
    return replace(layer, precision=Precision(weight_bits=bits, input_bits=bits, output_bits=bits))


def workload_with_bits(workload: Workload, bits: int) -> Workload:
    """The same layers with weights, inputs and outputs of so many bits."""
    return replace(workload, layers=tuple(with_bits(layer, bits) for layer in workload.layers))


@lru_cache(maxsize=4096)
def _captured(block: Block, inputs: int, outputs: int, stride: int, size: int) -> tuple[Layer, ...]:
    """The layers of a block, called "block..."; a tenth of a second for one of a user's own, a millisecond for ours."""
    with torch.random.fork_rng(devices=[]):  # weights that are thrown away take no part in a run's random numbers
        module = nn.Sequential(OrderedDict(block=block.build(inputs, outputs, stride))).eval()
    example = torch.zeros(1, inputs, size, size)
    if isinstance(block, MBConv | Skip):
        return _convolutions(module, example)
    return () if isinstance(module[0], nn.Identity) else to_workload(module, example, strict=True).layers


def _convolutions(module: nn.Module, example: Tensor) -> tuple[Layer, ...]:
    """The convolutions of a ready-made block, which holds nothing else that multiplies, in the order they run."""
    found: list[Layer] = []
    hooks = [
        each.register_forward_hook(partial(_note, found, name))
        for name, each in module.named_modules()
        if isinstance(each, nn.Conv2d)
    ]
    with torch.no_grad():
        module(example)
    for hook in hooks:
        hook.remove()
    return tuple(found)


def _note(found: list[Layer], name: str, convolution: nn.Conv2d, inputs: tuple[Tensor, ...], _: Tensor) -> None:
    kernel, stride, padding = convolution.kernel_size, convolution.stride, convolution.kernel_size[0] // 2
    shape = LayerShape.conv(
        in_channels=convolution.in_channels,
        out_channels=convolution.out_channels,
        groups=convolution.groups,
        in_size=(inputs[0].shape[2], inputs[0].shape[3]),
        kernel=(kernel[0], kernel[1]),
        stride=(stride[0], stride[1]),
        padding=(padding, padding),
    )
    found.append(Layer(name, shape))


def _named(layers: Sequence[Layer], prefix: str, bits: int) -> tuple[Layer, ...]:
    return tuple(with_bits(replace(layer, name=f"{prefix}{layer.name}"), bits) for layer in layers)

"""A space of networks as a value: a stem, positions that hold one block each, a head; and one network of it as a module."""

import math
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass
from functools import cached_property

import numpy as np
import torch
from torch import Tensor, nn

from netchip.errors import ConfigError, DataError
from netchip.hardware.suggest import did_you_mean
from netchip.methods.dna.space.architecture import Architecture
from netchip.methods.dna.space.blocks import Block, Skip
from netchip.methods.dna.space.modules import convolution
from netchip.methods.dna.space.quantized import FLOAT_BITS, at_bits

BITS = (4, 6, 8, 16)


@dataclass(frozen=True)
class Position:
    """A place for one block: channels before and after it, its stride, the alternatives. Raises `ConfigError` for bad numbers."""

    name: str
    inputs: int
    outputs: int
    stride: int
    options: tuple[Block, ...]

    def __post_init__(self) -> None:
        names = [option.name for option in self.options]
        if not names or len(set(names)) < len(names):
            raise ConfigError(f"{self.name}: its options are {names}; give one or more, each of another name")
        if min(self.inputs, self.outputs, self.stride) < 1 or not self.name.isidentifier():
            raise ConfigError(
                f"position {self.name!r}: channels {self.inputs} and {self.outputs}, stride {self.stride}; give numbers of at "
                "least 1, and a name without dots"
            )

    def option(self, name: str) -> int:
        """The place of the option of that name; raises `DataError` that lists those there are."""
        names = [option.name for option in self.options]
        if name not in names:
            raise DataError(f"{self.name} has no option {name!r}{did_you_mean(name, names)}; it has {', '.join(names)}")
        return names.index(name)

    @property
    def skips(self) -> tuple[int, ...]:
        """Places of the options that go past."""
        return tuple(place for place, option in enumerate(self.options) if isinstance(option, Skip))


@dataclass(frozen=True)
class NetworkSpace:
    """Square images of `image_size` pixels -> 3x3 stem, positions, 1x1 head, global pooling, a linear classifier.

    `bits`: precisions of weights and inputs that a position may have; stem, head and classifier have the most of them. Raises
    `ConfigError` where positions do not follow each other.
    """

    name: str
    _: KW_ONLY
    in_channels: int
    classes: int
    image_size: int
    stem_channels: int
    stem_stride: int
    positions: tuple[Position, ...]
    head_channels: int
    bits: tuple[int, ...] = (16,)

    def __post_init__(self) -> None:
        names = [position.name for position in self.positions]
        if not names or len(set(names)) < len(names):
            raise ConfigError(f"space {self.name!r}: positions {names}; give one or more, each of another name")
        if not self.bits or list(self.bits) != sorted(set(self.bits)) or not 2 <= self.bits[0] <= self.bits[-1] <= 24:
            raise ConfigError(f"space {self.name!r}: bits = {self.bits}; give rising numbers from 2 to 24")
        channels = self.stem_channels
        for position in self.positions:
            if position.inputs != channels:
                raise ConfigError(f"{position.name} takes {position.inputs} channels, but is given {channels}")
            channels = position.outputs

    @cached_property
    def sizes(self) -> tuple[int, ...]:
        """Side of the map before each position, and of the last one."""
        sizes = [math.ceil(self.image_size / self.stem_stride)]
        for position in self.positions:
            sizes.append(math.ceil(sizes[-1] / position.stride))
        return tuple(sizes)

    @property
    def count(self) -> float:
        """How many networks it holds."""
        return math.prod(len(position.options) * len(self.bits) for position in self.positions)

    def places(self, architecture: Architecture) -> tuple[tuple[int, int], ...]:
        """(place of the block, place of the bits) of every position; raises `DataError` where it is not of this space."""
        found = len(architecture.blocks), len(architecture.bits)
        if architecture.space != self.name or found != (len(self.positions),) * 2:
            raise DataError(
                f"an architecture of space {architecture.space!r} with {found[0]} blocks and {found[1]} bits; this is "
                f"{self.name!r} with {len(self.positions)} positions"
            )
        for bits in architecture.bits:
            if bits not in self.bits:
                raise DataError(f"space {self.name!r} has no {bits} bits; it has {', '.join(map(str, self.bits))}")
        each = zip(self.positions, architecture.blocks, architecture.bits, strict=True)
        return tuple((position.option(block), self.bits.index(bits)) for position, block, bits in each)

    def architecture(self, places: Sequence[tuple[int, int]]) -> Architecture:
        """That of the given places of block and bits at every position."""
        blocks = [position.options[block].name for position, (block, _) in zip(self.positions, places, strict=True)]
        return Architecture(self.name, tuple(blocks), tuple(self.bits[bits] for _, bits in places))

    def random(self, random: np.random.Generator) -> Architecture:
        """A network drawn evenly."""
        return self.architecture(
            [(int(random.integers(len(each.options))), int(random.integers(len(self.bits)))) for each in self.positions]
        )

    def uniform(self, block: str, bits: int | None = None) -> Architecture:
        """The network that has `block` everywhere, at the most bits by default."""
        chosen = self.bits.index(bits) if bits is not None else len(self.bits) - 1
        return self.architecture([(each.option(block), chosen) for each in self.positions])

    def derive(self, architecture: Architecture) -> "Derived":
        """A standalone network with fresh weights from torch's current seed; raises `DataError` as `places` does."""
        return Derived(self, architecture)

    def example(self, batch: int = 1) -> Tensor:
        """An input of zeros."""
        return torch.zeros(batch, self.in_channels, self.image_size, self.image_size)


class Frame(nn.Module):
    """What all networks of a space share in form: stem, head and classifier."""

    def __init__(self, space: NetworkSpace) -> None:
        super().__init__()
        self.space = space
        self.stem = convolution(space.in_channels, space.stem_channels, kernel=3, stride=space.stem_stride)
        self.head = convolution(space.positions[-1].outputs, space.head_channels)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.classifier = nn.Linear(space.head_channels, space.classes)
        nn.init.normal_(self.classifier.weight, 0.0, 0.01)
        nn.init.zeros_(self.classifier.bias)

    def classified(self, maps: Tensor) -> Tensor:
        """[B, C, H, W] of the last position -> [B, classes]."""
        return self.classifier(self.pool(self.head(maps)).flatten(1))


class Derived(Frame):
    """One network of a space, [B, in_channels, H, W] -> [B, classes]; it holds nothing of the search."""

    def __init__(self, space: NetworkSpace, architecture: Architecture) -> None:
        super().__init__(space)
        self.architecture = architecture
        blocks = OrderedDict[str, nn.Module]()
        for position, (place, _), bits in zip(
            space.positions, space.places(architecture), architecture.bits, strict=True
        ):
            module = position.options[place].build(position.inputs, position.outputs, position.stride)
            blocks[position.name] = at_bits(module, bits) if bits < FLOAT_BITS else module
        self.blocks = nn.Sequential(blocks)

    def forward(self, images: Tensor) -> Tensor:
        """[B, in_channels, H, W] -> [B, classes]."""
        return self.classified(self.blocks(self.stem(images)))

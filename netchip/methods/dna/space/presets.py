"""Ready-made spaces: the released ones for CIFAR and ImageNet, and a small one that a CPU searches."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

from netchip.errors import ConfigError
from netchip.methods.dna.space.blocks import Block, block_named
from netchip.methods.dna.space.space import NetworkSpace, Position

Preset = Literal["cifar", "imagenet", "small"]

BLOCKS = ("k3_e1", "k3_e1_g2", "k3_e3", "k3_e6", "k5_e1", "k5_e1_g2", "k5_e3", "k5_e6", "skip")
"""The nine of the released search space (genotypes.py)."""

_STEM = 16
_COUNTS, _CHANNELS = (1, 4, 4, 4, 4, 4, 1), (16, 24, 32, 64, 112, 184, 352)
_STRIDES = {"cifar": (1, 1, 2, 2, 1, 2, 1), "imagenet": (1, 2, 2, 2, 1, 2, 1)}
_HEADS = {"cifar": 1504, "imagenet": 1984}
_SMALL_COUNTS, _SMALL_CHANNELS, _SMALL_STRIDES = (2, 2, 2), (8, 16, 24), (1, 2, 2)
_SMALL_HEAD = 64


def preset(
    name: Preset,
    *,
    classes: int,
    in_channels: int = 3,
    image_size: int = 32,
    width: float = 1.0,
    options: Sequence[str] = BLOCKS,
    bits: Sequence[int] = (16,),
) -> NetworkSpace:
    """The space "cifar" or "imagenet" as released (22 positions), or "small": 6 positions of 8, 16 and 24 channels.

    `width` multiplies all channels, rounded to even numbers. Raises `ConfigError` for a name or numbers that make no space.
    """
    blocks = tuple(block_named(option) for option in options)
    if name == "small":
        counts, channels, strides, head, stem = _SMALL_COUNTS, _SMALL_CHANNELS, _SMALL_STRIDES, _SMALL_HEAD, 8
    elif name in _STRIDES:
        counts, channels, strides, head, stem = _COUNTS, _CHANNELS, _STRIDES[name], _HEADS[name], _STEM
    else:
        raise ConfigError(f"no space is called {name!r}; there are cifar, imagenet and small")
    return NetworkSpace(
        name,
        in_channels=in_channels,
        classes=classes,
        image_size=image_size,
        stem_channels=_scaled(stem, width),
        stem_stride=2 if name == "imagenet" else 1,
        positions=staged(_scaled(stem, width), counts, [_scaled(each, width) for each in channels], strides, blocks),
        head_channels=_scaled(head, width),
        bits=tuple(sorted(bits)),
    )


def mobilenet_v2(space: NetworkSpace, width: float) -> NetworkSpace:
    """The one network with MobileNetV2's blocks in the positions of `space`, its channels times `width`; stem and head stay.

    Blocks are k3_e1 in the first place and k3_e6 in all others (arXiv 1801.04381, table 2).
    """
    positions: list[Position] = []
    before = space.stem_channels
    for place, each in enumerate(space.positions):
        outputs = _scaled(each.outputs, width)
        options = (block_named("k3_e1" if place == 0 else "k3_e6"),)
        positions.append(Position(each.name, before, outputs, each.stride, options))
        before = outputs
    return replace(space, name=f"mobilenet_v2 {width:g}", positions=tuple(positions))


def staged(
    stem: int, counts: Sequence[int], channels: Sequence[int], strides: Sequence[int], blocks: tuple[Block, ...]
) -> tuple[Position, ...]:
    """Positions in stages: the first of a stage changes channels and has the stride; all have the same options."""
    if not len(counts) == len(channels) == len(strides):
        raise ConfigError(
            f"{len(counts)} counts, {len(channels)} channels, {len(strides)} strides; give one of each a stage"
        )
    found: list[Position] = []
    before = stem
    for count, outputs, stride in zip(counts, channels, strides, strict=True):
        for index in range(count):
            found.append(Position(f"block{len(found)}", before, outputs, stride if index == 0 else 1, blocks))
            before = outputs
    return tuple(found)


def _scaled(channels: int, width: float) -> int:
    return max(2, 2 * round(channels * width / 2))

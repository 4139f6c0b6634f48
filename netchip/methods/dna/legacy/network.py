"""The example network of the released code, as its predictor sees it: every convolution at the resolution of its output."""

from collections.abc import Sequence
from typing import Literal, NamedTuple

from netchip.errors import RequestError
from netchip.workload.encoding import Precision
from netchip.workload.layer import Layer
from netchip.workload.shape import LayerShape

Dataset = Literal["cifar", "imagenet"]

EXAMPLE = (
    *("k5_e6", "k5_e6", "k3_e1", "k5_e3", "k5_e3", "k5_e6", "k5_e1_g2", "k5_e1", "k5_e6", "k5_e6", "k5_e3"),
    *("k5_e6", "k5_e1_g2", "k3_e6", "k5_e6", "k3_e3", "k5_e6", "k5_e6", "k5_e3", "k5_e6", "k5_e3", "k5_e6"),
)
"""The 22 blocks in the main of analytical_prediction.py."""

_STEM = 16
_BLOCKS = (1, 4, 4, 4, 4, 4, 1)
_CHANNELS = (16, 24, 32, 64, 112, 192, 352)
"""192 channels in the sixth stage, where the released network has 184: the predictor's own."""

_STRIDES = {"cifar": (1, 1, 2, 2, 1, 2, 1), "imagenet": (1, 2, 2, 2, 1, 2, 1)}
_SIZES = {"cifar": 32, "imagenet": 112}  # after the stem


class _Block(NamedTuple):
    kernel: int
    expansion: int
    groups: int


def example_layers(dataset: Dataset = "cifar", *, bits: int = 16, blocks: Sequence[str] = EXAMPLE) -> tuple[Layer, ...]:
    """The layers of a network of 22 named blocks; "skip" is none, which is how the released code costs it.

    Stem, head and classifier cost nothing there and are not in it. Raises `RequestError` where there are not 22 blocks, or for a
    name it cannot read.
    """
    if len(blocks) != sum(_BLOCKS):
        raise RequestError(f"{len(blocks)} blocks were given; the released network has {sum(_BLOCKS)}")
    precision = Precision(weight_bits=bits, input_bits=bits, output_bits=bits)
    found: list[Layer] = []
    channels, size, place = _STEM, _SIZES[dataset], 0
    for count, out, stride in zip(_BLOCKS, _CHANNELS, _STRIDES[dataset], strict=True):
        size //= stride
        for _ in range(count):
            found += _layers(f"block{place}", blocks[place], channels, out, size, precision)
            channels, place = out, place + 1
    return tuple(found)


def _layers(name: str, block: str, channels: int, out: int, size: int, precision: Precision) -> list[Layer]:
    if block == "skip":
        return []
    kernel, expansion, groups = _parsed(block)
    middle = channels * expansion
    shapes = {
        "expand": (channels, middle, 1, groups),
        "depthwise": (middle, middle, kernel, middle),
        "project": (middle, out, 1, groups),
    }
    return [
        Layer(
            f"{name}.{part}",
            LayerShape.conv(
                in_channels=before,
                out_channels=after,
                groups=group,
                in_size=(size, size),
                kernel=(width, width),
                padding=(width // 2, width // 2),
            ),
            precision=precision,
        )
        for part, (before, after, width, group) in shapes.items()
    ]


def _parsed(block: str) -> _Block:
    """Kernel, expansion and groups of a name such as 'k5_e1_g2'."""
    parts = {part[:1]: part[1:] for part in block.split("_")}
    if not {"k", "e"} <= set(parts) or not all(value.isdigit() for value in parts.values()):
        raise RequestError(f"no block is called {block!r}; write 'skip', or such as 'k3_e6' or 'k5_e1_g2'")
    return _Block(int(parts["k"]), int(parts["e"]), int(parts.get("g", 1)))

"""What a position can hold, as values: inverted residuals, a way past, and blocks of a user's own."""

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from torch import nn

from netchip.errors import ConfigError, DataError
from netchip.methods.dna.space.modules import InvertedResidual, convolution

SKIP = "skip"


@runtime_checkable
class Block(Protocol):
    """One alternative of a position. A frozen value: it is compared, and is the key under which its layers are kept."""

    @property
    def name(self) -> str:
        """What a network's description calls it."""
        ...

    def build(self, inputs: int, outputs: int, stride: int) -> nn.Module:
        """A fresh module [B, inputs, H, W] -> [B, outputs, H / stride, W / stride], rounded up."""
        ...


@dataclass(frozen=True)
class MBConv:
    """An inverted residual: kernel `kernel`, `expansion` times as many channels inside, 1x1 convolutions in `groups`.

    Raises `ConfigError` for an even kernel, or numbers below 1.

    >>> MBConv(3, 1, 2).name
    'k3_e1_g2'
    """

    kernel: int
    expansion: int
    groups: int = 1

    def __post_init__(self) -> None:
        if self.kernel % 2 == 0 or min(self.kernel, self.expansion, self.groups) < 1:
            raise ConfigError(f"{self}: give an odd kernel, and an expansion and groups of at least 1")

    @property
    def name(self) -> str:
        """Such as "k5_e6", or "k3_e1_g2" with groups."""
        return f"k{self.kernel}_e{self.expansion}" + (f"_g{self.groups}" if self.groups > 1 else "")

    def build(self, inputs: int, outputs: int, stride: int) -> nn.Module:
        """The block; raises `ConfigError` where the groups do not divide the channels."""
        if inputs % self.groups or outputs % self.groups:
            raise ConfigError(
                f"{self.name}: {self.groups} groups do not divide {inputs} and {outputs} channels; choose other channels"
            )
        return InvertedResidual(
            inputs, outputs, kernel=self.kernel, expansion=self.expansion, groups=self.groups, stride=stride
        )


@dataclass(frozen=True)
class Skip:
    """Nothing, where shapes agree; else the 1x1 convolution, BatchNorm and ReLU that make them agree, which cost what they cost."""

    @property
    def name(self) -> str:
        """ "skip"."""
        return SKIP

    def build(self, inputs: int, outputs: int, stride: int) -> nn.Module:
        """An identity or a 1x1 convolution."""
        if inputs == outputs and stride == 1:
            return nn.Identity()
        return convolution(inputs, outputs, stride=stride)


def block_named(name: str) -> MBConv | Skip:
    """The ready-made block of a name such as "k3_e6", "k5_e1_g2" or "skip"; raises `DataError` for another."""
    if name == SKIP:
        return Skip()
    parts = {part[:1]: part[1:] for part in name.split("_")}
    if not {"k", "e"} <= set(parts) <= {"k", "e", "g"} or not all(value.isdigit() for value in parts.values()):
        raise DataError(f"no block is called {name!r}; write 'skip', or such as 'k3_e6' or 'k5_e1_g2'")
    return MBConv(int(parts["k"]), int(parts["e"]), int(parts.get("g", 1)))

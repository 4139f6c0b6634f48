"""A network of whole numbers as steps: those that a chunk runs, and those of the host beside the chip."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TypeAlias

import torch
from torch import Tensor

from netchip.rtl.levels import Levels
from netchip.rtl.reference import IntegerLayer, run, signed_range

IMAGE = "image"
"""The name of what the first steps read."""


@dataclass(frozen=True, eq=False)
class ChipStep:
    """A layer on a chunk. It reads its source as [C, H, W] of its own sizes, taken apart into a vector by a linear layer."""

    name: str
    source: str
    layer: IntegerLayer

    @property
    def sources(self) -> tuple[str, ...]:
        """What it reads."""
        return (self.source,)

    def sized(self, numbers: Tensor) -> Tensor:
        """Its source as its layer takes it."""
        shape = self.layer.shape
        return numbers.reshape(shape.total_in_channels, shape.in_height, shape.in_width)

    def zeros(self) -> Tensor:
        """What it is given in a round that has no image for it."""
        shape = self.layer.shape
        return torch.zeros(shape.total_in_channels, shape.in_height, shape.in_width, dtype=torch.int64)

    def run(self, numbers: Tensor) -> Tensor:
        """What the chunk must give, [M, OY, OX]."""
        return run(self.layer, self.sized(numbers))


@dataclass(frozen=True, eq=False)
class SumStep:
    """A sum on the host, of `read[i]` each, brought to other levels; one source alone is only brought to them."""

    name: str
    sources: tuple[str, ...]
    read: tuple[Levels, ...]
    levels: Levels
    relu: bool = False

    @property
    def told(self) -> str:
        """What it is, for people."""
        return "a sum of maps" if len(self.sources) > 1 else f"a map brought to {self.levels.bits} bits"

    def run(self, *numbers: Tensor) -> Tensor:
        """In float64, rounded to the nearest, ties to even."""
        total = sum((levels.values(each) for levels, each in zip(self.read, numbers, strict=True)), torch.tensor(0.0))
        least, most = signed_range(self.levels.bits)
        found = torch.round(total / self.levels.step).long() + self.levels.zero
        return found.clamp(self.levels.zero if self.relu else least, most)


@dataclass(frozen=True, eq=False)
class MoveStep:
    """Numbers in another order or shape: to `sizes` (with a batch of 1 first), or with the dimensions `swapped`."""

    name: str
    source: str
    sizes: tuple[int, ...] = ()
    swapped: tuple[int, int] | None = None

    @property
    def sources(self) -> tuple[str, ...]:
        """What it reads."""
        return (self.source,)

    @property
    def told(self) -> str:
        """What it is, for people."""
        return "numbers in another order, none changed"

    def run(self, numbers: Tensor) -> Tensor:
        """The numbers moved."""
        batch = numbers[None]
        return (batch.transpose(*self.swapped) if self.swapped else batch.reshape(self.sizes))[0]


Step: TypeAlias = ChipStep | SumStep | MoveStep


@dataclass(frozen=True, eq=False)
class IntegerNetwork:
    """Steps in an order in which each comes after what it reads; `levels` by name say what numbers stand for."""

    steps: tuple[Step, ...]
    output: str
    levels: Mapping[str, Levels]

    @cached_property
    def by_name(self) -> Mapping[str, Step]:
        """The steps by their name."""
        return {step.name: step for step in self.steps}

    @cached_property
    def chip(self) -> tuple[ChipStep, ...]:
        """What chunks run."""
        return tuple(step for step in self.steps if isinstance(step, ChipStep))

    @cached_property
    def host(self) -> tuple[SumStep | MoveStep, ...]:
        """What the host runs; another shape alone is no work."""
        others = [step for step in self.steps if not isinstance(step, ChipStep)]
        return tuple(step for step in others if isinstance(step, SumStep) or step.swapped is not None)

    def all_numbers(self, image: Tensor) -> dict[str, Tensor]:
        """The numbers of every step for an image [C, H, W] of numbers, by name: the reference."""
        found = {IMAGE: image}
        for step in self.steps:
            found[step.name] = step.run(*(found[source] for source in step.sources))
        return found

    def inputs_of(self, step: ChipStep, image: Tensor) -> Tensor:
        """What a chunk reads for a step of that image."""
        return step.sized(self.all_numbers(image)[step.source])

    def run(self, image: Tensor) -> Tensor:
        """The numbers that come out for an image [C, H, W] of numbers."""
        return self.all_numbers(image)[self.output]


def chain(layers: Sequence[IntegerLayer]) -> IntegerNetwork:
    """Layers one after the other, called by their places."""
    names = [IMAGE, *(str(place) for place in range(len(layers)))]
    steps = [ChipStep(name, source, layer) for source, name, layer in zip(names, names[1:], layers, strict=False)]
    return IntegerNetwork(tuple(steps), names[-1], {})

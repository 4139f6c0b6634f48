"""A network in rounds: all chunks begin one together, each layer at another image; what one stores, another loads a round later.

The maps between layers lie in DRAM, whose place the simulator takes, with the steps of the host. A round takes as long as its
slowest chunk, and an image passes in as many rounds as chunks have layers.
"""

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import torch
from torch import Tensor

from netchip.rtl.order import outputs_of
from netchip.rtl.program import Program
from netchip.rtl.steps import IMAGE, ChipStep, IntegerNetwork

Told = Callable[[int, int], None]
"""Is told how many rounds are done, and how many there are."""


@dataclass(frozen=True, eq=False)
class RoundResult:
    """What one chunk gave in a round: its words, and the cycles of each of its layers."""

    words: list[int]
    cycles: tuple[int, ...]


@dataclass(frozen=True, eq=False)
class NetworkRun:
    """The numbers that came out for each image, the cycles of each round, and of each layer in the last round, by name."""

    outputs: tuple[Tensor, ...]
    cycles: tuple[int, ...]
    layers: dict[str, int]


Rounds: TypeAlias = Generator[list[list[Tensor]], Sequence[RoundResult], NetworkRun]
"""Gives the raw inputs of each layer of each chunk for a round, and is sent what came back; ends with the whole run."""


def rounds_of(
    network: IntegerNetwork,
    owned: Sequence[Sequence[ChipStep]],
    programs: Sequence[Program],
    images: Sequence[Tensor],
    told: Told = lambda done, total: None,
) -> Rounds:
    """The rounds of a network whose chip steps are `owned` by chunks, for images of numbers [C, H, W]."""
    maps = _Maps(network, images)
    turn = {step.name: place for place, step in enumerate(network.chip)}
    total, cycles, layers = len(images) + len(turn) - 1, [], {}
    for number in range(total):
        results = yield [[maps.inputs(step, number - turn[step.name]) for step in own] for own in owned]
        for own, program, result in zip(owned, programs, results, strict=True):
            _store(maps, own, program, result, lambda step, now=number: now - turn[step.name])
            layers |= {step.name: count for step, count in zip(own, result.cycles, strict=True)}
        cycles.append(max(sum(result.cycles) for result in results))
        told(number + 1, total)
    return NetworkRun(tuple(maps.of(network.output, place) for place in range(len(images))), tuple(cycles), layers)


class _Maps:
    """What is in DRAM: numbers by step and image."""

    def __init__(self, network: IntegerNetwork, images: Sequence[Tensor]) -> None:
        self.network, self.images = network, images
        self.found: dict[tuple[str, int], Tensor] = {}

    def inputs(self, step: ChipStep, image: int) -> Tensor:
        """What a step reads; zeros where it has no image."""
        there = 0 <= image < len(self.images)
        return step.sized(self.of(step.source, image)) if there else step.zeros()

    def of(self, name: str, image: int) -> Tensor:
        """The numbers of a step; the host's steps run when they are asked for."""
        if name == IMAGE:
            return self.images[image]
        if (name, image) not in self.found:
            step = self.network.by_name[name]
            self.found[name, image] = step.run(*(self.of(source, image) for source in step.sources))
        return self.found[name, image]


def _store(
    maps: _Maps, own: Sequence[ChipStep], program: Program, result: RoundResult, image: Callable[[ChipStep], int]
) -> None:
    start = 0
    for step, plan in zip(own, program.plans, strict=True):
        end = start + plan.words_back
        maps.found[step.name, image(step)] = torch.from_numpy(outputs_of(plan, result.words[start:end]))
        start = end

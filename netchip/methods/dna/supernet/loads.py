"""What the options of a space add to an accelerator's loads, and with that what the mean network costs."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from netchip.methods.dna.platform.platform import Design, Platform
from netchip.methods.dna.space.architecture import Architecture
from netchip.methods.dna.space.layers import SpaceLayers


@dataclass(frozen=True, eq=False)
class LoadTable:
    """Loads under one design: `fixed` [C] of what every network has, `options[place]` [options, bits, C]."""

    fixed: np.ndarray
    options: tuple[np.ndarray, ...]

    @classmethod
    def of(cls, layers: SpaceLayers, platform: Platform, design: Design) -> "LoadTable":
        """Asks the platform once, for every layer of every option."""
        space = layers.space
        shapes = [(len(position.options), len(space.bits)) for position in space.positions]
        places = [(place, *at) for place, shape in enumerate(shapes) for at in np.ndindex(*shape)]
        own = [layers.of_option(*at) for at in places]
        loads = platform.loads(design, [*layers.fixed, *(layer for part in own for layer in part)])
        fixed = loads[:, : len(layers.fixed)].sum(1)
        options = [np.zeros((*shape, len(fixed))) for shape in shapes]
        start = len(layers.fixed)
        for (place, block, bits), part in zip(places, own, strict=True):
            options[place][block, bits] = loads[:, start : start + len(part)].sum(1)
            start += len(part)
        return cls(fixed, tuple(options))

    def least(self, other: "LoadTable") -> "LoadTable":
        """The smaller load of the two, everywhere."""
        options = tuple(np.minimum(own, its) for own, its in zip(self.options, other.options, strict=True))
        return LoadTable(np.minimum(self.fixed, other.fixed), options)

    def expected(self, chances: Sequence[tuple[Tensor, Tensor]]) -> Tensor:
        """The mean over networks, [C] in double, with the gradients of `chances` (blocks and bits of every position)."""
        total = torch.from_numpy(self.fixed)
        for loads, (blocks, bits) in zip(self.options, chances, strict=True):
            own = torch.from_numpy(loads)
            total = total + torch.einsum("kbc,k,b->c", own, blocks.double().cpu(), bits.double().cpu())
        return total

    def of_places(self, places: Sequence[tuple[int, int]]) -> np.ndarray:
        """Those of the network with these places of block and bits, [C]."""
        own = [loads[place] for loads, place in zip(self.options, places, strict=True)]
        return np.sum([self.fixed, *own], axis=0)

    def of_network(self, layers: SpaceLayers, architecture: Architecture) -> np.ndarray:
        """One network's, [C]; raises `DataError` where it is not of the space."""
        return self.of_places(layers.space.places(architecture))

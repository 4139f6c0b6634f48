"""What a joint search is compared with, each with the best accelerator for it under the same limits.

Sequential: the same search by MACs in place of the accelerator's cost, with as many auditions, then the accelerators. The MACs it
aims at are those that networks of the space have, in the median, at the target pace, a designer's rule of thumb; of its networks
it takes the best that keeps the limits. Random: any network of the space, cut down to the limits. Published: the blocks of
MobileNetV2 (arXiv 1801.04381: k3_e6 everywhere but in the first place, k3_e1) in the positions of the space, as wide as keeps them.
"""

from dataclasses import dataclass, replace

import numpy as np
from torch import nn

from netchip.errors import BudgetError
from netchip.graph.to_workload import to_workload
from netchip.methods.dna.joint.macs import MacsPlatform
from netchip.methods.dna.joint.pair import Pair, Solved
from netchip.methods.dna.platform.hierarchy import HierarchyPlatform
from netchip.methods.dna.platform.platform import Design
from netchip.methods.dna.space.architecture import Architecture
from netchip.methods.dna.space.layers import SpaceLayers, workload_with_bits
from netchip.methods.dna.space.presets import mobilenet_v2
from netchip.methods.dna.space.space import NetworkSpace
from netchip.methods.dna.stages.stages import Searched, Stages
from netchip.workload.network import Workload

MEASURED = 8
"""Random networks whose MACs a cycle are looked at."""

_STEP, _STEPS_DOWN = 0.85, 8
WIDTHS = (*(1.0 + 0.1 * step for step in range(10, 0, -1)), *(1.0 - 0.05 * step for step in range(18)))


@dataclass(frozen=True, eq=False)
class Published:
    """A network that was not searched, its layers and its accelerator."""

    space: NetworkSpace
    architecture: Architecture
    workload: Workload
    design: Design
    keeps_limits: bool


def sequential(stages: Stages) -> Searched:
    """A search by MACs with as many auditions as the joint one, then the accelerators: its best network that keeps the limits.

    Where none of those that were heard does, networks of fewer MACs are heard. Raises `BudgetError` where that leads nowhere.
    """
    target = _macs_per_cost(stages) * stages.platform.target
    found = stages.searched("search-by-macs", MacsPlatform(target))
    for step in range(_STEPS_DOWN):
        if step:
            found = _heard_again(stages, found, target * _STEP**step, step)
        pairs = [stages.finder.pair(each.pair.architecture) for each in found.candidates]
        kept = [pair for pair in pairs if stages.finder.fits(pair)]
        if kept:
            return replace(found, pair=kept[0])
    raise BudgetError("no network that a search by MACs found keeps the limits; allow more, or search jointly")


def _heard_again(stages: Stages, found: Searched, target: float, step: int) -> Searched:
    """The same search, its networks brought to other MACs."""
    search = stages.co_search(found.supernet, MacsPlatform(target))
    try:
        candidates, seconds = stages.heard(search, f"search-by-macs-{step}")
    except BudgetError:  # fewer MACs than any network has
        return found
    return replace(found, candidates=candidates, seconds=found.seconds + seconds)


def random_pairs(stages: Stages, count: int) -> list[Pair]:
    """Networks drawn evenly, cut down to the limits where they are over them."""
    random = np.random.default_rng(stages.seed)
    shapes = [(len(position.options), len(stages.space.bits)) for position in stages.space.positions]
    return [stages.finder.best([random.gumbel(size=shape) for shape in shapes]) for _ in range(count)]


def published(stages: Stages) -> Published:
    """The widest network of MobileNetV2's blocks that keeps the limits, else the narrowest there is."""
    low, high = 0, len(WIDTHS) - 1
    while low < high:
        middle = (low + high) // 2
        if _at_width(stages, WIDTHS[middle]).keeps_limits:
            high = middle
        else:
            low = middle + 1
    return _at_width(stages, WIDTHS[low])


def workload_of(network: nn.Module, space: NetworkSpace) -> Workload:
    """Any network's layers at the most bits of the space."""
    captured = to_workload(network.eval(), space.example())
    return workload_with_bits(captured, max(space.bits))


def _at_width(stages: Stages, width: float) -> Published:
    space = mobilenet_v2(stages.space, width)
    architecture = space.architecture([(0, len(space.bits) - 1)] * len(space.positions))
    layers = SpaceLayers(space)
    finder = replace(stages.finder, layers=layers, solved=Solved())
    pair = finder.pair(architecture)
    return Published(space, architecture, layers.workload(architecture), pair.design, finder.fits(pair))


def _macs_per_cost(stages: Stages) -> float:
    """MACs for each unit of the platform's target, the median of random networks with their own accelerators.

    Energy times latency grows with the square of a network's size, everything else with the size.
    """
    platform, random = stages.platform, np.random.default_rng(stages.seed)
    product = isinstance(platform, HierarchyPlatform) and platform.objective == "edp" and np.isfinite(platform.target)
    found: list[float] = []
    for _ in range(MEASURED):
        pair = stages.finder.pair(stages.space.random(random))
        scale = (pair.cost / platform.target) ** 0.5 if product else 1.0
        found.append(stages.layers.workload(pair.architecture).macs / pair.cost * scale)
    return float(np.median(found))

"""What a joint search is compared with, each with the best accelerator for it under the same limits.

Sequential: the same search by MACs in place of the accelerator's cost, then the accelerator. The MACs it aims at are those that
networks of the space have, in the median, at the target pace, and of its networks it takes the largest that keeps the limits: a
designer's rule of thumb at its best. Random: any network of the space, cut down to the limits. Published: the blocks of MobileNetV2
(arXiv 1801.04381: k3_e6 everywhere but in the first place, k3_e1) in the positions of the space, as wide as keeps them.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from torch import nn

from netchip.errors import BudgetError
from netchip.graph.to_workload import to_workload
from netchip.methods.dna.joint.macs import MacsPlatform
from netchip.methods.dna.joint.pair import Finder, Pair
from netchip.methods.dna.platform.hierarchy import HierarchyPlatform
from netchip.methods.dna.platform.platform import Design
from netchip.methods.dna.space.architecture import Architecture
from netchip.methods.dna.space.layers import SpaceLayers, with_bits
from netchip.methods.dna.space.presets import mobilenet_v2
from netchip.methods.dna.space.space import NetworkSpace
from netchip.methods.dna.stages.stages import Searched, Stages
from netchip.methods.dna.stages.training import judged
from netchip.workload.network import Workload

MEASURED = 8
"""Random networks whose MACs a cycle are looked at."""

_STEPS_UP, _STEPS_DOWN = 8, 40
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
    """A search by MACs, and the best pair among its networks: least validation loss of those that keep the limits."""
    per_cost = _macs_per_cost(stages)
    target = per_cost * stages.platform.target
    found = stages.searched("search-by-macs", MacsPlatform(target))
    scores = [np.log(each + 1e-12) for each in found.supernet.joint_chances()]
    pairs = {
        pair.architecture: pair
        for pair in (stages.finder.pair(found.pair.architecture), *_by_size(stages, scores, target))
    }
    kept = [pair for pair in pairs.values() if stages.finder.fits(pair)]
    if not kept:
        raise BudgetError("no network that a search by MACs found keeps the limits; allow more, or search jointly")
    kept = stages.finder.in_use(kept)
    device = next(found.supernet.parameters()).device
    losses = [judged(found.supernet, pair.architecture, stages.validation(), device)[0] for pair in kept]
    return replace(found, pair=kept[int(np.argmin(losses))], losses=tuple(losses))


def random_pair(stages: Stages) -> Pair:
    """A network drawn evenly, cut down to the limits where it is over them."""
    random = np.random.default_rng(stages.seed)
    shapes = [(len(position.options), len(stages.space.bits)) for position in stages.space.positions]
    return stages.finder.best([random.gumbel(size=shape) for shape in shapes])


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
    layers = tuple(with_bits(layer, max(space.bits)) for layer in captured.layers)
    return replace(captured, layers=layers)


def _at_width(stages: Stages, width: float) -> Published:
    space = mobilenet_v2(stages.space, width)
    architecture = space.architecture([(0, len(space.bits) - 1)] * len(space.positions))
    layers = SpaceLayers(space)
    finder = replace(stages.finder, layers=layers)
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


def _by_size(stages: Stages, scores: Sequence[np.ndarray], target: float) -> list[Pair]:
    """The best by scores under MACs around the target, and fewer where none of these keeps the limits; those that do."""
    found: dict[Architecture, Pair] = {}
    for step in range(_STEPS_UP, -_STEPS_DOWN, -1):
        if found and step < -_STEPS_UP:
            break
        by_macs = Finder(
            layers=stages.layers,
            platform=MacsPlatform(target * 1.07**step),
            most_skips=stages.finder.most_skips,
            least_use=stages.finder.least_use,
        )
        try:
            architecture = by_macs.best(scores).architecture
        except BudgetError:  # fewer MACs than any network has
            break
        if architecture not in found:
            pair = stages.finder.pair(architecture)
            found |= {architecture: pair} if stages.finder.fits(pair) else {}
    return list(found.values())

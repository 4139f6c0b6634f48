"""From scores to masks: the mask a rule compares, and the units a ticket keeps. Exactly, or as the released code counts."""

from collections.abc import Sequence
from typing import Any, Protocol

from torch import nn

from netchip.graph.width_macs import width_macs
from netchip.methods.early_bird.masks.amounts import parse_latency, parse_macs
from netchip.methods.early_bird.masks.latency_target import LatencyBudget
from netchip.methods.early_bird.masks.mask_distance import Mask
from netchip.methods.early_bird.masks.official import official_mask, official_threshold, official_units
from netchip.methods.early_bird.masks.ranking import PruneSpace, Ranking, Scores, check_ratio
from netchip.methods.early_bird.masks.targets import MacsBudget, Share, Target, check_ratios
from netchip.methods.early_bird.scoring.prunable import Prunable
from netchip.methods.early_bird.scoring.scales import as_scores, flat_scales, scale_names
from netchip.methods.early_bird.settings import SearchSettings


class Counting(Protocol):
    """The masks of several targets from one vector of scores [units]."""

    @property
    def sizes(self) -> tuple[int, ...]:
        """How the compared mask falls into layers."""
        ...

    @property
    def labels(self) -> tuple[str, ...]:
        """The name of each target."""
        ...

    @property
    def ratios(self) -> tuple[float, ...]:
        """The share removed that each target amounts to."""
        ...

    def masks(self, scores: Scores, model: nn.Module) -> list[Mask]:
        """The mask that is compared with earlier ones, for each target."""
        ...

    def units(self, target: int, scores: Scores, model: nn.Module) -> Mask:
        """The units [units] that the ticket of that target keeps."""
        ...

    def achieved(self, target: int) -> dict[str, Any]:
        """What was asked of the last ticket and what it came to."""
        ...


class Exact:
    """Every unit once, exactly as many as the target wants; one sort serves all targets."""

    def __init__(self, space: PruneSpace, targets: Sequence[Target]) -> None:
        self._space, self._targets = space, tuple(targets)
        self.sizes = space.sizes
        self.labels = tuple(target.label for target in targets)
        self.ratios = tuple(target.ratio for target in targets)

    def masks(self, scores: Scores, model: nn.Module) -> list[Mask]:
        """One mask [units] a target."""
        ranking = Ranking(self._space, scores)
        return [ranking.mask(target.count(ranking)) for target in self._targets]

    def units(self, target: int, scores: Scores, model: nn.Module) -> Mask:
        """The mask of the final count, which a latency budget measures anew."""
        ranking = Ranking(self._space, scores)
        return ranking.mask(self._targets[target].final(ranking, model))

    def achieved(self, target: int) -> dict[str, Any]:
        """What the target says."""
        return self._targets[target].achieved()


class Official:
    """Every BatchNorm channel of the network counts, also those never cut; a strict threshold, so that ties go together.

    The ticket keeps the units whose mean |gamma| is above the same threshold: where a unit has one BatchNorm, as in VGG and
    with the residual stream kept whole, those of the mask. No layer is emptied.
    """

    def __init__(self, space: PruneSpace, model: nn.Module, ratios: Sequence[float]) -> None:
        for ratio in ratios:
            check_ratio(space, ratio)
        self._space, self.ratios = space, tuple(ratios)
        self._names = scale_names(model)
        self.sizes = tuple(model.get_submodule(name).get_parameter("weight").numel() for name in self._names)
        self.labels = tuple(f"{ratio:g}" for ratio in ratios)

    def masks(self, scores: Scores, model: nn.Module) -> list[Mask]:
        """One mask [all BatchNorm channels] a ratio."""
        scales = self._scales(model)
        return [official_mask(scales, ratio) for ratio in self.ratios]

    def units(self, target: int, scores: Scores, model: nn.Module) -> Mask:
        """Units above the threshold."""
        return official_units(self._space, scores, official_threshold(self._scales(model), self.ratios[target]))

    def achieved(self, target: int) -> dict[str, Any]:
        """The ratio of BatchNorm channels."""
        return {"ratio": self.ratios[target], "counted": "every BatchNorm channel, strictly above the threshold"}

    def _scales(self, model: nn.Module) -> Scores:
        return as_scores(flat_scales(model, self._names))


def make_counting(
    found: Prunable, space: PruneSpace, model: nn.Module, example: Any, settings: SearchSettings
) -> Counting:
    """How masks are made for the targets of `settings`; raises `ConfigError` or `BudgetError` for one that cannot be met."""
    if settings.macs is not None:
        macs = width_macs(model, example, found.coupling)
        return Exact(space, [MacsBudget(space, macs, parse_macs(settings.macs))])
    if settings.latency is not None:
        budget = parse_latency(settings.latency)
        return Exact(space, [LatencyBudget(space, found.coupling, model, example, budget)])
    check_ratios(settings.ratio)
    if settings.counting == "official":
        return Official(space, model, settings.ratio)
    return Exact(space, [Share(space, ratio) for ratio in settings.ratio])

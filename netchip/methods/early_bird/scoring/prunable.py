"""What of a network a search can prune: the groups it scores, how they are scored, and why not the rest."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from torch import nn

from netchip.errors import GraphError
from netchip.graph.coupling import ChannelGroup, Coupling, LeftAlone, channel_groups
from netchip.graph.streams import keep_streams
from netchip.methods.early_bird.masks.ranking import PruneSpace
from netchip.methods.early_bird.scoring.importance import ImportanceName
from netchip.methods.early_bird.scoring.scales import frozen_scales
from netchip.methods.early_bird.settings import ImportanceSetting, SearchSettings, StreamName


@dataclass(frozen=True, eq=False)
class Prunable:
    """The groups that are scored, in order, and `importance`, what "auto" came to.

    `coupling` holds them and no other groups; `unranked` are those that could be cut but that the importance cannot rank.
    """

    coupling: Coupling
    importance: ImportanceName
    unranked: tuple[LeftAlone, ...] = ()

    @property
    def groups(self) -> tuple[ChannelGroup, ...]:
        """The scored groups."""
        return self.coupling.groups

    def space(self, settings: SearchSettings) -> PruneSpace:
        """Their sizes, minimum widths and rounding."""
        return PruneSpace(
            sizes=tuple(group.units for group in self.groups),
            min_share=settings.min_share,
            round_to=settings.round_to,
            channels=tuple(group.members[0].index.shape[1] for group in self.groups),
        )


def prunable(model: nn.Module, example: Any, *, importance: ImportanceSetting, stream: StreamName) -> Prunable:
    """Finds the channel groups of the plain network `model` and those an importance can score.

    "gamma" needs BatchNorm scales that take gradients; the others score every group. "auto" is "gamma" where the network has
    such scales, else "l2". Raises `GraphError` with the reasons when nothing is left.
    """
    coupling = channel_groups(model, example)
    coupling = keep_streams(model, example, coupling) if stream == "full" else coupling
    named: ImportanceName = _auto(coupling.groups) if importance == "auto" else importance
    reasons = {group.name: _why_not(group, model, named) for group in coupling.groups}
    scored = tuple(group for group in coupling.groups if reasons[group.name] is None)
    unranked = tuple(
        LeftAlone(group.name, group.units, reason) for group in coupling.groups if (reason := reasons[group.name])
    )
    left = (*coupling.left_alone, *unranked)
    if not scored:
        raise GraphError(_nothing(left))
    return Prunable(Coupling(scored, left, coupling.lengths, coupling.tensors), named, unranked)


def _auto(groups: Sequence[ChannelGroup]) -> ImportanceName:
    return "gamma" if any(group.norms for group in groups) or not groups else "l2"


def _why_not(group: ChannelGroup, model: nn.Module, importance: ImportanceName) -> str | None:
    """Why a group is not scored, None when it is."""
    if group.units < 2:
        return "can only go all together, which would leave nothing"
    if importance == "gamma" and not group.norms:
        return "have no BatchNorm scale to rank them by (importance 'l2' needs none)"
    if importance in ("gamma", "taylor") and (frozen := frozen_scales(model, group.norms)):
        return (
            f"are ranked by a scale that is frozen ({frozen[0]}.weight takes no gradient), so its mask would be stable for no "
            "reason; unfreeze it, or use importance 'l2'"
        )
    return None


def _nothing(left: Sequence[LeftAlone]) -> str:
    reasons = [f"the channels of {each.name} {each.reason}" for each in left[:6]]
    return (
        f"this network has nothing an early-bird ticket can prune: {'; '.join(reasons or ['it has no channel groups'])}"
    )

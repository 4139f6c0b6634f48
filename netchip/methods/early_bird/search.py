"""The search for a ticket inside any training loop: three calls, and the loop stays the user's."""

import copy
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import nn

from netchip.errors import CheckpointMismatch, ConfigError, GraphError, NetchipWarning
from netchip.graph.coupling import ChannelGroup, Coupling, channel_groups
from netchip.graph.surgery import CutPlan, cut, plan
from netchip.graph.wrappers import unwrapped
from netchip.methods.early_bird.detectors import RULES
from netchip.methods.early_bird.mask_distance import Mask
from netchip.methods.early_bird.masks import check_ratio, top_channels
from netchip.methods.early_bird.slimming import add_slimming_gradient
from netchip.methods.early_bird.ticket import Ticket
from netchip.train.distributed import broadcast_object


class TicketSearch:
    """Watches the BatchNorm scales of a network in training and draws its early-bird ticket (arXiv 1909.11957, algorithm 1).

    Channels that must go together (those added by a shortcut, the groups of a grouped convolution) count once, scored
    by the mean of their |gamma|. The mask keeps exactly round(C (1 - ratio)) of the C of them, over all layers.

        search = TicketSearch(model, example, ratio=0.5)
        for epoch in range(epochs):
            for images, labels in loader:
                optimizer.zero_grad()
                loss_of(model(images), labels).backward()
                search.regularize()          # between backward and step; with a GradScaler after unscale_
                optimizer.step()
            if ticket := search.end_epoch():
                ticket.cut(model, optimizer)  # go on training: the model is small now

    Arguments: `model` any network with BatchNorm; `example` an input, or a tuple or dict of inputs; `ratio` the share
    of channels to remove; `detector` "official", "paper", "normalized" or "widths" (see `detectors`) with `eps` and `window`
    (section 3.2); `l1` the weight of the L1 term on the scales; `min_share` the share of its channels every layer keeps at
    least; `min_epochs` the epochs before which no mask counts as stable, such as those of a warm-up.

    Raises `GraphError` when nothing can be pruned (with the reasons), `ConfigError` for settings that cannot work.
    """

    def __init__(
        self,
        model: nn.Module,
        example: Any,
        *,
        ratio: float = 0.5,
        detector: str = "official",
        eps: float = 0.1,
        window: int = 5,
        l1: float = 1e-4,
        min_share: float = 0.1,
        min_epochs: int = 0,
        source: Mapping[str, Any] | None = None,
    ) -> None:
        _check_rule(detector, eps, window, ratio)
        self.ratio, self.detector, self.eps, self.window = ratio, detector, eps, window
        self.l1, self.min_share, self.min_epochs = l1, min_share, min_epochs
        self.example = example
        self._model, self._source = model, source
        self.coupling = channel_groups(unwrapped(model), example)
        self.groups = _scored_groups(self.coupling)
        self._sizes = [group.units for group in self.groups]
        check_ratio(self._sizes, ratio, min_share)
        #: the BatchNorm layers whose scales are scored and pulled towards zero
        self.scale_names = tuple(dict.fromkeys(name for group in self.groups for name in group.norms))
        self._masks: list[Mask] = []
        self._epochs = 0
        self._drawn: int | None = None
        self._stable = False
        self._ticket: Ticket | None = None

    @property
    def masks(self) -> tuple[Mask, ...]:
        """The masks so far, one an epoch, oldest first, each of shape [C] over all groups."""
        return tuple(self._masks)

    @property
    def drawn_epoch(self) -> int | None:
        """The epochs trained when the ticket was drawn; None before."""
        return self._drawn

    def regularize(self) -> None:
        """Adds l1 * sign(gamma) to the gradient of every scored BatchNorm scale; call once an optimizer step."""
        self.pull_on(self._model)()

    def pull_on(self, model: nn.Module) -> Callable[[], None]:
        """What `regularize` does, on another network with the same layers: a function to call between backward and step."""
        inner = unwrapped(model)
        return lambda: add_slimming_gradient([inner.get_submodule(name) for name in self.scale_names], self.l1)

    def end_epoch(self) -> Ticket | None:
        """Draws this epoch's mask; returns the ticket once the rule holds, else None. After the draw it does nothing."""
        if self._drawn is not None:
            return None
        self._epochs += 1
        scores = self._scores()
        if _flat(scores):
            warnings.warn(
                "all BatchNorm scales are still equal, so no mask was drawn: a mask of ties is stable for no reason",
                NetchipWarning,
                stacklevel=2,
            )
            return None
        mask = np.concatenate(top_channels(scores, self.ratio, self.min_share))
        self._masks.append(broadcast_object(mask))
        stable = RULES[self.detector].stable(self._masks, self.eps, self.window, self._sizes)
        self._stable = stable and self._epochs >= self.min_epochs
        return self._draw() if self._stable else None

    def draw(self) -> Ticket:
        """Draws the ticket of the newest mask now, stable or not. Raises `ConfigError` before the first mask."""
        if not self._masks:
            raise ConfigError("no mask has been drawn yet: train at least one epoch and call end_epoch() before draw()")
        return self._draw()

    def ticket(self) -> Ticket | None:
        """The ticket that was drawn; None before. After `load_state_dict` the model must hold the weights it had at the draw."""
        return None if self._drawn is None else self._draw()

    def distances(self) -> list[float]:
        """The distances the rule looks at now, oldest first."""
        return RULES[self.detector].distances(self._masks, self.window, self._sizes)

    def state_dict(self) -> dict[str, Any]:
        """Everything a resumed search needs, the queue of masks included, as plain types and tensors."""
        packed = np.packbits(np.stack(self._masks), axis=1) if self._masks else np.zeros((0, 0), np.uint8)
        return {
            "masks": torch.from_numpy(packed),
            "epochs": self._epochs,
            "drawn": self._drawn,
            "stable": self._stable,
            "groups": {group.name: group.units for group in self.groups},
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Takes up a saved search. Raises `CheckpointMismatch` when it is of a network with other channel groups."""
        groups = {group.name: group.units for group in self.groups}
        if dict(state["groups"]) != groups:
            differing = sorted(set(groups.items()) ^ set(dict(state["groups"]).items()))
            raise CheckpointMismatch(
                f"the saved search is of another network; channel groups that differ: {differing[:4]}"
            )
        channels = sum(self._sizes)
        rows = np.unpackbits(state["masks"].cpu().numpy(), axis=1, count=channels) if len(state["masks"]) else []
        self._masks = [row.astype(bool) for row in rows]
        self._epochs, self._drawn, self._stable = int(state["epochs"]), state["drawn"], bool(state["stable"])
        self._ticket = None

    def _draw(self) -> Ticket:
        if self._ticket is None:
            self._drawn = self._epochs if self._drawn is None else self._drawn
            self._ticket = self._made(self._drawn)
        return self._ticket

    def _made(self, epoch: int) -> Ticket:
        keep = self._by_group(np.split(self._masks[-1], np.cumsum(self._sizes)[:-1]))
        cuts = plan(self.coupling, keep)
        small = copy.deepcopy(unwrapped(self._model))
        cut(small, cuts)
        return Ticket(
            plan=cuts,
            epoch=epoch,
            ratio=self.ratio,
            detector=self.detector,
            distances=tuple(self.distances()),
            stable=self._stable,
            widths={name: (int(mask.sum()), mask.size) for name, mask in keep.items()},
            source=self._source,
            state={name: tensor.detach().cpu() for name, tensor in small.state_dict().items()},
            example=self.example,
        )

    def random_plan(self, seed: int) -> CutPlan:
        """The cut of a random ticket: as many channels and the same least widths, but which they are is drawn from `seed`."""
        random = np.random.default_rng(seed)
        return plan(
            self.coupling,
            self._by_group(top_channels([random.random(n) for n in self._sizes], self.ratio, self.min_share)),
        )

    def _by_group(self, masks: Sequence[Mask]) -> dict[str, Mask]:
        return dict(zip((group.name for group in self.groups), masks, strict=True))

    def _scores(self) -> list[np.ndarray]:
        inner = unwrapped(self._model)
        return [_group_score(group, inner) for group in self.groups]


def _check_rule(detector: str, eps: float, window: int, ratio: float) -> None:
    if detector not in RULES:
        raise ConfigError(f"detector = {detector!r}: there are {', '.join(RULES)}")
    if not 0.0 < eps <= 1.0:
        raise ConfigError(f"eps = {eps}: it is a mask distance, above 0 and at most 1")
    if window < 2:
        raise ConfigError(f"window = {window}: {detector} needs at least 2 ({RULES[detector].masks_needed(2)} masks)")
    largest = RULES[detector].largest(ratio) if 0.0 < ratio < 1.0 else 1.0
    if eps >= largest:
        raise ConfigError(
            f"eps = {eps}: at ratio {ratio} no two masks lie further apart than {largest:.3g} by the rule {detector!r}, so every "
            f"mask would count as stable; use an eps well below that, or detector 'normalized'"
        )


def _scored_groups(coupling: Coupling) -> tuple[ChannelGroup, ...]:
    groups = tuple(group for group in coupling.groups if group.norms and group.units > 1)
    if groups:
        return groups
    reasons = [f"the channels of {left.name} {left.reason}" for left in coupling.left_alone]
    reasons += [f"the channels of {group.name} have no BatchNorm scale to rank them by" for group in coupling.groups]
    raise GraphError(
        "this network has nothing an early-bird ticket can prune: "
        + "; ".join(reasons[:6] or ["it has no channel groups"])
    )


def _group_score(group: ChannelGroup, model: nn.Module) -> np.ndarray:
    """Mean |gamma| of each unit [units], over its channels and over the BatchNorms that carry them."""
    members = [member for member in group.members if member.module in group.norms]
    scales = [_scales(model.get_submodule(member.module))[member.index] for member in members]
    return np.mean([scale.mean(axis=1) for scale in scales], axis=0)


def _scales(norm: nn.Module) -> np.ndarray:
    """|gamma| of a BatchNorm [C]."""
    return norm.get_parameter("weight").detach().abs().double().cpu().numpy()


def _flat(scores: list[np.ndarray]) -> bool:
    flat = np.concatenate(scores)
    return bool(flat.max() == flat.min())

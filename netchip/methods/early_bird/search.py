"""The search for a ticket inside any training loop: three calls, and the loop stays the user's."""

import warnings
from collections.abc import Mapping, Sequence
from typing import Any, Self

import numpy as np
import torch
from torch import nn

from netchip.errors import CheckpointMismatch, ConfigError, NetchipWarning
from netchip.graph.surgery import CutPlan, cut, plan
from netchip.graph.wrappers import unwrapped
from netchip.methods.early_bird.masks.counting import make_counting
from netchip.methods.early_bird.masks.history import History
from netchip.methods.early_bird.masks.mask_distance import Mask
from netchip.methods.early_bird.masks.ranking import Scores
from netchip.methods.early_bird.scoring.importance import Importance, make_importance
from netchip.methods.early_bird.scoring.prunable import Prunable, prunable
from netchip.methods.early_bird.scoring.pull import pulls
from netchip.methods.early_bird.settings import (
    CountingName,
    DetectorName,
    ImportanceSetting,
    PenaltyName,
    SearchSettings,
    StreamName,
    WeightsName,
    check_eps,
)
from netchip.methods.early_bird.starting_weights import Fresh, StartingWeights
from netchip.methods.early_bird.ticket import Ticket
from netchip.train.distributed import broadcast_object


class TicketSearch:
    """Watches the channels of a network in training and draws its early-bird ticket (arXiv 1909.11957, algorithm 1).

    Channels that must go together (those added by a shortcut, the groups of a grouped convolution) count once, scored
    by the mean of their |gamma|. The mask keeps exactly round(C (1 - ratio)) of the C of them, over all layers.

        search = TicketSearch(model, example, ratio=0.5)
        for epoch in range(epochs):
            for images, labels in loader:
                optimizer.zero_grad()
                loss_of(model(images), labels).backward()
                search.regularize()          # between backward and step; once a step, also under accumulation
                optimizer.step()
            if ticket := search.end_epoch():
                ticket.cut(model, optimizer)  # go on training: the model is small now

    `model` is any network, `example` an input, or a tuple or dict of inputs. What the ticket comes to:
    - `ratio`, the share of channels to remove; several are searched at once, each with a ticket of its own. Or a budget in
      its place: `macs` ("60%" is the share kept, "250M" an amount) or `latency` ("60%", "3.5 ms"), measured on this device.
    - `min_share`, the share of its channels every layer keeps at least; `round_to`, a number of channels widths are a multiple of.
    - `importance`: "gamma" (the paper), "l2" (needs no BatchNorm), "taylor", "random" (a control); "auto" is "gamma" where the
      network has BatchNorm scales, else "l2".
    - `stream`: "coupled" cuts a residual stream everywhere; "full" keeps it whole and selects channels in front of the layers
      that read it, as the released code does. `counting`: "exact", or "official": every BatchNorm channel, strict threshold.
    - `weights`: "inherit", "rewind" (to `rewind_epoch`), "reinit" (fresh ones, from `fresh()` or each layer's reset).

    When it is drawn: `detector` "official", "paper", "normalized" or "widths" (see `detectors`) with `eps` and `window`
    (section 3.2), from `min_epochs` on. Masks of the first `warmup_epochs`, and those whose scores have moved by less than the
    share `min_movement` since the last, are no evidence. `every_steps` draws masks by steps (`end_step`) instead of epochs.

    `l1` is the weight of the pull on the scales (on filters for "l2"), with `penalty` "gradient", or "proximal" for Adam.

    Raises `GraphError` when nothing can be pruned (with the reasons), `ConfigError` for settings that cannot work,
    `BudgetError` for a budget out of reach (with what is in reach).
    """

    def __init__(
        self,
        model: nn.Module,
        example: Any,
        *,
        ratio: float | Sequence[float] = 0.5,
        macs: str | int | None = None,
        latency: str | None = None,
        importance: ImportanceSetting = "auto",
        stream: StreamName = "coupled",
        counting: CountingName = "exact",
        detector: DetectorName = "official",
        eps: float = 0.1,
        window: int = 5,
        l1: float = 1e-4,
        penalty: PenaltyName = "gradient",
        min_share: float = 0.1,
        round_to: int = 1,
        min_epochs: int = 0,
        warmup_epochs: int = 0,
        min_movement: float = 1e-4,
        every_steps: int | None = None,
        weights: WeightsName = "inherit",
        rewind_epoch: int = 0,
        fresh: Fresh | None = None,
        seed: int = 0,
        source: Mapping[str, Any] | None = None,
    ) -> None:  # long: a line a setting
        settings = SearchSettings(
            ratio=(float(ratio),) if isinstance(ratio, (int, float)) else tuple(ratio),
            macs=None if macs is None else str(macs),
            latency=latency,
            importance=importance,
            stream=stream,
            counting=counting,
            detector=detector,
            eps=eps,
            window=window,
            l1=l1,
            penalty=penalty,
            min_share=min_share,
            round_to=round_to,
            min_epochs=min_epochs,
            warmup_epochs=warmup_epochs,
            min_movement=min_movement,
            every_steps=every_steps,
            weights=weights,
            rewind_epoch=rewind_epoch,
            seed=seed,
        )
        self.settings, self.example = settings, example
        self._model, self._source = model, source
        inner = unwrapped(model)
        self._prunable: Prunable = prunable(inner, example, importance=importance, stream=stream)
        self.coupling, self.groups = self._prunable.coupling, self._prunable.groups
        self.importance = self._prunable.importance
        self._space = self._prunable.space(settings)
        self._counting = make_counting(self._prunable, self._space, inner, example, settings)
        for each in self._counting.ratios:
            check_eps(settings, each, sum(self._counting.sizes))
        self._scorer: Importance = make_importance(self.importance, inner, self.groups, seed=seed)
        self._pull = pulls(self.groups, filters_only=self.importance == "l2")
        self._weights = StartingWeights(weights, model, rewind_epoch=rewind_epoch, seed=seed, fresh=fresh)
        self.histories = tuple(History() for _ in self._counting.labels)
        self._tickets: list[Ticket | None] = [None] * len(self.histories)
        self._scores: Scores | None = self._scorer.scores(inner, 0) if self.importance in ("gamma", "l2") else None
        self._epochs = self._steps = self._checks = 0

    @classmethod
    def official(cls, model: nn.Module, example: Any, *, ratio: float | Sequence[float] = 0.5, **settings: Any) -> Self:
        """The search as the released code counts: every BatchNorm channel, strict threshold, residual stream kept whole."""
        preset = {"stream": "full", "counting": "official", "detector": "official", "min_share": 0.0}
        return cls(model, example, ratio=ratio, **(preset | settings))

    @property
    def labels(self) -> tuple[str, ...]:
        """The name of each target: "0.5", "macs-60%"."""
        return self._counting.labels

    @property
    def scale_names(self) -> tuple[str, ...]:
        """The layers whose scales (or filters) are pulled towards zero."""
        return self._pull.names

    @property
    def masks(self) -> tuple[Mask, ...]:
        """The masks of the first target so far, one a check, oldest first, each of shape [C]."""
        return tuple(self.histories[0].masks)

    @property
    def drawn_epoch(self) -> int | None:
        """The epochs trained when the first target's ticket was drawn; None before."""
        ticket = self._tickets[0]
        return None if ticket is None else ticket.epoch

    @property
    def finished(self) -> bool:
        """Whether every target has its ticket."""
        return all(ticket is not None for ticket in self._tickets)

    @property
    def tickets(self) -> dict[str, Ticket]:
        """The tickets drawn so far, by label."""
        return {label: ticket for label, ticket in zip(self.labels, self._tickets, strict=True) if ticket is not None}

    def regularize(self, gradient_scale: float = 1.0) -> None:
        """Adds the pull to the gradients of the scored scales; call once an optimizer step, between backward and step.

        With a GradScaler call it after `unscale_`, or hand over `gradient_scale=scaler.get_scale()`. Under DDP call it after
        backward, when gradients are summed; under accumulation on the last micro batch. Under penalty "proximal" it adds
        nothing: call `shrink(optimizer)` after the step.
        """
        if not self.finished:
            self._scorer.observe(unwrapped(self._model), gradient_scale)
        self.pull_on(self._model, gradient_scale)

    def shrink(self, optimizer: Any) -> None:
        """The proximal form of the pull, for Adam: gamma <- sign(gamma) max(|gamma| - rate l1, 0); call after the step.

        Nothing under penalty "gradient", so that one loop serves both.
        """
        self.shrink_on(self._model, optimizer)

    def pull_on(self, model: nn.Module, gradient_scale: float = 1.0) -> None:
        """The pull of `regularize` on another network with the same layers."""
        if self.settings.penalty == "gradient":
            self._pull.add_gradient(model, self.settings.l1 * gradient_scale)

    def shrink_on(self, model: nn.Module, optimizer: Any) -> None:
        """The pull of `shrink` on another network with the same layers."""
        if self.settings.penalty == "proximal":
            self._pull.shrink(model, self.settings.l1, optimizer)

    def end_epoch(self) -> Ticket | None:
        """Draws this epoch's masks; returns the ticket once the rule holds, else None. After the draw it does nothing.

        With several targets it returns the first ticket drawn now; `tickets` has them all, and `finished` says when that is so.
        """
        if self.finished:
            return None
        self._epochs += 1
        self._weights.end_epoch(self._model, self._epochs)
        return self._check() if self.settings.every_steps is None else None

    def end_step(self) -> Ticket | None:
        """With `every_steps`: draws masks at every so many optimizer steps, and returns a ticket as `end_epoch` does."""
        if self.settings.every_steps is None or self.finished:
            return None
        self._steps += 1
        return self._check() if self._steps % self.settings.every_steps == 0 else None

    def draw(self) -> Ticket:
        """Draws every ticket that is not drawn yet from the newest scores, stable or not; returns the first target's.

        Raises `ConfigError` before the first mask.
        """
        for target, ticket in enumerate(self._tickets):
            if ticket is None:
                self._draw(target, stable=False)
        return self.tickets[self.labels[0]]

    def ticket(self) -> Ticket | None:
        """The ticket of the first target; None before it was drawn."""
        return self._tickets[0]

    def distances(self, target: int = 0) -> list[float]:
        """The distances the rule looks at now, oldest first."""
        settings, sizes = self.settings, self._counting.sizes
        return self.histories[target].distances(settings.detector, settings.window, sizes)

    def random_plan(self, seed: int) -> CutPlan:
        """The cut of a random ticket: as wide as the first target's in every group, so of as many MACs, but which channels stay
        is drawn from `seed`. Raises `ConfigError` before that ticket is drawn.
        """
        ticket, random = self._tickets[0], np.random.default_rng(seed)
        if ticket is None:
            raise ConfigError("a random ticket is as wide as the drawn one: draw a ticket first")
        keep = {name: random.permutation(total) < kept for name, (kept, total) in ticket.widths.items()}
        return plan(self.coupling, keep)

    def starting_state(self, model: nn.Module) -> Mapping[str, torch.Tensor]:
        """The dense weights a ticket of `model` starts from: its own, those of an earlier epoch, or fresh ones."""
        return self._weights.source(model).state_dict()

    def plan_from(self, model: nn.Module) -> CutPlan:
        """The cut that the first target would make of another network with the same layers, by its own scores.

        Raises `ConfigError` for importance "taylor", which needs that network's gradients.
        """
        if self.importance == "taylor":
            raise ConfigError(
                "importance 'taylor' scores a network while it trains; another one needs a search of its own"
            )
        inner = unwrapped(model)
        return self._plan(self._counting.units(0, self._scorer.scores(inner, self._checks), inner))

    def state_dict(self) -> dict[str, Any]:
        """Everything a resumed search needs, the queues of masks and the drawn tickets included, as plain types and tensors."""
        return {
            "settings": self.settings.to_plain(),
            "groups": {group.name: group.units for group in self.groups},
            "histories": [history.state_dict() for history in self.histories],
            "tickets": [None if ticket is None else ticket.state_dict() for ticket in self._tickets],
            "counters": [self._epochs, self._steps, self._checks],
            "scores": None if self._scores is None else torch.from_numpy(self._scores),
            "importance": self._scorer.state_dict(),
            "weights": self._weights.state_dict(),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Takes up a saved search. Raises `CheckpointMismatch` for one of another network, or made with other settings."""
        groups = {group.name: group.units for group in self.groups}
        if dict(state["groups"]) != groups:
            differing = sorted(set(groups.items()) ^ set(dict(state["groups"]).items()))
            raise CheckpointMismatch(
                f"the saved search is of another network; channel groups that differ: {differing[:4]}"
            )
        if difference := self.settings.difference(state["settings"]):
            raise CheckpointMismatch(
                f"the saved search was made with other settings ({difference}): its masks would be judged by a rule they were "
                "not drawn for; use its settings, or start a search anew"
            )
        self.histories = tuple(History.from_state(each) for each in state["histories"])
        self._tickets = [None if each is None else Ticket.from_state(each, self.example) for each in state["tickets"]]
        self._epochs, self._steps, self._checks = state["counters"]
        self._scores = None if state["scores"] is None else state["scores"].cpu().numpy()
        self._scorer.load_state_dict(state["importance"])
        self._weights.load_state_dict(state["weights"])

    def _check(self) -> Ticket | None:
        """Draws the masks of now; the first ticket whose rule holds."""
        self._checks += 1
        inner = unwrapped(self._model)
        scores = self._scorer.scores(inner, self._checks)
        if scores.max() == scores.min():
            _warn("all scores are still equal, so no mask was drawn: a mask of ties is stable for no reason")
            return None
        counts = self._is_evidence(scores)
        self._scores = scores
        for history, mask in zip(self.histories, broadcast_object(self._counting.masks(scores, inner)), strict=True):
            history.add(mask, counts=counts)
        settings, sizes = self.settings, self._counting.sizes
        stable = [
            ticket is None
            and self._epochs >= max(settings.min_epochs, settings.rewind_epoch if settings.weights == "rewind" else 0)
            and history.holds(settings.detector, settings.eps, settings.window, sizes)
            for history, ticket in zip(self.histories, self._tickets, strict=True)
        ]
        drawn = [self._draw(target, stable=True) for target, holds in enumerate(stable) if holds]
        return drawn[0] if drawn else None

    def _is_evidence(self, scores: Scores) -> bool:
        """Whether a mask of these scores can say anything: after the warm-up, and when something has moved since the last."""
        if self._epochs + (self.settings.every_steps is not None) <= self.settings.warmup_epochs:
            return False
        if self._scores is None:
            return True
        moved = float(np.abs(scores - self._scores).mean() / max(np.abs(self._scores).mean(), np.finfo(float).tiny))
        if moved >= self.settings.min_movement:
            return True
        _warn(
            f"the scores have moved by {moved:.2g} of their size since the last mask, less than min_movement = "
            f"{self.settings.min_movement:g}: this mask is no evidence. Are the scales frozen, or the learning rate near zero?"
        )
        return False

    def _draw(self, target: int, *, stable: bool) -> Ticket:
        if self._scores is None or not self.histories[target].masks:
            raise ConfigError("no mask has been drawn yet: train at least one epoch and call end_epoch() before draw()")
        mask = broadcast_object(self._counting.units(target, self._scores, unwrapped(self._model)))
        self._tickets[target] = ticket = self._ticket(target, mask, stable=stable)
        return ticket

    def _ticket(self, target: int, mask: Mask, *, stable: bool) -> Ticket:
        keep, cuts = self._by_group(mask), self._plan(mask)
        small = self._weights.source(self._model)
        cut(small, cuts)
        return Ticket(
            plan=cuts,
            epoch=self._epochs,
            step=None if self.settings.every_steps is None else self._steps,
            first_epoch=self._weights.first_epoch(self._epochs),
            ratio=1.0 - float(mask.mean())
            if self.settings.macs or self.settings.latency
            else self._counting.ratios[target],
            target=self._counting.achieved(target),
            detector=self.settings.detector,
            importance=self.importance,
            stream=self.settings.stream,
            distances=tuple(self.distances(target)),
            stable=stable,
            weights=self._weights.label,
            widths={name: (int(kept.sum()), kept.size) for name, kept in keep.items()},
            source=self._source,
            state={name: tensor.detach().cpu() for name, tensor in small.state_dict().items()},
            example=self.example,
        )

    def _plan(self, mask: Mask) -> CutPlan:
        return plan(self.coupling, self._by_group(mask))

    def _by_group(self, mask: Mask) -> dict[str, Mask]:
        parts: Sequence[Mask] = np.split(mask, np.cumsum(self._space.sizes)[:-1])
        return dict(zip((group.name for group in self.groups), parts, strict=True))


def _warn(message: str) -> None:
    warnings.warn(message, NetchipWarning, stacklevel=4)

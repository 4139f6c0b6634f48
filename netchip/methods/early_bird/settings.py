"""The settings of a search as one value, checked before any training. No torch: the configuration of a run shares the names."""

import warnings
from dataclasses import asdict, dataclass
from typing import Any, Literal

from netchip.errors import ConfigError, NetchipWarning
from netchip.methods.early_bird.masks.detectors import RULES

DetectorName = Literal["official", "paper", "normalized", "widths"]
ImportanceSetting = Literal["auto", "gamma", "l2", "taylor", "random"]
StreamName = Literal["coupled", "full"]
CountingName = Literal["exact", "official"]
PenaltyName = Literal["gradient", "proximal"]
WeightsName = Literal["inherit", "rewind", "reinit"]


@dataclass(frozen=True, kw_only=True)
class SearchSettings:
    """Everything that decides which ticket is drawn, and when; see `TicketSearch` for what each means."""

    ratio: tuple[float, ...] = (0.5,)
    macs: str | None = None
    latency: str | None = None
    importance: ImportanceSetting = "auto"
    stream: StreamName = "coupled"
    counting: CountingName = "exact"
    detector: DetectorName = "official"
    eps: float = 0.1
    window: int = 5
    l1: float = 1e-4
    penalty: PenaltyName = "gradient"
    min_share: float = 0.1
    round_to: int = 1
    min_epochs: int = 0
    warmup_epochs: int = 0
    min_movement: float = 1e-4
    every_steps: int | None = None
    weights: WeightsName = "inherit"
    rewind_epoch: int = 0
    seed: int = 0

    def __post_init__(self) -> None:
        for name, allowed in _CHOICES.items():
            if (found := getattr(self, name)) not in allowed:
                raise ConfigError(f"{name} = {found!r}: there are {', '.join(allowed)}")
        for name, low, what in _LEAST:
            found = getattr(self, name)
            if found is not None and found < low:
                raise ConfigError(f"{name} = {found}: {what}, {low} or more")
        if not 0.0 < self.eps <= 1.0:
            raise ConfigError(f"eps = {self.eps}: it is a mask distance, above 0 and at most 1")
        if self.window < 2:
            needed = RULES[self.detector].masks_needed(2)
            raise ConfigError(f"window = {self.window}: {self.detector} needs at least 2 ({needed} masks)")
        self._check_together()

    def difference(self, saved: dict[str, Any]) -> str:
        """The first settings in which a saved search differs, in words; empty when there are none."""
        own = self.to_plain()
        differing = [name for name in own if own[name] != saved.get(name)]
        return "; ".join(f"{name} = {saved.get(name)!r} there, {own[name]!r} here" for name in differing[:3])

    def to_plain(self) -> dict[str, Any]:
        """Plain values for a checkpoint."""
        return {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(self).items()}

    def _check_together(self) -> None:
        if self.macs is not None and self.latency is not None:
            raise ConfigError(f"macs = {self.macs!r} and latency = {self.latency!r}: name one budget")
        if self.counting == "official" and (self.macs or self.latency or self.round_to > 1 or self.importance == "l2"):
            raise ConfigError(
                "counting = 'official' is the released code's strict threshold on |gamma| at a ratio; it knows no macs, latency, "
                "round_to or importance 'l2': leave them out, or use counting = 'exact'"
            )


def check_eps(settings: SearchSettings, ratio: float, channels: int) -> None:
    """Raises `ConfigError` when every mask would count as stable at this ratio; warns when only equal masks can.

    `channels` is the length of the mask: two masks of as many kept channels differ in two entries at least.
    """
    rule, eps, name = RULES[settings.detector], settings.eps, settings.detector
    largest = rule.largest(ratio) if 0.0 < ratio < 1.0 else 1.0
    if eps >= largest:
        raise ConfigError(
            f"eps = {eps}: at ratio {ratio:g} no two masks lie further apart than {largest:.3g} by the rule {name!r}, so every "
            f"mask would count as stable; use an eps well below that, or detector 'normalized'"
        )
    step = 2.0 / channels * (1.0 if name in ("official", "paper") else 1.0 / (2.0 * ratio * (1.0 - ratio)))
    if name != "widths" and (eps < step or (eps == step and not rule.eps_included)):
        warnings.warn(
            f"eps = {eps}: two different masks of these {channels} channels lie at least {step:.3g} apart by the rule {name!r}, "
            f"so only masks that are equal to the last channel count as stable, which may never come; use a larger eps",
            NetchipWarning,
            stacklevel=4,
        )


_CHOICES: dict[str, tuple[str, ...]] = {
    "importance": ("auto", "gamma", "l2", "taylor", "random"),
    "stream": ("coupled", "full"),
    "counting": ("exact", "official"),
    "detector": tuple(RULES),
    "penalty": ("gradient", "proximal"),
    "weights": ("inherit", "rewind", "reinit"),
}
_LEAST: tuple[tuple[str, float, str], ...] = (
    ("l1", 0, "it is the weight of the pull"),
    ("round_to", 1, "it is a number of channels"),
    ("min_epochs", 0, "it is a number of epochs"),
    ("warmup_epochs", 0, "it is a number of epochs"),
    ("min_movement", 0, "it is the least relative change of the scores"),
    ("every_steps", 1, "it is a number of optimizer steps"),
    ("rewind_epoch", 0, "it is a number of epochs"),
)

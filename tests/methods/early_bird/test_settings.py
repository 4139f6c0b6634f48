"""Settings of a search that cannot work are refused before any training, each with what to do."""

import pytest

from netchip.errors import ConfigError, NetchipWarning
from netchip.methods.early_bird.settings import SearchSettings, check_eps


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"detector": "offical"}, "detector = 'offical': there are official, paper, normalized, widths"),
        ({"importance": "magnitude"}, "importance = 'magnitude': there are auto, gamma, l2, taylor, random"),
        ({"eps": 0.0}, "eps = 0.0: it is a mask distance, above 0 and at most 1"),
        ({"window": 1}, r"window = 1: official needs at least 2 \(2 masks\)"),
        ({"window": 1, "detector": "paper"}, r"window = 1: paper needs at least 2 \(3 masks\)"),
        ({"l1": -1e-4}, "l1 = -0.0001: it is the weight of the pull, 0 or more"),
        ({"round_to": 0}, "round_to = 0: it is a number of channels, 1 or more"),
        ({"every_steps": 0}, "every_steps = 0: it is a number of optimizer steps, 1 or more"),
        ({"macs": "50%", "latency": "50%"}, "macs = '50%' and latency = '50%': name one budget"),
        ({"counting": "official", "round_to": 8}, "counting = 'official' is the released code's strict threshold"),
    ],
)
def test_what_cannot_work(changes: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        SearchSettings(**changes)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("detector", "ratio", "eps", "largest"),
    [
        ("official", 0.05, 0.1, "0.1"),
        ("paper", 0.97, 0.1, "0.06"),
        ("normalized", 0.5, 1.0, None),
        ("widths", 0.05, 0.1, None),
    ],
)
def test_an_eps_that_every_mask_meets(detector: str, ratio: float, eps: float, largest: str | None) -> None:
    settings = SearchSettings(detector=detector, eps=eps)  # type: ignore[arg-type]
    if largest is None:
        check_eps(settings, ratio, channels=1000)
        return
    with pytest.raises(
        ConfigError, match=f"no two masks lie further apart than {largest} by the rule {detector!r}, so every"
    ):
        check_eps(settings, ratio, channels=1000)


@pytest.mark.parametrize(
    ("detector", "eps", "channels", "warns"),
    [
        ("official", 0.1, 20, False),  # one channel for another is 2 / 20 apart, and eps itself counts
        ("paper", 0.1, 20, True),  # but not by the paper's strict rule
        ("official", 0.001, 1000, True),
        ("official", 0.002, 1000, False),
        ("normalized", 0.003, 1000, True),  # 2 / 1000 over 2 x 0.5 x 0.5 is 0.004
        ("normalized", 0.004, 1000, False),
        ("widths", 1e-6, 1000, False),
    ],
)
def test_an_eps_that_only_equal_masks_meet(detector: str, eps: float, channels: int, warns: bool) -> None:
    settings = SearchSettings(detector=detector, eps=eps)  # type: ignore[arg-type]
    if warns:
        with pytest.warns(NetchipWarning, match="only masks that are equal .* may never come"):
            check_eps(settings, 0.5, channels)
    else:
        check_eps(settings, 0.5, channels)


def test_the_difference_to_a_saved_search_is_named() -> None:
    settings = SearchSettings(detector="paper")
    assert settings.difference(SearchSettings(detector="paper").to_plain()) == ""
    saved = SearchSettings(detector="official", eps=0.2).to_plain()
    assert settings.difference(saved) == "detector = 'official' there, 'paper' here; eps = 0.2 there, 0.1 here"

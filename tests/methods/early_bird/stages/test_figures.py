"""The figures of a run as plain JSON: epochs and distances in their places."""

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import nn

from netchip.files import read_json
from netchip.methods.early_bird.search import TicketSearch
from netchip.methods.early_bird.stages.figures import write_figures
from netchip.methods.early_bird.stages.ledger import Ledger
from netchip.methods.early_bird.stages.trained import Trained
from netchip.models.spec import ModelSpec


def trained(network: nn.Module, accuracies: dict[int, float | None]) -> Trained:
    history = tuple({"epoch": epoch, "validation_accuracy_percent": value} for epoch, value in accuracies.items())
    phases: Any = (SimpleNamespace(history=history, seconds=1.0),)
    return Trained(network=network, source=ModelSpec(), phases=phases, images=100, search_epochs=2)


def test_epochs_count_from_one_and_distances_from_the_second(
    network: nn.Sequential, example: torch.Tensor, trained_on: Callable[[nn.Module], None], tmp_path: Path
) -> None:
    search = TicketSearch(network, example, window=3)
    for _ in range(3):
        trained_on(network)
        search.end_epoch()
    arms = {"dense": trained(network, {0: 40.0, 1: 80.0}), "ticket": trained(network, {0: 50.0, 1: 75.0})}
    ledgers = {"dense": Ledger(10, 10, 100, 5, 0, 5), "ticket": Ledger(10, 4, 100, 5, 2, 3)}
    write_figures(tmp_path, search, arms, ledgers)
    accuracy, distance, pairs, widths, ledger = (read_json(path) for path in sorted((tmp_path / "figures").iterdir()))
    assert [series["name"] for series in accuracy["series"]] == ["dense", "ticket"]
    assert accuracy["series"][1]["x"] == [1, 2]
    assert accuracy["series"][1]["y"] == [50.0, 75.0]
    assert accuracy["marks"] == distance["marks"] == [{"x": 3, "label": "ticket drawn"}]
    assert (distance["series"][0]["x"], distance["series"][0]["y"]) == ([2, 3], [0.0, 0.0])
    assert pairs["values"] == [[0.0] * 3] * 3
    assert widths["categories"] == ["0", "3"]
    assert widths["series"][0]["values"] == [8, 12]
    assert sum(widths["series"][1]["values"]) == 10
    assert ledger["categories"] == ["dense", "ticket"]
    assert [series["values"] for series in ledger["series"]] == [[0.0, 40.0], [100.0, 24.0]]


def test_several_ratios_have_a_curve_and_a_bar_each(
    network: nn.Sequential, example: torch.Tensor, trained_on: Callable[[nn.Module], None], tmp_path: Path
) -> None:
    search = TicketSearch(network, example, window=2, ratio=(0.3, 0.5))
    for _ in range(2):
        trained_on(network)
        search.end_epoch()
    write_figures(tmp_path, search, {"ticket": trained(network, {0: 50.0})}, {})
    distance = read_json(tmp_path / "figures" / "2-mask-distance.json")
    assert [series["name"] for series in distance["series"]] == ["0.3", "0.5", "eps = 0.1"]
    widths = read_json(tmp_path / "figures" / "4-widths.json")
    assert [series["name"] for series in widths["series"]] == ["dense", "0.3", "0.5"]
    assert [sum(series["values"]) for series in widths["series"]] == [20, 14, 10]


def test_one_mask_has_no_distances(
    network: nn.Sequential, example: torch.Tensor, trained_on: Callable[[nn.Module], None], tmp_path: Path
) -> None:
    search = TicketSearch(network, example)
    trained_on(network)
    search.end_epoch()
    write_figures(tmp_path, search, {"ticket": trained(network, {0: 50.0})}, {})
    assert sorted(path.name for path in (tmp_path / "figures").iterdir()) == ["1-accuracy.json", "5-ledger.json"]
    assert read_json(tmp_path / "figures" / "1-accuracy.json")["series"][0]["y"] == pytest.approx([50.0])

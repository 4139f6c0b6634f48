"""The figures of a run as plain JSON: epochs and distances in their places."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import nn

from netchip.files import read_json
from netchip.methods.early_bird.comparison import Trained
from netchip.methods.early_bird.figures import write_figures
from netchip.methods.early_bird.search import TicketSearch
from netchip.models.spec import ModelSpec


def trained(network: nn.Module, accuracies: dict[int, float | None]) -> Trained:
    history = tuple({"epoch": epoch, "validation_accuracy_percent": value} for epoch, value in accuracies.items())
    phases: Any = (SimpleNamespace(history=history, seconds=1.0),)
    return Trained(network, ModelSpec(), phases, 100)


def test_epochs_count_from_one_and_distances_from_the_second(
    network: nn.Sequential, example: torch.Tensor, tmp_path: Path
) -> None:
    search = TicketSearch(network, example, window=3)
    for _ in range(3):
        search.end_epoch()
    arms = {"dense": trained(network, {0: 40.0, 1: 80.0}), "ticket": trained(network, {0: 50.0, 1: 75.0})}
    write_figures(tmp_path, search, arms)
    accuracy, distance, pairs, widths = (read_json(path) for path in sorted((tmp_path / "figures").iterdir()))
    assert [series["name"] for series in accuracy["series"]] == ["dense", "ticket"]
    assert accuracy["series"][1]["x"] == [1, 2]
    assert accuracy["series"][1]["y"] == [50.0, 75.0]
    assert accuracy["marks"] == distance["marks"] == [{"x": 3, "label": "ticket drawn"}]
    assert (distance["series"][0]["x"], distance["series"][0]["y"]) == ([2, 3], [0.0, 0.0])
    assert pairs["values"] == [[0.0] * 3] * 3
    assert widths["categories"] == ["0", "3"]
    assert widths["series"][0]["values"] == [8, 12]
    assert sum(widths["series"][1]["values"]) == 10


def test_one_mask_has_no_distances(network: nn.Sequential, example: torch.Tensor, tmp_path: Path) -> None:
    search = TicketSearch(network, example)
    search.end_epoch()
    write_figures(tmp_path, search, {"ticket": trained(network, {0: 50.0})})
    assert [path.name for path in (tmp_path / "figures").iterdir()] == ["1-accuracy.json"]
    assert read_json(tmp_path / "figures" / "1-accuracy.json")["series"][0]["y"] == pytest.approx([50.0])

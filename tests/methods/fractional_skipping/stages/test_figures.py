"""What the report of a run draws: points by cost, dear arms as a level line, pictures with their captions."""

from pathlib import Path

import numpy as np
import pytest

from netchip.data.images import ImageClasses, Split
from netchip.files import read_json
from netchip.methods.fractional_skipping.blocks.site import BlockSite
from netchip.methods.fractional_skipping.costs import cost_table
from netchip.methods.fractional_skipping.options import OptionSet
from netchip.methods.fractional_skipping.seeing.recording import Recorded
from netchip.methods.fractional_skipping.seeing.statistics import route_statistics
from netchip.methods.fractional_skipping.stages.figures import write_figures
from netchip.methods.fractional_skipping.stages.trained import Outcome

TABLE = cost_table("paper", [BlockSite(name="a"), BlockSite(name="b")], OptionSet.parse("skip, full"))
ROUTES = np.array([[0, 0], [1, 0], [1, 1], [1, 1]])
FOUND = Recorded(ROUTES, np.array([0, 1, 1, 0]), np.array([0, 1, 0, 0]), np.array([0.1, 0.2, 3.0, 0.4]))


def _outcome(name: str, role: str, costs: np.ndarray, accuracy: float) -> Outcome:
    settings = {"seconds": None, "parameters": 1, "macs": 1.0, "whole_percent": 50.0}
    found = FOUND if name == "fractional" else None
    return Outcome(name=name, role=role, accuracy_percent=accuracy, costs=costs, found=found, **settings)  # pyright: ignore


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The figures of three arms."""
    split = Split(np.zeros((4, 1, 8, 8), np.uint8), np.array([0, 1, 1, 0]))
    data = ImageClasses(
        name="two", classes=("cat", "owl"), train=split, validation=split, test=split, mean=(0.5,), std=(0.5,)
    )
    outcomes = [
        _outcome("fractional", "ours", TABLE.gated(ROUTES), 75.0),
        _outcome("dense", "baseline", np.full(4, 16.0), 90.0),
        _outcome("int4", "baseline", np.full(4, 0.25), 70.0),
    ]
    write_figures(tmp_path, outcomes, [], {"trained to 60 %": route_statistics(ROUTES, TABLE, [0, 1, 1, 0])}, data)
    return tmp_path / "figures"


def test_an_arm_far_above_the_reference_is_a_level_line(folder: Path) -> None:
    series = {
        each["name"]: (each["x"], each["y"]) for each in read_json(folder / "1-accuracy-against-cost.json")["series"]
    }
    assert series["trained to the budget"] == ([62.5], [75.0])
    assert series["int4"] == ([25.0], [70.0])
    assert series["dense, at 1600 %"] == ([62.5, 100.0], [90.0, 90.0])


def test_pictures_say_what_they_cost_and_what_they_were_taken_for(folder: Path) -> None:
    easiest = [item["caption"] for item in read_json(folder / "7-easiest.json")["items"]]
    hardest = [item["caption"] for item in read_json(folder / "8-hardest.json")["items"]]
    assert easiest == ["cat: 0 %", "owl: 50 %", "cat: 100 %", "owl: 100 %, taken for cat"]
    assert hardest == easiest[::-1]


def test_every_figure_is_there(folder: Path) -> None:
    assert [file.name[0] for file in sorted(folder.iterdir())] == list("12345678")

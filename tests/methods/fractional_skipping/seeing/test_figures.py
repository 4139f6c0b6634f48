"""Figures are what the report reads, and hold the numbers they claim to."""

import base64
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from netchip.errors import ConfigError
from netchip.methods.fractional_skipping.blocks.site import BlockSite
from netchip.methods.fractional_skipping.costs import cost_table
from netchip.methods.fractional_skipping.options import OptionSet
from netchip.methods.fractional_skipping.seeing import figures
from netchip.methods.fractional_skipping.seeing.pictures import pictures
from netchip.methods.fractional_skipping.seeing.statistics import route_statistics
from netchip.report.figure import read_figure

TABLE = cost_table("paper", [BlockSite(name="a"), BlockSite(name="b")], OptionSet.parse("skip, 16, full"))
ROUTES = np.array([[0, 2], [0, 2], [1, 2], [2, 2]])
FOUND = route_statistics(ROUTES, TABLE, [0, 0, 2, 2])


def _drawn() -> dict[str, Any]:
    return {
        "shares": figures.option_shares(FOUND, "budget 50 %"),
        "budgets": figures.blocks_over_budgets({"50 %": FOUND, "30 %": FOUND}),
        "classes": figures.cost_by_class(FOUND, ["cat", "dog", "owl"]),
        "costs": figures.cost_distribution(FOUND, "budget 50 %"),
        "bits": figures.decision_bits(FOUND),
        "accuracy": figures.accuracy_against_budget({"one model": [(0.5, 90.0), (0.2, 80.0)], "int8": [(0.1, 85.0)]}),
        "pictures": pictures("Hardest", np.zeros((2, 3, 8, 8), np.uint8), ["a", "b"]),
    }


@pytest.mark.parametrize("name", list(_drawn()))
def test_the_report_reads_it(name: str, tmp_path: Path) -> None:
    (tmp_path / "figure.json").write_text(json.dumps(_drawn()[name], allow_nan=False))
    read_figure(tmp_path / "figure.json")


def test_shares_of_each_block_are_all_of_its_inputs() -> None:
    shares = _drawn()["shares"]
    assert [series["name"] for series in shares["series"]] == ["skip", "16", "full"]
    assert [series["values"] for series in shares["series"]] == [[50.0, 0.0], [25.0, 0.0], [25.0, 100.0]]


def test_costs_of_blocks() -> None:
    assert _drawn()["budgets"]["values"] == [[31.25, 100.0]] * 2
    assert _drawn()["classes"]["values"] == [[0.0, 100.0], [None, None], [62.5, 100.0]]
    assert figures.cost_by_class(route_statistics(ROUTES, TABLE), []) is None


def test_the_distribution_rises_to_all_inputs() -> None:
    costs = _drawn()["costs"]
    assert costs["series"][0]["x"] == [50.0, 50.0, 62.5, 100.0]
    assert costs["series"][0]["y"] == [0.0, 50.0, 75.0, 100.0]
    assert [mark["x"] for mark in costs["marks"]] == [50.0, 100.0, 100.0]


def test_points_are_sorted_by_cost() -> None:
    assert _drawn()["accuracy"]["series"][0] == {"name": "one model", "x": [20.0, 50.0], "y": [80.0, 90.0]}


@pytest.mark.parametrize("channels", [1, 3])
def test_pictures_keep_their_pixels(channels: int) -> None:
    image = np.random.default_rng(0).integers(0, 256, (1, channels, 8, 8), np.uint8)
    [item] = pictures("One", image, ["x"])["items"]
    with Image.open(io.BytesIO(base64.b64decode(item["png_base64"]))) as opened:
        pixels = np.asarray(opened)
    assert pixels.shape[:2] == (72, 72)
    assert np.array_equal(pixels[::9, ::9].reshape(8, 8, channels), image[0].transpose(1, 2, 0))


def test_other_arrays_are_no_pictures() -> None:
    with pytest.raises(ConfigError, match=r"pictures are uint8 \[N, 1 or 3, H, W\]"):
        pictures("No", np.zeros((1, 3, 8, 8)), ["x"])

"""`netchip list`."""

import json

import pytest

from netchip.cli.main import main
from netchip.data.spec import SOURCES
from netchip.hardware.chips import chip_names
from netchip.methods import all_methods


def test_every_method_experiment_and_source_is_there_with_a_word_about_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list", "--json"]) == 0
    listing = json.loads(capsys.readouterr().out)
    assert {each["name"]: list(each["experiments"]) for each in listing["methods"]} == {
        method.name: list(method.experiments) for method in all_methods()
    }
    assert set(SOURCES) <= set(listing["data"])
    assert all(listing["data"].values())
    assert all(summary for method in listing["methods"] for summary in method["experiments"].values())
    assert "resnet20" in listing["models"]
    assert set(chip_names()) < set(listing["chips"])
    assert listing["chips"]["eyeriss"] == (
        "12 x 14 MACs, 16-bit weights, 65 nm, 200 MHz; has a calibration against silicon"
    )


def test_plain_listing_names_the_command_to_type(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list"]) == 0
    out = capsys.readouterr().out
    assert "netchip run early-bird NAME" in out
    assert "cifar10-small" in out

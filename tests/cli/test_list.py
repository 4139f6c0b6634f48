"""`netchip list`."""

import json

import pytest

from netchip.cli.main import main
from netchip.data.spec import SOURCES
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
    assert listing["chips"]["eyeriss"].startswith("168 MACs at 200 MHz; ")


def test_plain_listing_names_the_command_to_type(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list"]) == 0
    out = capsys.readouterr().out
    assert "netchip run early-bird NAME" in out
    assert "cifar10-small" in out

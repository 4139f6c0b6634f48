"""`netchip demo`, with a method that takes no time in the place of the real one."""

import dataclasses
from pathlib import Path

import pytest

from netchip.cli.main import main
from netchip.methods.method import Method


def test_compares_the_networks_and_names_the_page(
    toy: Method, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    digits = dataclasses.replace(toy, experiments={"digits": toy.experiments["quick"]})
    monkeypatch.setattr("netchip.methods.find_method", lambda name: digits)
    assert main(["demo", "--quiet"]) == 0
    captured = capsys.readouterr()
    *_, page, folder = captured.out.splitlines()
    assert Path(folder).is_relative_to("runs/demo")
    assert page == f"report: {folder}/report.html"
    assert "progress quiet" in captured.err
    assert "Measured on a CPU" in captured.out

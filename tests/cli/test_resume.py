"""`netchip resume` on folders that hold no run of ours; going on with one that does is in test_run.py."""

import json
from pathlib import Path

import pytest

from netchip.cli.main import main

SAVED = {
    "format": 1, "method": "early-bird", "experiment": "smoke", "version": "0.1.0", "seed": 1, "config_hash": "0" * 8, "config": {},
}  # fmt: skip


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "config.json: no such file"),
        ("{", "config.json: not readable as JSON"),
        (json.dumps({"epochs": 3}), "config.json: not of a netchip run"),
        (json.dumps(SAVED | {"format": 7}), "has format 7, this version of netchip reads 1"),
        (json.dumps(SAVED | {"method": "early-brid"}), "no method is called 'early-brid'; did you mean 'early-bird'?"),
        (json.dumps(SAVED | {"config": {"ratoi": 0.3}}), "unknown key 'ratoi' (did you mean 'ratio'?)"),
    ],
)
def test_what_cannot_be_resumed_is_refused_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: str | None, message: str
) -> None:
    if content is not None:
        (tmp_path / "config.json").write_text(content)
    assert main(["resume", str(tmp_path)]) == 2
    [line] = capsys.readouterr().err.strip().splitlines()
    assert message in line

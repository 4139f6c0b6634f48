"""`netchip bench`."""

import json

import pytest

from netchip.cli.main import main


def test_measures_at_every_batch_size(capsys: pytest.CaptureFixture[str]) -> None:
    assert (
        main(["bench", "resnet8", "--input", "1,1,8,8", "--batch", "1,4", "--repeats", "3", "--warmup", "1", "--json"])
        == 0
    )
    measured = json.loads(capsys.readouterr().out)
    assert [(each["batch"], each["repeats"], each["threads"]) for each in measured["latency"]] == [(1, 3, 1), (4, 3, 1)]
    assert all(0 < each["p10_s"] <= each["median_s"] <= each["p90_s"] for each in measured["latency"])
    assert measured["device"]["device"] == "cpu"


def test_the_table_says_on_what_and_how_it_was_measured(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", "resnet8", "--input", "1,1,8,8", "--batch", "2", "--repeats", "3"]) == 0
    out = capsys.readouterr().out
    assert "1 thread, torch" in out
    assert "float32: 3 timed rounds after 5 untimed" in out
    assert out.splitlines()[-1].split()[:2] == ["resnet8", "2"]


@pytest.mark.parametrize(("words", "message"), [("--batch x", "--batch 'x'"), ("--device nope", "device 'nope'")])
def test_refusals(words: str, message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", "resnet8", "--repeats", "1", *words.split()]) == 2
    assert message in capsys.readouterr().err

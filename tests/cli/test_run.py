"""`netchip run`: where its result goes, and which settings it runs under."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from netchip.cli.main import main

FindRun = Callable[..., Path]
Capture = pytest.CaptureFixture[str]


def test_a_run_says_where_its_folder_is_in_the_last_line(the_run: FindRun, capsys: Capture) -> None:
    assert main(["run", "toy", "quick", "--seed", "7"]) == 0
    out = capsys.readouterr().out
    assert out.splitlines()[-1] == str(the_run())
    assert the_run().name == "seed-7"
    assert "2 epochs" in out
    assert "note: a note" in out
    for name in ("result.json", "config.json", "environment.json", "report.html"):
        assert (the_run() / name).is_file()


def test_json_is_all_there_is_on_stdout(the_run: FindRun, capsys: Capture) -> None:
    assert main(["run", "toy", "--epochs", "5", "--json"]) == 0
    captured = capsys.readouterr()
    result = json.loads(captured.out)
    assert (result["metrics"]["epochs"], result["experiment"]) == (5, "custom")
    assert result == json.loads((the_run() / "result.json").read_text())
    assert "progress auto" in captured.err


def test_quiet_reaches_the_training_and_leaves_the_hash_alone(the_run: FindRun, capsys: Capture) -> None:
    assert main(["run", "toy", "quick", "--quiet"]) == 0
    assert "progress quiet" in capsys.readouterr().err
    assert main(["run", "toy", "quick"]) == 0
    assert "finished already" in capsys.readouterr().err
    assert the_run().is_dir()


@pytest.mark.usefixtures("toy")
def test_fresh_runs_a_finished_run_again(capsys: Capture) -> None:
    assert main(["run", "toy", "quick"]) == 0
    assert main(["run", "toy", "quick", "--fresh"]) == 0
    assert "finished already" not in capsys.readouterr().err


def test_a_configuration_file_and_out(the_run: FindRun, capsys: Capture) -> None:
    Path("mine.yaml").write_text("epochs: 9\n")
    assert main(["run", "toy", "quick", "--config", "mine.yaml", "--out", "elsewhere", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["metrics"]["epochs"] == 9
    assert json.loads((the_run("elsewhere") / "config.json").read_text())["config"]["epochs"] == 9


def test_resume_goes_on_under_the_saved_configuration(the_run: FindRun, capsys: Capture) -> None:
    assert main(["run", "toy", "quick", "--epochs", "6", "--fail", "interrupted"]) == 130
    saved = json.loads((the_run() / "config.json").read_text())
    saved["config"]["fail"] = ""
    (the_run() / "config.json").write_text(json.dumps(saved))
    capsys.readouterr()
    assert main(["resume", str(the_run()), "--json", "--quiet"]) == 0
    captured = capsys.readouterr()
    assert json.loads(captured.out)["metrics"]["epochs"] == 6
    assert "progress quiet" in captured.err


@pytest.mark.usefixtures("toy")
def test_report_of_two_seeds(capsys: Capture) -> None:
    for seed in "12":
        assert main(["run", "toy", "quick", "--seed", seed]) == 0
    capsys.readouterr()
    assert main(["report", "runs", "-o", "page.html"]) == 0
    assert capsys.readouterr().out == "page.html\n"
    assert "seeds 1, 2" in Path("page.html").read_text()

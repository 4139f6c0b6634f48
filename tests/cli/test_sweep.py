"""`netchip sweep`: its table, its JSON, its exit codes, and what it refuses. Trials run in this process here."""

import contextlib
import io
import json
from pathlib import Path

import pytest

import netchip.cli.sweep
from netchip.cli.main import main
from netchip.compose.sweep.workers import Ended, Job
from netchip.methods.method import Method

Capture = pytest.CaptureFixture[str]


class InProcess:
    """Each trial is over when it is started."""

    slots = 1

    def start(self, job: Job) -> None:
        with contextlib.redirect_stdout(io.StringIO()):
            self.ended = Ended(job.name, main(list(job.command[job.command.index("run") :])))

    def wait(self) -> Ended:
        return self.ended

    def stop(self) -> None:
        raise AssertionError


@pytest.fixture
def here(toy: Method, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("netchip.compose.sweep.grid.find_method", lambda _: toy)
    monkeypatch.setattr(netchip.cli.sweep, "_workers", lambda *_: InProcess())


@pytest.mark.usefixtures("here")
def test_a_table_of_trials_and_their_figures(capsys: Capture) -> None:
    assert main(["sweep", "toy/quick", "--seeds", "1", "2", "--set", "epochs=3,4"]) == 0
    captured = capsys.readouterr()
    assert "4 of 4 trials done" in captured.out
    [row] = [
        line for line in captured.out.splitlines() if line.startswith("toy/quick epochs=3 seed=2") and "89" in line
    ]
    assert row.split() == ["toy/quick", "epochs=3", "seed=2", "89.00", "%", "1.00", "s"]
    for title in ("\nMeasured\n", "\nCounted\n"):
        assert title in captured.out
    folder = Path(captured.out.splitlines()[-1])
    assert (folder / "sweep.json").is_file()
    assert (folder / "report.html").is_file()
    assert f"report: {folder / 'report.html'}" in captured.out
    assert "4/4 toy/quick epochs=4 seed=2: done in" in captured.err


@pytest.mark.usefixtures("here")
def test_json_is_all_there_is_on_stdout(capsys: Capture) -> None:
    assert main(["sweep", "toy/quick", "--seeds", "1", "2"]) == 0
    capsys.readouterr()
    assert main(["sweep", "toy/quick", "--seeds", "1", "2", "--json"]) == 0
    captured = capsys.readouterr()
    record = json.loads(captured.out)
    assert [trial["attempts"] for trial in record["trials"]] == [0, 0]
    assert record["trials"][0]["counted"] == {"macs": 400.0}
    assert "finished already" in captured.err


@pytest.mark.usefixtures("here")
def test_a_yaml_grid_with_flags_on_top(capsys: Capture) -> None:
    Path("grid.yaml").write_text("name: mine\nmethods: toy/quick\nseeds: [1, 2]\nsettings:\n  epochs: [5]\n")
    assert main(["sweep", "--config", "grid.yaml", "--seeds", "3", "--json", "--quiet"]) == 0
    record = json.loads(capsys.readouterr().out)
    assert [trial["label"] for trial in record["trials"]] == ["toy/quick epochs=5 seed=3"]
    assert len(list(Path("runs/sweeps").glob("mine-*"))) == 1


@pytest.mark.usefixtures("here")
def test_trials_that_fail_are_listed_and_decide_the_exit_code(capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    class Failing(InProcess):
        def start(self, job: Job) -> None:
            super().start(job)
            if "seed-2" in job.name:
                self.ended = Ended(job.name, 1, "the loss is NaN")

    monkeypatch.setattr(netchip.cli.sweep, "_workers", lambda *_: Failing())
    assert main(["sweep", "toy/quick", "--seeds", "1", "2"]) == 1
    captured = capsys.readouterr()
    assert "1 of 2 trials done" in captured.out
    assert any(line.split()[2:] == ["failed", "1", "the", "loss", "is", "NaN"] for line in captured.out.splitlines())
    assert "netchip: 1 of 2 trials are not done, 'toy/quick seed=2' the first: the loss is NaN" in captured.err


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "methods"),
        (["toy/slow"], "toy has no experiment 'slow'"),
        (["toy", "--set", "epochs"], "--set 'epochs': write a setting and its values"),
        (["toy", "--set", "epoch=1"], "unknown key 'epoch'"),
        (["toy", "--config", "none.yaml"], "none.yaml: no such file"),
        (["toy", "--chips", "eyris"], "did you mean"),
        (["toy", "--seeds", "one"], "seeds"),
        (["toy", "--retries", "-1"], "--retries -1"),
        (["toy", "--budgets", "60%"], "toy has no single budget; try values of its own settings with --set"),
    ],
)
def test_what_is_refused_in_one_line(capsys: Capture, words: list[str], message: str) -> None:
    assert main(["sweep", *words]) == 2
    captured = capsys.readouterr()
    assert message in captured.err
    assert captured.err.count("\n") == 1
    assert captured.out == ""


@pytest.mark.usefixtures("toy")
def test_workers_below_one_are_refused(capsys: Capture) -> None:
    assert main(["sweep", "toy", "--workers", "0"]) == 2
    assert "--workers 0: give a whole number of at least 1" in capsys.readouterr().err


@pytest.mark.usefixtures("here")
def test_a_folder_that_cannot_be_written_is_told(capsys: Capture) -> None:
    Path("runs").write_text("a file")
    assert main(["sweep", "toy/quick"]) == 1
    assert "could not be written" in capsys.readouterr().err

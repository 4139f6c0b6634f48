import json
import os
import subprocess
import sys
import time

import pytest

from netchip.errors import CheckpointError, CheckpointMismatch, ConfigError, DataError, NetchipWarning, RequestError
from netchip.spec import Spec, neutral
from netchip.train import rundir as rundir_module
from netchip.train.rundir import RunDir, read_run, run_config_hash, saved_result


class Toy(Spec):
    seed: int = 1
    epochs: int = 3
    workers: int = neutral(0)


def open_run(root, config=None, seed=1, **more):
    return RunDir.open(root, "toy-method", "smoke", config or Toy(), seed, **more)


def test_the_hash_of_a_toy_config_is_pinned():
    assert run_config_hash(Toy()) == "3286b3cf"
    assert run_config_hash(Toy(seed=9, workers=4)) == run_config_hash(Toy())
    assert run_config_hash(Toy(epochs=4)) != run_config_hash(Toy())


def test_a_new_run_says_what_it_is(tmp_path):
    with open_run(tmp_path, Toy(seed=2), seed=2) as run:
        assert run.path == tmp_path / "toy-method" / f"smoke-{run_config_hash(Toy())}" / "seed-2"
        assert (run.status, run.result()) == ("unfinished", None)
        assert run.phase("search") == run.path / "search"
    saved = json.loads((run.path / "config.json").read_text())
    assert saved["config"] == {"seed": 2, "epochs": 3, "workers": 0}
    assert (saved["format"], saved["method"], saved["experiment"], saved["seed"]) == (1, "toy-method", "smoke", 2)
    assert json.loads((run.path / "environment.json").read_text())["packages"]["torch"]


def test_a_finished_run_is_taken_up_with_its_result(tmp_path):
    with open_run(tmp_path) as run:
        written = run.finish({"headline": "it works", "metrics": {"a": 1}, "status": "ignored"})
    assert written["status"] == "done"
    assert written["config_hash"] == run.config_hash
    with open_run(tmp_path) as again:
        assert again.result() == written == saved_result(run.path)
        assert again.status == "done"


def test_fresh_begins_again(tmp_path):
    with open_run(tmp_path) as run:
        (run.phase("train")).mkdir()
        (run.phase("train") / "checkpoint.pt").write_text("x")
        run.finish({})
    with open_run(tmp_path, fresh=True) as run:
        assert run.result() is None
        assert sorted(entry.name for entry in run.path.iterdir()) == ["config.json", "environment.json", "run.lock"]


def test_a_finished_run_of_another_version_is_refused_unless_fresh(tmp_path, monkeypatch):
    with open_run(tmp_path) as run:
        run.finish({})
    monkeypatch.setattr(rundir_module, "__version__", "9.9.9")
    with pytest.raises(CheckpointMismatch, match=r"finished run of netchip .*, this is 9\.9\.9; add --fresh"):
        open_run(tmp_path)
    with open_run(tmp_path, fresh=True) as run:
        assert run.result() is None


def test_an_unfinished_run_of_another_version_is_warned_of(tmp_path, monkeypatch):
    open_run(tmp_path).close()
    monkeypatch.setattr(rundir_module, "__version__", "9.9.9")
    with pytest.warns(NetchipWarning, match=r"was begun with netchip .* and goes on with 9\.9\.9"):
        open_run(tmp_path).close()


def test_a_second_process_in_the_same_run_is_refused_and_a_dead_one_is_not_in_the_way(tmp_path):
    code = f"""
import time
from netchip.spec import Spec
from netchip.train.rundir import RunDir
class Toy(Spec):
    seed: int = 1
    epochs: int = 3
run = RunDir.open({str(tmp_path)!r}, "toy-method", "smoke", Toy(), 1)
time.sleep(60)
"""
    other = subprocess.Popen([sys.executable, "-c", code])
    lock = tmp_path / "toy-method" / f"smoke-{run_config_hash(Toy())}" / "seed-1" / "run.lock"
    try:
        while not lock.is_file() or not lock.read_text():
            assert other.poll() is None
            time.sleep(0.02)
        with pytest.raises(RequestError, match=rf"process {other.pid} on .* works in this run; wait for it"):
            open_run(tmp_path)
    finally:
        other.kill()
        other.wait()
    with open_run(tmp_path):
        assert f"process {os.getpid()} " in lock.read_text()


def test_an_error_while_opening_lets_go_of_the_lock(tmp_path, monkeypatch):
    def broken():
        raise OSError("no")

    with monkeypatch.context() as patch:
        patch.setattr(rundir_module, "describe_environment", broken)
        with pytest.raises(OSError, match="no"):
            open_run(tmp_path)
    open_run(tmp_path).close()


def test_a_run_is_taken_up_by_its_folder_even_if_its_hash_would_be_another(tmp_path):
    with open_run(tmp_path, Toy(epochs=7)) as run:
        pass
    moved = tmp_path / "elsewhere"
    run.path.rename(moved)
    saved = read_run(moved)
    assert (saved.method, saved.experiment, saved.seed, saved.config["epochs"]) == ("toy-method", "smoke", 1, 7)
    with RunDir.reopen(moved) as again:
        assert again.path == moved
        assert again.config_hash == run.config_hash
        again.finish({})
    assert saved_result(moved)["config_hash"] == run.config_hash


@pytest.mark.parametrize(
    ("content", "message"), [(None, "no such file"), ("{", "not readable as JSON"), ("[]", "not of a netchip run")]
)
def test_a_folder_that_is_no_run_is_refused(tmp_path, content, message):
    if content is not None:
        (tmp_path / "config.json").write_text(content)
    with pytest.raises(DataError, match=message):
        read_run(tmp_path)


def test_a_config_of_a_newer_format_is_refused(tmp_path):
    with open_run(tmp_path) as run:
        pass
    saved = json.loads((run.path / "config.json").read_text())
    (run.path / "config.json").write_text(json.dumps({**saved, "format": 2}))
    with pytest.raises(CheckpointMismatch, match="has format 2"):
        read_run(run.path)


def test_a_place_that_is_a_file_is_refused_by_name(tmp_path):
    (tmp_path / "runs").write_text("not a folder")
    with pytest.raises(CheckpointError, match=r"runs/toy-method/.*could not be written \(Not a directory\)"):
        open_run(tmp_path / "runs")


def test_what_is_refused_before_it_began_leaves_no_folder(tmp_path):
    def refused_in(seed, at):
        rundir = open_run(tmp_path / "runs", seed=seed)
        if at is not None:
            rundir.phase(at).mkdir()
        with pytest.raises(ConfigError), rundir:
            raise ConfigError("asked, found, what to do")
        return rundir.path

    assert not refused_in(1, None).exists()
    assert list((tmp_path / "runs").iterdir()) == []
    assert (refused_in(1, "train") / "config.json").is_file(), "work that was begun stays"
    assert not refused_in(2, None).exists()
    assert len(list(tmp_path.glob("runs/*/*/seed-1"))) == 1

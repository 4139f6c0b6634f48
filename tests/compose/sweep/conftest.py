"""A toy method whose runs are real processes, in a folder of the test's own."""

import importlib.util
import sys
from pathlib import Path

import pytest

import netchip.cli.run
from netchip.cli.run import run_app
from netchip.errors import ConfigError
from netchip.methods.method import Method

SCRIPT = Path(__file__).with_name("toy_command.py")


@pytest.fixture
def toy(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Method:
    """The method `toy` is all that sweeps know, and trials are started with it."""
    spec = importlib.util.spec_from_file_location("toy_command", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "toy_command", module)
    spec.loader.exec_module(module)
    method: Method = module.METHOD

    def find(name: str) -> Method:
        if name != "toy":
            raise ConfigError(f"no method is called {name!r}; there are: toy")
        return method

    monkeypatch.setattr("netchip.compose.sweep.grid.find_method", find)
    monkeypatch.setattr("netchip.compose.sweep.trial.START", (sys.executable, str(SCRIPT)))
    monkeypatch.setattr(netchip.cli.run, "APP", run_app([method]))
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.chdir(tmp_path)
    return method

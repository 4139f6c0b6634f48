"""A toy method in the place of the real ones, and a folder of its own for every test."""

import os
import signal
import sys
import types
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import netchip.cli.run
from netchip.cli.run import run_app
from netchip.errors import BudgetError, DivergedError, Interrupted, NetchipWarning
from netchip.methods.method import Arm, Method, Paper, Result
from netchip.spec import Spec, neutral
from netchip.workload.network import Workload


class Train(Spec):
    progress: str = neutral("auto")


class Toy(Spec):
    seed: int = 1
    epochs: int = 3
    fail: str = neutral("")
    train: Train = Train()


FAULTS: dict[str, BaseException] = {
    "diverged": DivergedError("the loss is NaN at step 3"),
    "budget": BudgetError("60% cannot be met"),
    "interrupted": Interrupted("saved; netchip resume DIR goes on"),
    "ctrl-c": KeyboardInterrupt(),
    "bug": ZeroDivisionError("division by zero"),
}


def carry_out(config: Toy, rundir: Any) -> Result:
    sys.stderr.write(f"progress {config.train.progress}\n")
    if config.fail in FAULTS:
        raise FAULTS[config.fail]
    if config.fail == "killed":
        os.kill(os.getpid(), signal.SIGTERM)
    if config.fail == "warning":
        warnings.warn("mind the gap", NetchipWarning, stacklevel=1)
    arms = (
        Arm("dense", "baseline", {"macs": 1000.0}, {"test_accuracy_percent": 90.0, "training_seconds": 2.0}),
        Arm("ticket", "ours", {"macs": 400.0}, {"test_accuracy_percent": 89.0, "training_seconds": 1.0}),
    )
    net = Workload(())
    return Result(
        f"{config.epochs} epochs", {"epochs": config.epochs}, arms, net, net, {"device": "a CPU"}, notes=("a note",)
    )


@pytest.fixture
def toy(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Method:
    """Only the method `toy` exists; runs go to a folder of their own."""
    module = types.ModuleType("toy_runner")
    module.run = carry_out  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "toy_runner", module)

    def quick() -> Toy:
        """Seconds."""
        return Toy(epochs=2)

    method = Method(
        "toy", "does little", Paper("T", "V", "0"), Toy, {"quick": quick}, "toy_runner:run", "toy_runner:treatment"
    )
    monkeypatch.setattr(netchip.cli.run, "APP", run_app([method]))
    monkeypatch.setattr("netchip.methods.find_method", lambda name: method)
    monkeypatch.chdir(tmp_path)
    return method


@pytest.fixture
def the_run(toy: Method, tmp_path: Path) -> Callable[..., Path]:
    """The one run folder there is below `root`."""

    def find(root: str = "runs") -> Path:
        (folder,) = Path(root).glob(f"{toy.name}/*/seed-*")
        return folder

    return find

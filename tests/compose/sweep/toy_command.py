"""The netchip command with one toy method, as a process of its own: what it does in a trial is one of its settings."""

import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

from netchip.cli.main import main
from netchip.errors import BudgetError, DivergedError
from netchip.methods.method import Arm, Method, Paper, Result
from netchip.spec import Spec, neutral
from netchip.workload.layer import Layer
from netchip.workload.network import Workload
from netchip.workload.shape import LayerShape


class Inner(Spec):
    size: int = 1
    precision: str = "no"


class Toy(Spec):
    seed: int = 1
    epochs: int = 1
    budget: str = "100%"
    fail: str = ""
    inner: Inner = Inner()
    note: str = neutral("")


def carry_out(config: Toy, rundir: Any) -> Result:
    """Counts in a file how often it was started, then does as `fail` says."""
    count = rundir.path / "count"
    started = int(count.read_text()) + 1 if count.is_file() else 1
    count.write_text(str(started))
    if config.fail == "diverged":
        raise DivergedError("the loss is NaN at step 3")
    if config.fail == "budget":
        raise BudgetError("60% cannot be met")
    if config.fail == "killed" or (config.fail == "killed-once" and started == 1):
        os.kill(os.getpid(), signal.SIGKILL)
    if config.fail == "hangs" and started == 1:
        (rundir.path / "pid.new").write_text(str(os.getpid()))
        (rundir.path / "pid.new").rename(rundir.path / "pid")
        time.sleep(60)
    features = 8 * config.epochs
    wide = LayerShape.linear(batch=1, in_features=16, out_features=16)
    narrow = LayerShape.linear(batch=1, in_features=16, out_features=features)
    return Result(
        f"{config.epochs} epochs",
        {"started": started, "threads": int(os.environ["OMP_NUM_THREADS"])},
        (Arm("own", "ours", {"macs": 16.0 * features}, {"test_accuracy_percent": 90.0 + config.seed}),),
        Workload((Layer("fc", wide),)),
        Workload((Layer("fc", narrow),)),
        {"device": "a CPU"},
    )


def _quick() -> Toy:
    """Seconds."""
    return Toy(epochs=2)


METHOD = Method(
    "toy", "does little", Paper("T", "V", "0"), Toy, {"quick": _quick}, "toy_command:carry_out", "none:none"
)

if __name__ == "__main__":
    import netchip.methods

    netchip.methods.METHODS = ()  # the real ones would only be imported
    import netchip.cli.run

    sys.path.insert(0, str(Path(__file__).parent))
    netchip.cli.run.APP = netchip.cli.run.run_app([METHOD])
    sys.exit(main(sys.argv[1:]))

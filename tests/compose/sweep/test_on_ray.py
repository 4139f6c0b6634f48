"""A sweep on a local Ray cluster of two workers, one of which is lost on the way."""

import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from netchip.compose.sweep.on_ray import RayWorkers
from netchip.compose.sweep.spec import SweepSpec
from netchip.compose.sweep.sweeping import sweep
from netchip.errors import MissingExtra, RequestError
from netchip.files import read_json


@pytest.fixture
def cluster(toy: Any) -> Iterator[Any]:
    """Two machines of one CPU each, the first of them the head."""
    ray = pytest.importorskip("ray", reason="ray is not installed (netchip[ray])")
    from ray.cluster_utils import Cluster

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        made = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
        try:
            made.add_node(num_cpus=1)
            yield made
        finally:
            ray.shutdown()
            made.shutdown()


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="looks for the worker in /proc")
def test_a_lost_worker_is_replaced(cluster: Any) -> None:
    def lose() -> None:
        """Kills the worker of the trial that hangs: the parent of its process."""
        for _ in range(2400):
            for pid in [each for each in Path("runs").glob("toy/*/seed-1/pid") if each.read_text()]:
                worker = int(Path(f"/proc/{int(pid.read_text())}/stat").read_text().rpartition(")")[2].split()[1])
                os.kill(worker, signal.SIGKILL)
                return
            time.sleep(0.05)

    told: list[str] = []
    killer = threading.Thread(target=lose)
    killer.start()
    found = sweep(
        SweepSpec(methods=("toy/quick",), settings={"fail": ("hangs", "", "diverged")}),
        "runs",
        workers=RayWorkers(cluster.address),
        told=lambda each, *_: told.append(each.reason),
    )
    killer.join()
    hung, done, diverged = found.outcomes
    assert (hung.status, hung.attempts, done.status) == ("done", 2, "done")
    assert read_json(found.folder_of(hung) / "result.json")["metrics"]["started"] == 2
    assert (diverged.status, diverged.reason) == ("failed", "the loss is NaN at step 3")
    assert any("its worker was lost" in reason for reason in told)


def test_without_a_cluster_the_address_is_refused() -> None:
    pytest.importorskip("ray", reason="ray is not installed (netchip[ray])")
    with pytest.raises(RequestError, match=r"--ray nonsense: no cluster answers there .*`ray start --head` makes one"):
        RayWorkers("nonsense")


def test_without_ray_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(MissingExtra, match=r"--ray needs the package 'ray'.*netchip\[ray\]"):
        RayWorkers("auto")

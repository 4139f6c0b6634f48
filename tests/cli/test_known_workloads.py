"""Workloads that are kept: equal to what was captured, forgotten when their source changes, never in the way."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from netchip.cli import known_workloads
from netchip.cli.known_workloads import Known, known_workload
from netchip.cli.network import find_network
from netchip.workload.layer import Layer
from netchip.workload.network import Workload
from netchip.workload.shape import LayerShape

FOUND: Known = (
    "resnet8",
    Workload((Layer("fc", LayerShape.linear(batch=2, in_features=4, out_features=2)),), uncounted=("lstm",)),
    2,
)


class Capture:
    """Counts how often a network is captured."""

    calls = 0

    def __call__(self) -> Known:
        self.calls += 1
        return FOUND


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NETCHIP_CACHE", str(tmp_path / "cache"))


def test_a_network_is_captured_once_for_each_input_and_number_of_classes() -> None:
    capture = Capture()
    for _ in range(3):
        assert known_workload("resnet8", None, None, capture) == FOUND
    assert capture.calls == 1
    known_workload("resnet8", "1,3,16,16", None, capture)
    known_workload("resnet8", None, 5, capture)
    known_workload("resnet14", None, None, capture)
    assert capture.calls == 4


def test_a_users_network_is_captured_each_time() -> None:
    capture = Capture()
    for _ in range(2):
        known_workload("mine.py:net", None, None, capture)
    assert capture.calls == 2


def test_a_change_of_the_source_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    capture = Capture()
    known_workload("resnet8", None, None, capture)
    monkeypatch.setattr(known_workloads, "_source_digest", lambda: "another")
    known_workload("resnet8", None, None, capture)
    assert capture.calls == 2


@pytest.mark.parametrize("content", ["{", "[]", "{}", '{"title": "a", "inputs": "b", "workload": {"format": 9}}'])
def test_a_broken_file_is_as_none(tmp_path: Path, content: str) -> None:
    capture = Capture()
    known_workload("resnet8", None, None, capture)
    (file,) = (tmp_path / "cache" / "workloads").iterdir()
    file.write_text(content)
    assert known_workload("resnet8", None, None, capture) == FOUND
    assert capture.calls == 2
    assert known_workload("resnet8", None, None, capture) == FOUND
    assert capture.calls == 2


def test_a_cache_that_cannot_be_written_costs_time_only(tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("a file")
    capture = Capture()
    for _ in range(2):
        assert known_workload("resnet8", None, None, capture) == FOUND
    assert capture.calls == 2


def test_a_network_that_is_known_is_costed_without_torch() -> None:
    captured = find_network("resnet8")
    assert find_network("resnet8") == captured
    script = (
        "import sys; from netchip.cli.main import main; main('cost resnet8 --chip edge-npu --mappings 64 --json'.split())\n"
        "assert 'torch' not in sys.modules"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=100)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["macs"] == captured.workload.macs

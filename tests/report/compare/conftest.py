"""Runs as values, without folders."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from netchip.report.record import ResultRecord, RunRecord


def arm(name: str, role: str, *, macs: float, accuracy: float, **further: Any) -> dict[str, Any]:
    counted, measured = {"macs": macs}, {"test_accuracy_percent": accuracy}
    return {
        "name": name,
        "role": role,
        "counted": counted,
        "measured": measured | further.pop("measured", {}),
        **further,
    }


@pytest.fixture
def run() -> Callable[..., RunRecord]:
    """run(arms, seed=1, experiment="digits", metrics={}, data={...}, measured_on={...})."""

    def make(arms: list[dict[str, Any]], **changes: Any) -> RunRecord:
        seed, experiment = changes.get("seed", 1), changes.get("experiment", "digits")
        result = {
            "format": 1, "method": "early-bird", "experiment": experiment, "version": "0", "status": "done", "headline": "",
            "config_hash": changes.get("config_hash", "0a1b2c3d"), "seed": seed, "arms": arms,
            "metrics": changes.get("metrics", {}), "measured_on": changes.get("measured_on", {}),
        }  # fmt: skip
        config = {"data": changes.get("data", {"name": "digits", "image_size": 16})}
        folder = Path(f"{experiment}-{result['config_hash']}/seed-{seed}")
        figures = tuple(changes.get("figures", ()))
        return RunRecord(folder, ResultRecord.model_validate(result), config, {}, (), figures)

    return make


@pytest.fixture(name="arm")
def _arm() -> Callable[..., dict[str, Any]]:
    """arm(name, role, macs=, accuracy=, measured=, modelled=)."""
    return arm

"""Runs that differ only in their seed."""

from collections.abc import Callable
from typing import Any

from netchip.report.compare.seeds import variants


def test_runs_of_one_setting_come_together_by_seed(run: Callable[..., Any], arm: Callable[..., Any]) -> None:
    def seed(number: int, accuracy: float, **changes: Any) -> Any:
        return run([arm("ticket", "ours", macs=1.0, accuracy=accuracy)], seed=number, **changes)

    both, other = variants([seed(2, 98.0), seed(1, 97.0, config_hash="ffffffff"), seed(1, 97.0)])
    assert both.title == "early-bird digits (0a1b2c3d), seeds 1, 2"
    assert other.seeds == "seed 1"
    summary: Any = both.to_json()["arms"]
    # 97 and 98: mean 97.5, sample standard deviation 1 / sqrt(2)
    assert summary["ticket"]["measured"]["test_accuracy_percent"] == {"mean": 97.5, "deviation": 0.5**0.5, "runs": 2}
    alone: Any = other.to_json()["arms"]
    assert alone["ticket"]["counted"]["macs"] == {"mean": 1.0, "deviation": None, "runs": 1}
    assert [row.remark for row in both.table().rows] == ["ours, 2 seeds"]

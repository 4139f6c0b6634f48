"""One row a run."""

from collections.abc import Callable
from typing import Any

from netchip.report.compare.overview import overview_table

Make = Callable[..., Any]


def test_a_run_shows_its_chosen_network_against_its_baseline(run: Make, arm: Make) -> None:
    arms = [arm("dense", "baseline", macs=10.0, accuracy=95.0), arm("ticket", "ours", macs=4.0, accuracy=94.0)]
    table = overview_table([run(arms)], ["run-1"])
    assert table.sections == (("measured", ("test accuracy",)), ("counted", ("MACs",)))
    (row,) = table.rows
    assert (row.name, row.remark, row.link) == ("early-bird digits, seed 1", "ticket; digits, 16 px", "run-1")
    assert [(cell.text, cell.remarks) for cell in row.cells] == [("94.00 %", ("-1.00 pt",)), ("4", ("×0.40",))]


def test_a_run_without_a_chosen_network_shows_dashes(run: Make, arm: Make) -> None:
    runs = [run([arm("ticket", "ours", macs=4.0, accuracy=94.0)]), run([], seed=2)]
    last = overview_table(runs, ["a", "b"]).rows[1]
    assert [cell.text for cell in last.cells] == ["–", "–"]
    assert last.remark.startswith("no network")

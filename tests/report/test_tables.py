"""Arms and runs side by side, against sums done by hand."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from netchip.report.record import ArmRecord, read_run
from netchip.report.tables import arms_table, comparison_table


def records(arm: Callable[..., dict[str, Any]]) -> list[ArmRecord]:
    return [
        ArmRecord.model_validate(arm("dense", "baseline", 10.0e6, 97.5)),
        ArmRecord.model_validate(arm("ticket", "ours", 4.0e6, 97.0)),
    ]


def test_arms_are_rows_and_ratios_are_to_the_baseline(arm: Callable[..., dict[str, Any]]) -> None:
    table = arms_table(records(arm))
    assert [section for section, _ in table.sections] == ["measured", "counted", "modelled"]
    counted = [cell for row in table.rows for cell in row.cells[4:5]]
    assert [(cell.text, cell.remarks) for cell in counted] == [("10.0 M", ()), ("4.00 M", ("×0.40",))]
    assert [row.emphasis for row in table.rows] == [False, True]


def test_percentages_differ_by_points_and_percentiles_stand_under_their_median(
    arm: Callable[..., dict[str, Any]],
) -> None:
    ticket = arms_table(records(arm)).rows[1]
    assert ticket.cells[0].remarks == ("-0.50 pt",)
    assert ticket.cells[3].remarks == ("×1.00", "3.10 ms – 3.60 ms")


def test_an_arm_without_a_figure_shows_a_dash() -> None:
    arms = [ArmRecord(name="a", role="baseline", counted={"macs": 1.0}), ArmRecord(name="b", role="ours")]
    assert [row.cells[0].text for row in arms_table(arms).rows] == ["1", "–"]


def test_without_a_baseline_there_are_no_ratios(arm: Callable[..., dict[str, Any]]) -> None:
    table = arms_table([ArmRecord.model_validate(arm("ticket", "ours", 1.0, 2.0))])
    assert not [remark for cell in table.rows[0].cells for remark in cell.remarks if "×" in remark]


def test_seeds_of_one_setting_share_a_row(tmp_path: Path, write_run: Callable[..., Path]) -> None:
    runs = [read_run(write_run(tmp_path / str(seed), seed=seed, drawn={})) for seed in (2, 1)]
    other = read_run(write_run(tmp_path / "other", seed=1, result={"config_hash": "ffffffff"}, drawn={}))
    rows = comparison_table([*runs, other]).rows
    assert [row.name for row in rows] == ["dense", "ticket"] * 2
    assert rows[0].remark == "early-bird digits-0a1b2c3d, seeds 1, 2"
    # 97.5 and 98.0: mean 97.75, sample standard deviation 0.5 / sqrt(2) = 0.3536
    assert (rows[0].cells[0].text, rows[0].cells[0].remarks) == ("97.75 %", ("± 0.35 %",))
    assert rows[0].cells[1].remarks == ("± 0",)
    assert rows[2].cells[0].remarks == ()

"""Arms side by side, and over seeds, against sums done by hand."""

from collections.abc import Callable
from typing import Any

from netchip.report.record import ArmRecord
from netchip.report.tables import arms_table, spread_table


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


def test_over_seeds_a_network_is_a_row_with_mean_and_sample_deviation(arm: Callable[..., dict[str, Any]]) -> None:
    def seeds(name: str, role: str, accuracies: tuple[float, ...]) -> list[ArmRecord]:
        return [ArmRecord.model_validate(arm(name, role, 1.0e6, accuracy)) for accuracy in accuracies]

    dense, ticket = spread_table(
        {"dense": seeds("dense", "baseline", (97.5, 98.0)), "ticket": seeds("ticket", "ours", (96.0,))}
    ).rows
    # 97.5 and 98.0: mean 97.75, sample standard deviation 0.5 / sqrt(2) = 0.3536
    assert (dense.cells[0].text, dense.cells[0].remarks) == ("97.75 %", ("± 0.35 %",))
    assert dense.cells[1].remarks == ("± 0",)
    assert (dense.remark, dense.emphasis) == ("baseline, 2 seeds", False)
    assert (ticket.remark, ticket.emphasis, ticket.cells[0].remarks) == ("ours, 1 seed", True, ())


def test_only_baselines_are_not_emphasised(arm: Callable[..., dict[str, Any]]) -> None:
    arms = [
        ArmRecord.model_validate(arm(name, role, 1.0, 2.0))
        for name, role in (("a", "baseline"), ("b", "baseline"), ("c", "ours"))
    ]
    assert [row.emphasis for row in arms_table(arms).rows] == [False, False, True]

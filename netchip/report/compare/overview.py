"""One row a run: its chosen network, and what that is against the baseline."""

from collections.abc import Sequence

from netchip.report.compare.standing import Column, baseline_arm, chosen_arm, costs_of, quality_of, task_of
from netchip.report.record import ArmRecord, RunRecord
from netchip.report.tables import SECTIONS, Cell, Row, Table, arm_cell, sections_of


def overview_table(runs: Sequence[RunRecord], links: Sequence[str]) -> Table:
    """A row a run, linked to its place on the page; a run without a chosen network shows dashes."""
    columns = _columns(runs)
    rows = [_row(run, link, columns) for run, link in zip(runs, links, strict=True)]
    return Table(sections_of(columns), tuple(rows))


def _columns(runs: Sequence[RunRecord]) -> list[Column]:
    """Qualities and costs of the chosen networks and parameters, section by section."""
    chosen = [arm for run in runs if (arm := chosen_arm(run)) is not None]
    qualities = dict.fromkeys(quality for arm in chosen if (quality := quality_of([arm])) is not None)
    counted: list[Column] = [("counted", "parameters")] if any("parameters" in arm.counted for arm in chosen) else []
    wanted = [*qualities, *costs_of(chosen), *counted]
    return [column for section in SECTIONS for column in wanted if column[0] == section]


def _row(run: RunRecord, link: str, columns: Sequence[Column]) -> Row:
    arm, result = chosen_arm(run), run.result
    cells = _cells(arm, baseline_arm(run), columns) if arm is not None else (Cell("–"),) * len(columns)
    remark = f"{arm.name if arm is not None else 'no network'}; {task_of(run)}"
    return Row(f"{result.method} {result.experiment}, seed {result.seed}", remark, cells, link=link)


def _cells(arm: ArmRecord, baseline: ArmRecord | None, columns: Sequence[Column]) -> tuple[Cell, ...]:
    return tuple(arm_cell(arm, baseline, *column) for column in columns)

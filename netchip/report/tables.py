"""The tables of a page: the arms of a run, and arms over several seeds. What was measured stays apart."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from netchip.report.quantities import compared, label, written
from netchip.report.record import ArmRecord, mean_and_spread

SECTIONS = ("measured", "counted", "modelled")


@dataclass(frozen=True)
class Cell:
    """A value as written, and smaller remarks under it."""

    text: str
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True)
class Row:
    """A named row; `cells` lie under the columns of the table, section after section; `link` is a place on the page."""

    name: str
    remark: str
    cells: tuple[Cell, ...]
    emphasis: bool = False
    link: str = ""


@dataclass(frozen=True)
class Table:
    """`sections`: (measured | counted | modelled, labels of its columns), in this order, the empty ones left out."""

    sections: tuple[tuple[str, tuple[str, ...]], ...]
    rows: tuple[Row, ...]


def arms_table(arms: Sequence[ArmRecord]) -> Table:
    """One row an arm; under each value its ratio to the baseline's."""
    columns = columns_of(arms)
    baseline = next((arm for arm in arms if arm.role == "baseline"), None)
    rows = [
        Row(arm.name, arm.role, tuple(arm_cell(arm, baseline, *column) for column in columns), arm.role != "baseline")
        for arm in arms
    ]
    return Table(sections_of(columns), tuple(rows))


def spread_table(arms: Mapping[str, Sequence[ArmRecord]]) -> Table:
    """One row for each network, over its seeds: mean and sample standard deviation."""
    columns = columns_of(arm for own in arms.values() for arm in own)
    rows = [
        Row(
            name,
            f"{own[0].role}, {len(own)} seed{'s' * (len(own) > 1)}",
            tuple(_spread_cell(own, *column) for column in columns),
            own[0].role != "baseline",
        )
        for name, own in arms.items()
    ]
    return Table(sections_of(columns), tuple(rows))


def columns_of(arms: Iterable[ArmRecord]) -> list[tuple[str, str]]:
    """(section, figure) in the order in which the arms name them; percentiles are folded into their median's."""
    arms = list(arms)
    seen = {section: dict.fromkeys(key for arm in arms for key in getattr(arm, section)) for section in SECTIONS}
    return [(section, key) for section in SECTIONS for key in seen[section] if not _is_percentile(key, seen[section])]


def sections_of(columns: Sequence[tuple[str, str]]) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """The headings of these columns: (section, labels), the empty ones left out."""
    grouped = {section: tuple(label(key) for own, key in columns if own == section) for section in SECTIONS}
    return tuple((section, labels) for section, labels in grouped.items() if labels)


def arm_cell(arm: ArmRecord, baseline: ArmRecord | None, section: str, key: str) -> Cell:
    """A figure of a network, under it what it is against the baseline's, and its percentiles."""
    figures: Mapping[str, float | None] = getattr(arm, section)
    remarks = [_percentiles(figures, key)]
    if baseline is not None and arm is not baseline:
        remarks.insert(0, compared(key, figures.get(key), getattr(baseline, section).get(key)))
    return Cell(written(key, figures.get(key)), tuple(filter(None, remarks)))


def _spread_cell(arms: Sequence[ArmRecord], section: str, key: str) -> Cell:
    values = [value for arm in arms if (value := getattr(arm, section).get(key)) is not None]
    if not values:
        return Cell("–")
    mean, spread = mean_and_spread(values)
    if spread is None:
        return Cell(written(key, mean))
    return Cell(written(key, mean), (f"± {written(key, spread)}" if spread else "± 0",))


def _percentiles(figures: Mapping[str, float | None], key: str) -> str:
    stem = key.removesuffix("_ms")
    low, high = figures.get(f"{stem}_p10_ms"), figures.get(f"{stem}_p90_ms")
    return f"{written(key, low)} – {written(key, high)}" if low is not None and high is not None else ""


def _is_percentile(key: str, all_keys: Iterable[str]) -> bool:
    median = key.replace("_p10_", "_").replace("_p90_", "_")
    return median != key and median in set(all_keys)

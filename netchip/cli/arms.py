"""The arms of a run side by side in the terminal: one column an arm, measured rows apart from counted ones."""

from pathlib import Path

from netchip.cli.output import show_table
from netchip.report.quantities import label, ratio, written
from netchip.report.record import read_run
from netchip.report.tables import SECTIONS, columns_of

_TITLES = {
    "measured": "Measured{place}",
    "counted": "Counted from the network",
    "modelled": "Modelled, not measured",
}


def show_arms(folder: Path) -> None:
    """Prints a table for each kind of figure that the run holds."""
    result = read_run(folder).result
    place = ", ".join(f"{key} {value}" for key, value in result.measured_on.items() if value is not None)
    names = [arm.name for arm in result.arms]
    baseline = next((arm for arm in result.arms if arm.role == "baseline"), None)
    last = result.arms[-1]
    compared = baseline is not None and last is not baseline
    for section in SECTIONS:
        rows = []
        for own, key in columns_of(result.arms):
            if own == section:
                values = [getattr(arm, section).get(key) for arm in result.arms]
                times = "" if baseline is None else ratio(values[-1], getattr(baseline, section).get(key))
                rows.append((label(key), *(written(key, value) for value in values), *([times] if compared else [])))
        if rows:
            title = _TITLES[section].format(place=f" on {place}" if place else "")
            show_table(title, ("", *(f">{name}" for name in names), *([">ratio"] if compared else [])), rows)

"""The arms of a run side by side in the terminal: one column an arm, measured rows apart from counted ones."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from netchip.cli.output import show_table
from netchip.report.quantities import compared, label, written
from netchip.report.record import ArmRecord, read_run
from netchip.report.tables import SECTIONS, columns_of

_TITLES = {
    "measured": "Measured{place}",
    "counted": "Counted from the network",
    "modelled": "Modelled, not measured",
}
_SHOWN = ("threads", "torch")


def show_arms(folder: Path) -> None:
    """Prints a table for each kind of figure that the run holds, the last arm compared with the baseline."""
    result = read_run(folder).result
    place = _place(result.measured_on)
    baseline = next((arm for arm in result.arms[:-1] if arm.role == "baseline"), None)
    columns = ("", *(f">{arm.name}" for arm in result.arms), *([">change"] if baseline else []))
    for section in SECTIONS:
        keys = [key for own, key in columns_of(result.arms) if own == section]
        if keys:
            title = _TITLES[section].format(place=f" on {place}" if place else "")
            show_table(title, columns, [_row(result.arms, baseline, section, key) for key in keys])


def _row(arms: Sequence[ArmRecord], baseline: ArmRecord | None, section: str, key: str) -> tuple[str, ...]:
    values = [getattr(arm, section).get(key) for arm in arms]
    change = [] if baseline is None else [compared(key, values[-1], getattr(baseline, section).get(key))]
    return (label(key), *(written(key, value) for value in values), *change)


def _place(measured_on: Mapping[str, Any]) -> str:
    """The device in a few words; all that is known of it is in the report."""
    device = measured_on.get("name") or measured_on.get("device")
    return ", ".join(
        [*([str(device)] if device else []), *(f"{key} {measured_on[key]}" for key in _SHOWN if key in measured_on)]
    )

"""A sweep on disk: sweep.json, with what was asked, what became of each trial, and the figures of those that are done."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from netchip.compose.sweep.outcome import Outcome
from netchip.compose.sweep.spec import SweepSpec
from netchip.files import write_json
from netchip.train.rundir import saved_result
from netchip.version import __version__

FORMAT = 1
RECORD_FILE = "sweep.json"


@dataclass(frozen=True)
class Swept:
    """A sweep so far: its folder, the trials in the order of the grid, and what chips would take, by the trials' names."""

    spec: SweepSpec
    root: Path
    folder: Path
    outcomes: tuple[Outcome, ...]
    modelled: Mapping[str, Mapping[str, Any]] = field(default_factory=dict[str, Mapping[str, Any]])

    @property
    def done(self) -> tuple[Outcome, ...]:
        """The finished trials."""
        return tuple(each for each in self.outcomes if each.status == "done")

    def folder_of(self, outcome: Outcome) -> Path:
        """The run's folder."""
        return outcome.trial.folder(self.root)

    def with_modelled(self, modelled: Mapping[str, Mapping[str, Any]]) -> "Swept":
        """The same with what chips would take."""
        return replace(self, modelled=modelled)

    def to_json(self) -> dict[str, Any]:
        """Plain values; of a finished run the headline, the metrics and its own arm, the last one."""
        return {
            "format": FORMAT,
            "version": __version__,
            "sweep": self.spec.model_dump(mode="json"),
            "trials": [self._trial(each) for each in self.outcomes],
        }

    def _trial(self, outcome: Outcome) -> dict[str, Any]:
        found = outcome.to_json() | {"folder": str(self.folder_of(outcome))}
        result = saved_result(self.folder_of(outcome)) if outcome.status == "done" else None
        if result is None:
            return found
        arm = (result.get("arms") or [{}])[-1]
        own = {section: arm.get(section, {}) for section in ("counted", "measured", "modelled")}
        own["modelled"] = {**own["modelled"], **self.modelled.get(outcome.trial.name, {})}
        return found | {"headline": result.get("headline"), "metrics": result.get("metrics"), **own}


def write_record(swept: Swept) -> Path:
    """Writes sweep.json into the sweep's folder."""
    path = swept.folder / RECORD_FILE
    write_json(path, swept.to_json())
    return path

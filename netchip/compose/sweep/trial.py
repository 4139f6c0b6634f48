"""One trial of a sweep: a run that `netchip run` could make, and the command that makes it."""

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from netchip.compose.carrying import NO_EXPERIMENT
from netchip.files import write_atomic
from netchip.spec import Spec
from netchip.train.rundir import run_path

START: tuple[str, ...] = (sys.executable, "-m", "netchip")
"""How the netchip command is started."""


@dataclass(frozen=True)
class Trial:
    """A point of the grid: `config` is complete, `varied` what the sweep chose of it, by dotted name."""

    method: str
    experiment: str | None
    config: Spec
    seed: int
    varied: Mapping[str, Any]

    @property
    def label(self) -> str:
        """'early-bird/digits budget=60% seed=1'."""
        name = self.method if self.experiment is None else f"{self.method}/{self.experiment}"
        return " ".join([name, *(f"{key}={value}" for key, value in self.varied.items())])

    def folder(self, root: Path) -> Path:
        """The run's folder below `root`."""
        return run_path(root, self.method, self.experiment or NO_EXPERIMENT, self.config, self.seed)

    @property
    def name(self) -> str:
        """A file name of its own: that of its folder."""
        return "-".join(self.folder(Path()).parts)

    def command(self, root: Path, notes: Path, *, fresh: bool = False) -> tuple[str, ...]:
        """The words that start the run; its settings are written to a file in `notes` first."""
        settings = notes / f"{self.name}.yaml"
        write_atomic(settings, yaml.safe_dump(self.config.model_dump(mode="json"), sort_keys=False))
        named = () if self.experiment is None else (self.experiment,)
        options = ("--config", str(settings.absolute()), "--out", str(root.absolute()))
        return (*START, "run", self.method, *named, *options, *(("--fresh",) if fresh else ()))

"""What a method is to the rest of netchip: a name, a paper, named experiments, and a run that ends in a Result."""

import difflib
import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from netchip.errors import ConfigError
from netchip.spec import Spec

if TYPE_CHECKING:
    from torch import nn

    from netchip.train.rundir import RunDir
    from netchip.workload.network import Workload

RESULT_FORMAT = 1


@dataclass(frozen=True)
class Paper:
    """The publication a method follows."""

    title: str
    venue: str
    arxiv: str


@dataclass(frozen=True)
class Arm:
    """One network of a comparison. Counted, measured and modelled figures are kept apart and never mixed.

    The names of the figures end in their unit (`_percent`, `_seconds`, `_ms`, `_bytes`); `macs` and `parameters` are counts.
    """

    name: str
    role: str
    counted: Mapping[str, float]
    measured: Mapping[str, float]
    modelled: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Result:
    """What a finished run says: the arms side by side, and the dense and the efficient workload, never joules."""

    headline: str
    metrics: Mapping[str, float | int | str | None]
    arms: tuple[Arm, ...]
    dense: "Workload"
    efficient: "Workload"
    measured_on: Mapping[str, Any]
    simulated: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """The part of `result.json` that the method knows; the run folder adds names, version and hash."""
        return {
            "format": RESULT_FORMAT,
            "headline": self.headline,
            "metrics": dict(self.metrics),
            "arms": [_arm_json(arm) for arm in self.arms],
            "measured_on": dict(self.measured_on),
            "simulated": list(self.simulated),
            "notes": list(self.notes),
        }


@dataclass(frozen=True)
class Treatment:
    """What a method can do with a network before any training: the names it treats, their channels, and why not the rest."""

    treats: tuple[str, ...]
    channels: int
    why_not: str


@dataclass(frozen=True)
class Method:
    """A method as data: nothing heavy is imported until it is put to work.

    `experiments` maps a name to a function that returns a config of `config_class`; the first line of that function's
    docstring describes it. `runner` and `inspector` are `"module:function"`, called as `(config, rundir) -> Result` and
    `(model, example) -> Treatment`.
    """

    name: str
    summary: str
    paper: Paper
    config_class: type[Spec]
    experiments: Mapping[str, Callable[[], Any]]
    runner: str
    inspector: str

    def experiment(self, name: str) -> Any:
        """The config of a named experiment; raises `ConfigError` that lists the names there are."""
        if name not in self.experiments:
            close = difflib.get_close_matches(name, self.experiments, n=1)
            hint = f" (did you mean {close[0]!r}?)" if close else ""
            raise ConfigError(f"{self.name} has no experiment {name!r}; there are: {', '.join(self.experiments)}{hint}")
        return self.experiments[name]()

    def run(self, config: Spec, rundir: "RunDir") -> Result:
        """Runs (or resumes) the method in `rundir`."""
        return _function(self.runner)(config, rundir)

    def treatment(self, model: "nn.Module", example: Any) -> Treatment:
        """What the method can do with `model`, judged on `example` (an input, or a tuple or dict of inputs)."""
        return _function(self.inspector)(model, example)


def _function(reference: str) -> Callable[..., Any]:
    module, name = reference.split(":")
    return getattr(importlib.import_module(module), name)


def _arm_json(arm: Arm) -> dict[str, Any]:
    return {
        "name": arm.name,
        "role": arm.role,
        "counted": dict(arm.counted),
        "measured": dict(arm.measured),
        "modelled": dict(arm.modelled),
    }

"""From what a sweep asks for to its trials, all of them checked before the first one starts. No torch is imported here."""

import itertools
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from netchip.compose.pricing import load_chips
from netchip.compose.sweep.spec import SweepSpec
from netchip.compose.sweep.trial import Trial
from netchip.errors import ConfigError
from netchip.methods import find_method
from netchip.methods.method import Method
from netchip.spec import merge, nested
from netchip.train.rundir import run_config_hash

_BUDGET, _SEED = "budget", "seed"
_BUDGET_SETTINGS: Mapping[str, Callable[[str], dict[str, Any]]] = {
    "early-bird": lambda budget: {"macs": budget},
    "smart-exchange": lambda budget: {"exchange.target": budget, "exchange.row_sparsity": 0.0},
    "fractional-skipping": lambda budget: {"budgets": [budget]},
    "autogan-distiller": lambda budget: {"budget": budget},
}
"""What a budget sets in each method: MACs, bytes of the weights, cost of the gated blocks, MACs of the student."""


def trials_of(spec: SweepSpec) -> tuple[Trial, ...]:
    """Every combination, methods outermost and seeds innermost.

    Raises `ConfigError` for an unknown method, experiment, setting or chip, a value that its setting refuses, and two
    combinations that are the same run.
    """
    load_chips(spec.chips)
    trials = tuple(trial for word in spec.methods for trial in _of_method(word, spec))
    _check_addressed(spec)
    _check_different(trials)
    return trials


def _of_method(word: str, spec: SweepSpec) -> Iterator[Trial]:
    name, _, experiment = word.partition("/")
    method = find_method(name)
    base = method.experiment(experiment).model_dump() if experiment else {}
    axes = _axes(method, spec)
    for values in itertools.product(*axes.values()):
        varied = dict(zip(axes, values, strict=True))
        settings = {key: value for each, chosen in varied.items() for key, value in _set(method, each, chosen).items()}
        source = " ".join([word, *(f"{key}={value}" for key, value in varied.items())])
        config = method.config_class.parse(merge(base, nested(settings)), source=source)
        yield Trial(name, experiment or None, config, int(getattr(config, _SEED, 0)), varied)


def _axes(method: Method, spec: SweepSpec) -> dict[str, tuple[Any, ...]]:
    """The values to try of each thing, by its name in this method."""
    axes: dict[str, tuple[Any, ...]] = {}
    for key, values in spec.settings.items():
        owner, _, setting = key.rpartition(":")
        if owner in ("", method.name):
            axes[setting] = values
    if spec.budgets:
        axes[_BUDGET] = spec.budgets
    if spec.seeds:
        axes[_SEED] = spec.seeds
    return axes


def _set(method: Method, name: str, value: Any) -> dict[str, Any]:
    """The dotted settings that a value is."""
    if name != _BUDGET or name in method.config_class.model_fields:
        return {name: value}
    if method.name not in _BUDGET_SETTINGS:
        raise ConfigError(f"{method.name} has no single budget; try values of its own settings with --set")
    return _BUDGET_SETTINGS[method.name](value)


def _check_addressed(spec: SweepSpec) -> None:
    """Every METHOD:setting is of a method of this sweep."""
    methods = {word.partition("/")[0] for word in spec.methods}
    for key in spec.settings:
        owner, given, _ = key.rpartition(":")
        if given and owner not in methods:
            raise ConfigError(
                f"{key!r} is for {owner!r}, which this sweep does not run; it runs {', '.join(sorted(methods))}"
            )


def _check_different(trials: tuple[Trial, ...]) -> None:
    seen: dict[tuple[str, str | None, str, int], Trial] = {}
    for trial in trials:
        key = (trial.method, trial.experiment, run_config_hash(trial.config), trial.seed)
        if key in seen:
            raise ConfigError(
                f"{seen[key].label!r} and {trial.label!r} are the same run; leave one out (a setting that cannot change a "
                "result is no value to try)"
            )
        seen[key] = trial

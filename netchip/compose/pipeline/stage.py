"""What a stage is to a pipeline: a name, checked settings, and a function from the networks so far to new ones."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from netchip.compose.pipeline.context import Context
from netchip.compose.pipeline.product import Product
from netchip.compose.pipeline.spec import StagePlan
from netchip.errors import ConfigError
from netchip.methods.method import Method
from netchip.spec import merge


@dataclass(frozen=True, eq=False)
class Made:
    """What a stage made: networks, each a row of the table; or `modelled` figures of the last network before it.

    `simulated` and `notes` are lines for the result.
    """

    products: tuple[Product, ...] = ()
    modelled: Mapping[str, float] = field(default_factory=dict[str, float])
    simulated: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Stage:
    """`settings` raises `ConfigError` before any training; `make` is given the networks so far, oldest first, and a folder."""

    name: str
    settings: Callable[[StagePlan, Context], Any]
    make: Callable[[Any, Context, Sequence[Product], Path], Made]


def method_settings(
    plan: StagePlan,
    method: Method,
    context: Context,
    fixed: Mapping[str, Any] | None = None,
    *,
    unused: Sequence[str] = (),
) -> Any:
    """A method's configuration: its experiment, if the stage names one, the stage's settings, then what the pipeline decides.

    Raises `ConfigError` for a setting that is the pipeline's own (seed, data, model, train), that is `fixed`, or `unused`.
    """
    shared, fixed = context.shared(), dict(fixed or {})
    given = {name: value for name, value in plan.settings.items() if name != "experiment"}
    for name in given:
        if name in shared:
            raise ConfigError(f"stage {plan.name}: {name} is a setting of the whole pipeline; leave it out here")
        if name in fixed or name in unused:
            raise ConfigError(f"stage {plan.name}: {name} is nothing that this stage does; leave it out here")
    experiment = plan.settings.get("experiment")
    base = {} if experiment is None else method.experiment(str(experiment)).model_dump()
    return method.config_class.parse(merge(merge(base, given), {**shared, **fixed}), source=f"stage {plan.name}")

"""The stage `ticket`: an early-bird run, in the folder where `netchip run` would put it, so that neither does it twice."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from netchip.compose.carrying import NO_EXPERIMENT, carried_out
from netchip.compose.pipeline.context import Context
from netchip.compose.pipeline.order import TICKET
from netchip.compose.pipeline.product import Product
from netchip.compose.pipeline.runs import products_of_run
from netchip.compose.pipeline.spec import StagePlan
from netchip.compose.pipeline.stage import Made, Stage, method_settings
from netchip.methods import find_method
from netchip.spec import Spec
from netchip.train.rundir import RunDir

METHOD = "early-bird"


@dataclass(frozen=True)
class _Settings:
    experiment: str
    config: Spec


def _settings(plan: StagePlan, context: Context) -> _Settings:
    config = method_settings(plan, find_method(METHOD), context)
    return _Settings(str(plan.settings.get("experiment") or NO_EXPERIMENT), config)


def _make(settings: _Settings, context: Context, before: Sequence[Product], folder: Path) -> Made:
    with RunDir.open(context.root, METHOD, settings.experiment, settings.config, context.seed) as rundir:
        result = carried_out(find_method(METHOD), settings.config, rundir)
    return Made(products_of_run(TICKET, rundir.path), notes=(str(result["headline"]), f"ticket: the run {rundir.path}"))


STAGE = Stage(TICKET, _settings, _make)

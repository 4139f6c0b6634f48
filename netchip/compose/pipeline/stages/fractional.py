"""The stage `fractional`: the trained network's residual blocks gated, and both trained to a budget."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from netchip.compose.pipeline.context import Context
from netchip.compose.pipeline.order import FRACTIONAL
from netchip.compose.pipeline.product import Product
from netchip.compose.pipeline.spec import StagePlan
from netchip.compose.pipeline.stage import Made, Stage, method_settings
from netchip.errors import ConfigError
from netchip.graph.to_workload import to_workload
from netchip.methods import find_method
from netchip.methods.fractional_skipping.config import FractionalSkippingConfig
from netchip.methods.fractional_skipping.control.budgets import check_reachable, share_of
from netchip.methods.fractional_skipping.costs import cost_table
from netchip.methods.fractional_skipping.network import make_fractional
from netchip.methods.fractional_skipping.stages.evaluation import Judge
from netchip.methods.fractional_skipping.stages.stages import Stages
from netchip.methods.fractional_skipping.stages.trained import OURS
from netchip.spec import config_hash

_FIXED: dict[str, Any] = {"backbone": None, "backbone_epochs": 0, "retarget": (), "cap": None, "baselines": ()}


def _settings(plan: StagePlan, context: Context) -> FractionalSkippingConfig:
    config = method_settings(plan, find_method("fractional-skipping"), context, _FIXED, unused=("backbone_optimizer",))
    if len(config.budgets) > 1:
        raise ConfigError(
            f"stage {plan.name}: budgets = {list(config.budgets)}; a pipeline goes on with one network, so name one"
        )
    return config


def _make(settings: FractionalSkippingConfig, context: Context, before: Sequence[Product], folder: Path) -> Made:
    trained, budget = before[-1], settings.budgets[0]
    plain = to_workload(trained.network, context.example)
    _check(settings, trained, plain)
    rundir = context.within(folder / "training", "fractional-skipping", config_hash(settings))
    stages = Stages(settings, rundir, context.data, context.training(), plain)
    arm = stages.fractional(trained.network, budget, OURS)
    arm.network.cpu().eval()
    judge = Judge(context.test(), plain)
    found = judge.outcome(arm)
    if found.found is None:
        raise TypeError("a gated network without routes")
    product = Product(
        name=FRACTIONAL, network=arm.network, workload=judge.workload(arm, found.found), plans=trained.plans
    )
    notes = (
        f"fractional: budget {budget} of the gated blocks, {100 * found.share:.1f} % on the test set; MACs and energy are means "
        "over its images",
        *arm.notes,
    )
    return Made((product,), simulated=("few bits: rounded values in float32",), notes=notes)


def _check(settings: FractionalSkippingConfig, trained: Product, plain: Any) -> None:
    """Blocks and budget, before any training."""
    network = make_fractional(
        trained.network,
        settings.option_set(),
        blocks=settings.blocks or None,
        mode=settings.mode,
        gate_first=settings.gate_first,
    )
    table = cost_table(settings.costs, network.sites, network.options, plain)
    check_reachable(table, share_of(settings.budgets[0]))


STAGE = Stage(FRACTIONAL, _settings, _make)

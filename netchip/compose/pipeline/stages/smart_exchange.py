"""The stage `smart-exchange`: trained weights as factors, with or without retraining, and the file that holds them."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from netchip.compose.pipeline.context import Context
from netchip.compose.pipeline.order import SMART_EXCHANGE
from netchip.compose.pipeline.product import Product
from netchip.compose.pipeline.spec import StagePlan
from netchip.compose.pipeline.stage import Made, Stage, method_settings
from netchip.errors import ConfigError
from netchip.methods import find_method
from netchip.methods.smart_exchange.config import FACTORED, ArmName, SmartExchangeConfig
from netchip.methods.smart_exchange.encoding import encoded_workload
from netchip.methods.smart_exchange.stages.made import Made as Packing
from netchip.methods.smart_exchange.stages.stages import Stages
from netchip.spec import config_hash

_USUAL: ArmName = "post-training-rows"
_UNUSED = ("epochs", "optimizer", "arms", "activations", "calibration_batches")


@dataclass(frozen=True)
class _Settings:
    arm: ArmName
    config: SmartExchangeConfig


def _settings(plan: StagePlan, context: Context) -> _Settings:
    """`arm`: post-training-rows (the default), or one that is retrained: projected, straight-through, bucket."""
    given = dict(plan.settings)
    arm: Any = given.pop("arm", _USUAL)
    if arm not in FACTORED:
        raise ConfigError(f"stage {plan.name}: arm = {arm!r} makes no factors; there are {', '.join(FACTORED)}")
    rest = plan.model_copy(update={"settings": given})
    method = find_method("smart-exchange")
    return _Settings(arm, method_settings(rest, method, context, {"arms": (arm,)}, unused=_UNUSED))


def _make(settings: _Settings, context: Context, before: Sequence[Product], folder: Path) -> Made:
    trained = before[-1]
    rundir = context.within(folder / "training", "smart-exchange", config_hash(settings.config))
    stages = Stages(settings.config, rundir, context.data, context.training())
    made = stages.arm(settings.arm, Packing(name="dense", role="baseline", network=trained.network))
    workload = encoded_workload(made.network, context.example, made.packed)
    product = Product(
        name=SMART_EXCHANGE, network=made.network, workload=workload, plans=trained.plans, packed=made.packed
    )
    how = (
        "without training"
        if settings.arm.startswith("post")
        else f"retrained for {settings.config.retrain_epochs} epochs"
    )
    return Made((product,), notes=(f"smart-exchange: {settings.arm}, {how}; {made.bits_per_weight:.2f} bits a weight",))


STAGE = Stage(SMART_EXCHANGE, _settings, _make)

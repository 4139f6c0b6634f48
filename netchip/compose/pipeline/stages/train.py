"""The stage `train`: the network from fresh weights, as it is."""

from collections.abc import Sequence
from pathlib import Path

from pydantic import Field

from netchip.compose.pipeline.context import Context
from netchip.compose.pipeline.order import TRAIN
from netchip.compose.pipeline.product import Product
from netchip.compose.pipeline.runs import DENSE
from netchip.compose.pipeline.spec import StagePlan
from netchip.compose.pipeline.stage import Made, Stage
from netchip.data.batches import evaluation_batches
from netchip.graph.to_workload import to_workload
from netchip.models.build import build
from netchip.spec import Spec
from netchip.train.fit import fit
from netchip.train.fitting import check_classifier
from netchip.train.phase import Classification
from netchip.train.seeding import seed_everything
from netchip.train.spec import OptimizerSpec


class TrainSettings(Spec):
    """How long, and with what."""

    epochs: int = Field(default=20, ge=1, description="epochs")
    optimizer: OptimizerSpec = OptimizerSpec()


def _settings(plan: StagePlan, context: Context) -> TrainSettings:
    return TrainSettings.parse(plan.settings, source=f"stage {plan.name}")


def _make(settings: TrainSettings, context: Context, before: Sequence[Product], folder: Path) -> Made:
    seed_everything(context.seed)
    network = build(context.model)
    check_classifier(network, context.data.image_shape, len(context.data.classes))
    fit(
        Classification(network, settings.optimizer),
        context.training(),
        epochs=settings.epochs,
        folder=folder / "training",
        validation=evaluation_batches(context.data.validation, context.data, context.data_spec),
        spec=context.train,
        config_hash=context.rundir.config_hash,
    )
    network.cpu().eval()
    return Made((Product(name=DENSE, network=network, workload=to_workload(network, context.example)),))


STAGE = Stage(TRAIN, _settings, _make)

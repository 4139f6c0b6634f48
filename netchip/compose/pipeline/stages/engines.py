"""The stage `engines`: five sparse engines on the packed network before it. An estimate; the network stays as it is."""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from pydantic import Field
from torch import Tensor

from netchip.compose.pipeline.context import Context
from netchip.compose.pipeline.order import ENGINES
from netchip.compose.pipeline.product import Product
from netchip.compose.pipeline.spec import StagePlan
from netchip.compose.pipeline.stage import Made, Stage
from netchip.files import write_json
from netchip.methods.smart_exchange.engines.estimate import estimate_engines
from netchip.methods.smart_exchange.stages.engines import in_words
from netchip.spec import Spec


class EnginesSettings(Spec):
    """Whose weights the other engines run, and how many images activations are traced on."""

    images: int = Field(default=32, ge=1, description="training images")
    baseline_weights: Literal["own", "same_sparsified"] = "own"


def _settings(plan: StagePlan, context: Context) -> EnginesSettings:
    return EnginesSettings.parse(plan.settings, source=f"stage {plan.name}")


def _make(settings: EnginesSettings, context: Context, before: Sequence[Product], folder: Path) -> Made:
    packed = before[-1]
    dense = before[-2].network if len(before) > 1 else None
    found = estimate_engines(
        packed.network,
        packed.packed,
        context.example,
        list(_images(context, settings.images)),
        dense=dense,
        baseline_weights=settings.baseline_weights,
    )
    write_json(folder / "engines.json", found.comparison.to_json())
    modelled = {
        f"{name.replace('-', '_')}_engine_energy_pj": cost.energy_pj for name, cost in found.comparison.costs.items()
    }
    return Made(modelled=modelled, simulated=in_words(found))


def _images(context: Context, count: int) -> Sequence[Tensor]:
    batches: list[Tensor] = []
    for images, _ in context.training().epoch(0):
        batches.append(images[:count])
        count -= len(batches[-1])
        if count <= 0:
            break
    return batches


STAGE = Stage(ENGINES, _settings, _make)

"""The networks that the student is compared with, each of no more than its cost, to be trained as it is."""

from collections.abc import Iterator

from torch import nn

from netchip.errors import BudgetError
from netchip.methods.autogan_distiller.baselines.imdn import SmallIMDN
from netchip.methods.autogan_distiller.baselines.narrow import uniform_architecture, widest_within
from netchip.methods.autogan_distiller.config import AutoganDistillerConfig
from netchip.methods.autogan_distiller.costing.choosing import random_networks
from netchip.methods.autogan_distiller.distillation import Distillation
from netchip.methods.autogan_distiller.teacher.building import shape_of

_WIDEST_HAND_MADE = 64


def control_networks(
    config: AutoganDistillerConfig, stages: Distillation, cost: float, notes: list[str]
) -> Iterator[tuple[str, nn.Module]]:
    """Name and network of every control; what cannot be had at that cost is left out, with a line in `notes`."""
    table = stages.target.table
    example = stages.example(config.cost_size)
    scale = stages.teacher.scale
    if "random" in config.controls:
        found = random_networks(table, cost, config.random_networks, seed=config.seed)
        for index, each in enumerate(found, start=1):
            yield f"random-{index}", stages.space.derive(each.architecture)
    if "uniform" in config.controls:
        architecture = uniform_architecture(table, cost)
        if architecture is None:
            notes.append(
                "uniform: left out, the space has no network of one operator and one share of width that small"
            )
        else:
            yield "uniform", stages.space.derive(architecture)

    def slimmed(width: int) -> nn.Module:
        return shape_of(config.teacher, scale, width)

    def hand_made(width: int) -> nn.Module:
        return SmallIMDN(
            scale,
            channels=width,
            in_channels=table.space.inputs,
            out_channels=stages.teacher.out_channels,
            signed=config.teacher.low < 0,
        )

    makers = {"slimmed": (slimmed, config.teacher.channels), "hand-made": (hand_made, _WIDEST_HAND_MADE)}
    for name, (make, most) in makers.items():
        if name in config.controls and not (name == "slimmed" and ":" in config.teacher.name):
            try:
                yield name, widest_within(make, table.measure, example, cost, most=most, what=name)
            except BudgetError as error:
                notes.append(str(error))

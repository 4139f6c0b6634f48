"""The networks that the student is compared with, each of no more than its cost, to be trained as it is."""

from collections.abc import Iterator
from functools import partial

from torch import nn

from netchip.errors import BudgetError
from netchip.methods.autogan_distiller.baselines.imdn import SmallIMDN
from netchip.methods.autogan_distiller.baselines.narrow import MakeAtWidth, fullest_within
from netchip.methods.autogan_distiller.config import AutoganDistillerConfig
from netchip.methods.autogan_distiller.costing.choosing import random_networks
from netchip.methods.autogan_distiller.costing.uniform import uniform_architecture
from netchip.methods.autogan_distiller.distillation import Distillation
from netchip.methods.autogan_distiller.teacher.building import shape_of

_WIDEST_HAND_MADE, _DEEPEST_HAND_MADE = 64, 4


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

    makers = {"slimmed": _slimmed(config, scale), "hand-made": _hand_made(config, stages)}
    most = {"slimmed": config.teacher.channels, "hand-made": _WIDEST_HAND_MADE}
    for name, makes in makers.items():
        if name in config.controls and not (name == "slimmed" and ":" in config.teacher.name):
            try:
                yield name, fullest_within(makes, table.measure, example, cost, most=most[name], what=name)
            except BudgetError as error:
                notes.append(str(error))


def _slimmed(config: AutoganDistillerConfig, scale: int) -> list[MakeAtWidth]:
    """The teacher's own shape at its own depth."""
    return [lambda width: shape_of(config.teacher, scale, width)]


def _hand_made(config: AutoganDistillerConfig, stages: Distillation) -> list[MakeAtWidth]:
    """IMDN-like networks of one to four blocks."""

    def of_depth(blocks: int, width: int) -> nn.Module:
        return SmallIMDN(
            stages.teacher.scale,
            channels=width,
            blocks=blocks,
            in_channels=stages.space.inputs,
            out_channels=stages.teacher.out_channels,
            signed=config.teacher.low < 0,
        )

    return [partial(of_depth, blocks) for blocks in range(1, _DEEPEST_HAND_MADE + 1)]

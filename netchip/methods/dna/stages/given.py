"""What a user brings: a network, an accelerator, or both."""

from pathlib import Path

from torch import nn

from netchip.errors import DataError
from netchip.graph.saved import load
from netchip.methods.dna.config import DnaConfig
from netchip.methods.dna.platform.files import read_design
from netchip.methods.dna.platform.limits import matched
from netchip.methods.dna.platform.platform import Design
from netchip.methods.dna.space.layers import SpaceLayers
from netchip.methods.dna.space.space import Derived
from netchip.methods.dna.stages.arms import workload_of
from netchip.methods.dna.stages.judging import Judged
from netchip.methods.dna.stages.stages import Stages, Trained
from netchip.models.build import build
from netchip.workload.network import Workload

GIVEN = "given"


def given_design(config: DnaConfig) -> Design | None:
    """The accelerator in a file, or none where it is searched; raises `DataError` that names the file where it holds none."""
    return None if config.accelerator is None else read_design(Path(config.accelerator))


def given_pair(config: DnaConfig, stages: Stages) -> Judged:
    """The given network with the given accelerator, or with the best for it.

    A network by name is trained as what a search finds would be; one from a folder is taken as it is. Raises `BudgetError` where
    the best accelerator does not keep every limit; a pair that is given is shown as it is, over or not.
    """
    network = _network(config, stages)
    own = network.space == stages.space if isinstance(network, Derived) else False
    workload = _workload(network, stages)
    design = stages.design or matched(stages.platform, workload).design
    trained = stages.trained(network, GIVEN) if config.network is None else Trained(network, None)
    architecture = network.architecture if isinstance(network, Derived) and own else None
    return Judged(GIVEN, trained, design, architecture, workload=workload)


def _workload(network: nn.Module, stages: Stages) -> Workload:
    if isinstance(network, Derived):  # each layer at its own bits
        return SpaceLayers(network.space).workload(network.architecture)
    return workload_of(network, stages.space)


def _network(config: DnaConfig, stages: Stages) -> nn.Module:
    if config.model is None:
        if config.network is None:
            raise DataError("no network is given; set model or network")
        return load(config.network)
    space = stages.space
    sized = {"classes": space.classes, "image_size": space.image_size, "in_channels": space.in_channels}
    spec = config.model.changed(**sized)
    return stages.built(lambda: build(spec))

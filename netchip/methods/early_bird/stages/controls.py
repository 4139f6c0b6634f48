"""What a ticket must beat to be worth its search: a random one, one drawn at the end, a uniformly narrower network."""

from dataclasses import dataclass

from torch import nn
from torch.optim import Optimizer

from netchip.errors import ConfigError, ModelError
from netchip.graph.surgery import CutPlan, cut
from netchip.graph.to_workload import to_workload
from netchip.methods.early_bird.search import TicketSearch
from netchip.methods.early_bird.stages.draws import Draw
from netchip.models.build import build, example_input
from netchip.models.spec import ModelSpec
from netchip.train.optimizers import make_optimizer
from netchip.train.spec import OptimizerSpec

_HALVINGS = 12


@dataclass(frozen=True)
class Trainee:
    """A network and the optimizer that goes on training it."""

    network: nn.Module
    optimizer: Optimizer


def dense_at(draw: Draw, network: nn.Module, spec: OptimizerSpec) -> Trainee:
    """`network`, newly built, and its optimizer as they were when the ticket was drawn."""
    optimizer = make_optimizer(spec, network.parameters())
    network.load_state_dict(dict(draw.model))
    optimizer.load_state_dict(dict(draw.optimizer))
    return Trainee(network, optimizer)


def cut_like(draw: Draw, trainee: Trainee, plan: CutPlan, search: TicketSearch) -> None:
    """Cuts another plan than the ticket's out of the dense network, in place, with starting weights of the same kind."""
    if not draw.ticket.inherits:
        trainee.network.load_state_dict(dict(search.starting_state(trainee.network)))
        trainee.optimizer.state.clear()
    cut(trainee.network, plan, optimizer=trainee.optimizer, example=search.example)


def uniform_width(spec: ModelSpec, macs: int) -> ModelSpec:
    """`spec` with the width multiplier whose MACs an image lie closest to `macs`, found by halving.

    Raises `ConfigError` for a network without a width multiplier, which `timm:` and the user's own may not have.
    """
    low, high = 0.0, spec.width
    best, distance = spec, abs(_macs(spec) - macs)
    for _ in range(_HALVINGS):
        middle = spec.changed(width=(low + high) / 2)
        found = _macs(middle)
        if abs(found - macs) < distance:
            best, distance = middle, abs(found - macs)
        low, high = (middle.width, high) if found < macs else (low, middle.width)
    return best


def check_width(spec: ModelSpec) -> None:
    """Raises `ConfigError` when `spec` names a network that cannot be made narrower."""
    try:
        build(spec.changed(width=spec.width / 2))
    except ModelError as error:
        raise ConfigError(
            f"controls 'uniform' needs a network with a width multiplier, and {spec.name} has none: {error}"
        ) from error


def _macs(spec: ModelSpec) -> int:
    return int(to_workload(build(spec), example_input(spec)).macs)

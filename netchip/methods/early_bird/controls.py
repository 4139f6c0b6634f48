"""What a ticket must beat to be worth its search: a random one, and a uniformly narrower network of as many MACs."""

import copy

from torch import nn

from netchip.errors import ConfigError, ModelError
from netchip.graph.surgery import CutPlan, cut
from netchip.graph.to_workload import to_workload
from netchip.methods.early_bird.phases import SearchPhase
from netchip.models.build import build, example_input
from netchip.models.spec import ModelSpec
from netchip.train.optimizers import make_optimizer
from netchip.train.phase import Classification
from netchip.train.spec import OptimizerSpec

_HALVINGS = 12


def random_ticket(search: SearchPhase, spec: OptimizerSpec, seed: int) -> tuple[Classification, CutPlan]:
    """The network and the optimizer at the draw, cut to a random ticket of as many channels, ready to be trained on.

    Call it before the ticket itself is cut: the searched network is copied, not touched.
    """
    network: nn.Module = copy.deepcopy(search.model)
    optimizer = make_optimizer(spec, network.parameters())
    optimizer.load_state_dict(copy.deepcopy(search.optimizer.state_dict()))  # torch would share the momentum buffers
    plan = search.search.random_plan(seed)
    cut(network, plan, optimizer=optimizer, example=search.search.example)
    pull = search.search.pull_on(network)
    return Classification(network, spec, optimizer=optimizer, after_backward=pull), plan


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

"""One search, networks of every kind: the ticket keeps to its budget of MACs, and the cut network is the masked one."""

from typing import Any

import pytest
import torch
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from netchip.errors import MissingExtra
from netchip.methods.early_bird.search import TicketSearch
from netchip.models.build import build, example_input
from netchip.models.spec import ModelSpec

BY_GAMMA = ("vgg16_bn", "resnet20", "preresnet20", "mobilenet_v2", "timm:resnet18", "timm:densenet121")
BY_WEIGHTS = ("timm:vit_tiny_patch16_224", "timm:convnext_atto", "timm:resnet50_gn")


def made(name: str) -> tuple[torch.nn.Module, torch.Tensor]:
    size = 224 if "patch16_224" in name else 32
    spec = ModelSpec(name=name, image_size=size)
    torch.manual_seed(0)
    try:
        return build(spec), example_input(spec, 2)
    except MissingExtra as missing:
        pytest.skip(str(missing))


def counted(network: torch.nn.Module, image: torch.Tensor) -> int:
    """MACs that FlopCounterMode sees when the network runs, attention in its two plain products: no capture is needed."""
    with torch.no_grad(), sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter:
        network.eval()(image)
    network.train()
    return counter.get_total_flops() // 2


def drawn(name: str, **settings: Any) -> tuple[str, float, float]:
    """What ranked the channels, the share of MACs left, and the difference of cut and masked network."""
    network, example = made(name)
    dense = counted(network, example[:1])
    search = TicketSearch(network, example, min_movement=0, **settings)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(0.1 * parameter.abs().mean() * torch.randn_like(parameter))
    search.end_epoch()
    report = search.draw().cut(network)
    assert report.difference is not None
    return search.importance, counted(network, example[:1]) / dense, report.difference


@pytest.mark.parametrize("name", [*BY_GAMMA, *BY_WEIGHTS])
def test_a_budget_of_macs_on_networks_of_every_kind(name: str) -> None:
    importance, share, difference = drawn(name, macs="60%")
    assert importance == ("gamma" if name in BY_GAMMA else "l2")
    assert 0.55 < share <= 0.6, "met, and no more given away than a few channels are worth"
    assert difference <= 1e-5


@pytest.mark.parametrize("name", ["preresnet20", "resnet20", "mobilenet_v2"])
def test_the_stream_kept_whole(name: str) -> None:
    _, coupled, _ = drawn(name, ratio=0.3)
    _, whole, difference = drawn(name, ratio=0.3, stream="full")
    assert difference <= 1e-5
    assert 0.3 < whole < 1
    assert coupled < 1

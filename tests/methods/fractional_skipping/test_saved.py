"""A gated network comes back from its folder as it was."""

from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

import netchip
from netchip.errors import ConfigError
from netchip.methods.fractional_skipping.gates.recurrent import RecurrentGate
from netchip.methods.fractional_skipping.gates.upfront import UpfrontGate
from netchip.methods.fractional_skipping.network import FractionalNetwork, MakeGate, make_fractional
from netchip.methods.fractional_skipping.options import INT8, PAPER_4, OptionSet
from netchip.methods.fractional_skipping.saved import save_fractional, settings_of
from netchip.models.build import build
from netchip.models.spec import ModelSpec

SOURCE = {"name": "resnet14", "width": 0.5}


def _gated(options: OptionSet, gate: str | MakeGate, mode: str) -> FractionalNetwork:
    torch.manual_seed(0)
    network = make_fractional(build(ModelSpec.parse(SOURCE)), options, gate, mode=mode)
    with torch.no_grad():
        for parameter in network.gate.parameters():
            parameter.copy_(torch.randn(parameter.shape))
        network.logit_bias.copy_(torch.randn(network.logit_bias.shape))
    network.calibrate(torch.randn(4, 3, 32, 32))
    return network.eval()


GATES = [
    ("recurrent", PAPER_4, "paper"),
    (lambda channels, options: RecurrentGate(channels, options, hidden=6, embedding=3), INT8, "modern"),
    ("feed_forward", INT8, "modern"),
    ("upfront", PAPER_4, "paper"),
    (lambda channels, options: UpfrontGate(channels, options, source="input", width=4), INT8, "modern"),
]


@pytest.mark.parametrize(("gate", "options", "mode"), GATES)
def test_it_comes_back(gate: str | MakeGate, options: OptionSet, mode: str, tmp_path: Path) -> None:
    network = _gated(options, gate, mode)
    network.min_group = 2
    save_fractional(tmp_path, network, source=SOURCE)
    again = netchip.load(tmp_path)
    assert isinstance(again, FractionalNetwork)
    assert settings_of(again) == settings_of(network)
    images = torch.randn(5, 3, 32, 32)
    first, second = network(images, detail=True), again(images, detail=True)
    assert torch.equal(first.routes, second.routes)
    assert torch.equal(first.outputs, second.outputs)


def test_a_network_of_ones_own_is_handed_over(resnet14: nn.Module, images: Tensor, tmp_path: Path) -> None:
    network = make_fractional(resnet14, "skip, full").eval()
    save_fractional(tmp_path, network, source=None)
    assert torch.equal(netchip.load(tmp_path, model=resnet14)(images), network(images))


def test_what_a_file_cannot_say_is_refused(resnet14: nn.Module, tmp_path: Path) -> None:
    network = make_fractional(resnet14, "skip, full")
    network.gate = nn.Identity()
    with pytest.raises(ConfigError, match=r"a gate of your own \(Identity\)"):
        save_fractional(tmp_path, network, source=None)

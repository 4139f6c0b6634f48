"""Workloads of factored networks: bits and rebuilding counted from real factors."""

from pathlib import Path

import torch
from torch import nn

from netchip.hardware.chips import chip_names, load_chip
from netchip.methods.smart_exchange.encoding import SmartExchangeWeights, encoded_workload
from netchip.methods.smart_exchange.packing.sizes import Counts
from netchip.methods.smart_exchange.training.smart_exchange import SmartExchange
from netchip.workload.encoding import Precision
from netchip.workload.network import Workload
from netchip.workload.shape import LayerShape

SHAPE = LayerShape.linear(batch=1, in_features=8, out_features=8)


def test_bits_and_actions_by_hand() -> None:
    """10 rows of 3 of which 6 are kept, 18 coefficients at 4 bits none zero, two bases: 72 + 10 + 2 x 9 x 8 bits."""
    weights = SmartExchangeWeights(Counts(bits=4, width=3, real_rows=10, kept_rows=6, kept_blocks=2, nonzero=18))
    assert weights.stored_bits(SHAPE, Precision()) == 72 + 10 + 144
    assert weights.rebuild_actions(SHAPE) == {"shift_add": 18 * 3}


def test_each_layer_gets_what_its_own_weight_takes(tmp_path: Path) -> None:
    torch.manual_seed(0)
    conv, head = nn.Conv2d(3, 32, 3, padding=1), nn.Linear(32 * 16, 10)
    network = nn.Sequential(conv, nn.ReLU(), nn.Conv2d(32, 32, 3, padding=1), nn.Flatten(), head)
    exchange = SmartExchange(network, row_sparsity=0.5, skip=["0"])
    exchange.project()
    packed = exchange.packed()
    workload = encoded_workload(network.eval(), torch.zeros(1, 3, 4, 4), packed)
    bits = {layer.name: layer.stored_bits for layer in workload.layers}
    assert bits["0"] == conv.weight.numel() * 8
    for name in ("2", "4"):
        assert bits[name] == SmartExchangeWeights(packed[f"{name}.weight"].counts).stored_bits(SHAPE, Precision())
        assert 0 <= 8 * packed[f"{name}.weight"].bytes - bits[name] < 32  # each stored tensor begins a byte
    workload.save(tmp_path / "workload.json")
    assert Workload.load(tmp_path / "workload.json").weight_bits == workload.weight_bits


def test_every_chip_prices_the_rebuilding() -> None:
    """Else `netchip cost` would refuse the workload of a run."""
    for name in chip_names():
        assert load_chip(name).energy.actions["shift_add"].pj > 0, name

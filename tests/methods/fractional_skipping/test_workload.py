"""Rates that sum to 1 less the skips, MACs as the cost table counts them, and a price on a chip."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from netchip.errors import ConfigError
from netchip.graph.to_workload import to_workload
from netchip.hardware.chips import load_chip
from netchip.hardware.mapper.mappers import RandomMapper
from netchip.hardware.network_cost import cost
from netchip.methods.fractional_skipping.blocks.site import BlockSite
from netchip.methods.fractional_skipping.costs import cost_table
from netchip.methods.fractional_skipping.network import make_fractional
from netchip.methods.fractional_skipping.options import INT8, PAPER_4, OptionSet
from netchip.methods.fractional_skipping.workload import fractional_workload, rates_of
from netchip.models.resnet_cifar import CifarResNet
from netchip.workload.encoding import Precision
from netchip.workload.network import Workload

FEW = RandomMapper(samples=400, unrollings=16, candidates=64)
SITES = [
    BlockSite(name="layer2.0", shortcut="layer2.0.shortcut"),
    BlockSite(name="layer3.0", shortcut="layer3.0.shortcut"),
]
RATES = [[0.25, 0.5, 0.0, 0.25], [0.0, 0.0, 0.0, 1.0]]  # of skip, 8, 16, full


@pytest.fixture(scope="module")
def plain() -> Workload:
    """ResNet-8: two gated blocks, both with a shortcut."""
    return to_workload(CifarResNet(8, classes=10, width=1.0, in_channels=3), torch.zeros(1, 3, 32, 32))


def test_by_hand(plain: Workload) -> None:
    made = fractional_workload(plain, SITES, PAPER_4, RATES)
    found = {layer.name: (layer.precision.weight_bits, layer.execution_rate) for layer in made.layers}
    assert found == {
        "conv1": (32, 1),
        "layer1.0.conv1": (32, 1),
        "layer1.0.conv2": (32, 1),
        "layer2.0.conv1@8": (8, 0.5),
        "layer2.0.conv1@full": (32, 0.25),
        "layer2.0.conv2@8": (8, 0.5),
        "layer2.0.conv2@full": (32, 0.25),
        "layer2.0.shortcut.0@8": (8, 0.5),
        "layer2.0.shortcut.0@full": (32, 0.5),
        "layer3.0.conv1@full": (32, 1),
        "layer3.0.conv2@full": (32, 1),
        "layer3.0.shortcut.0@full": (32, 1),
        "fc": (32, 1),
    }
    assert ("layer2.0.conv1@8", "layer2.0.conv2@8") in made.edges
    assert ("layer2.0.conv1@8", "layer2.0.conv2@full") not in made.edges
    assert ("layer2.0.conv2@8", "layer3.0.conv1@full") in made.edges
    assert Workload.from_json(made.to_json()) == made


def _routes(options: OptionSet) -> st.SearchStrategy[list[list[int]]]:
    route = st.lists(st.integers(0, len(options) - 1), min_size=2, max_size=2)
    return st.lists(route, min_size=1, max_size=20)


@given(routes=_routes(PAPER_4))
def test_rates_sum_to_one_less_the_skips_and_work_is_as_counted(plain: Workload, routes: list[list[int]]) -> None:
    rates = rates_of(routes, PAPER_4)
    assert rates.sum(1).tolist() == pytest.approx([1, 1])
    made = fractional_workload(plain, SITES, PAPER_4, rates)
    for site, rate in zip(SITES, rates, strict=True):
        for layer, expected in (("conv1", 1 - rate[0]), ("conv2", 1 - rate[0]), ("shortcut.0", 1.0)):
            own = [each.execution_rate for each in made.layers if each.name.startswith(f"{site.name}.{layer}@")]
            assert sum(own) == pytest.approx(expected)
    table = cost_table("macs", SITES, PAPER_4, plain)
    bit_work = sum(each.macs * each.precision.weight_bits * each.precision.input_bits for each in made.layers)
    assert bit_work / 32**2 == pytest.approx(table.of_routes(routes).mean() + (table.always_on or 0))


def test_int8_network_has_its_reference_at_8_bits(plain: Workload) -> None:
    rates = rates_of([[0, 5], [3, 5]], INT8)
    made = fractional_workload(plain, SITES, INT8, rates)
    bits = {layer.name: layer.precision for layer in made.layers}
    assert bits["conv1"] == bits["layer3.0.conv1@8"] == Precision()
    assert bits["layer2.0.conv1@4"] == Precision(weight_bits=4, input_bits=4, output_bits=4)


def test_a_chip_prices_it_and_half_the_skips_are_half_the_energy(plain: Workload) -> None:
    chip, wide = load_chip("eyeriss"), Precision(weight_bits=16, input_bits=16, output_bits=16)

    def energy(full_share: float) -> float:
        rates = np.array([[1 - full_share, 0, 0, full_share]] * 2)
        made = fractional_workload(plain, SITES, PAPER_4, rates, full=wide)
        report = cost(made, chip, mapper=FEW, cached=False)
        return sum(
            layer.cost.energy_pj for layer in report.layers if ".conv" in layer.name and "layer1" not in layer.name
        )

    assert energy(0.5) == pytest.approx(0.5 * energy(1.0), rel=1e-6)
    assert energy(0.0) == 0


def test_few_bits_cost_less_on_a_chip(plain: Workload) -> None:
    chip = load_chip("generic")

    def energy(option: str) -> float:
        rates = rates_of([[INT8.index(option)] * 2], INT8)
        return cost(fractional_workload(plain, SITES, INT8, rates), chip, mapper=FEW, cached=False).energy_pj

    found = [energy(option) for option in INT8.names]
    assert found == sorted(found)
    assert found[0] < 0.7 * found[-1]


def test_from_measured_routes_of_a_network_with_its_gate() -> None:
    torch.manual_seed(0)
    model, images = CifarResNet(8, classes=10, width=1.0, in_channels=3), torch.randn(6, 3, 32, 32)
    network = make_fractional(model.eval(), INT8, example=images).eval()
    with torch.no_grad():
        network.gate.head.weight.mul_(30)  # pyright: ignore
        passed = network(images, detail=True)
    assert network.sites == tuple(SITES)
    gate = network.gate.layers((3, 32, 32))  # pyright: ignore
    plain = to_workload(network.plain(), images[:1])
    made = fractional_workload(plain, network.sites, network.options, rates_of(passed.routes, INT8), gate=gate)
    assert made.layers[-1].name == "gate.1.head"
    executed = sum(layer.macs for layer in made.layers if not layer.name.startswith("gate"))
    assert executed <= plain.macs
    table = cost_table("macs", network.sites, INT8, plain)
    bit_work = (
        sum(layer.macs * layer.precision.weight_bits**2 for layer in made.layers if "gate" not in layer.name) / 64
    )
    assert bit_work == pytest.approx(table.of_routes(passed.routes).mean() + (table.always_on or 0))


def test_what_is_refused(plain: Workload) -> None:
    with pytest.raises(ConfigError, match=r"rates of shape \(1, 4\): 2 blocks and 4 options need one each"):
        fractional_workload(plain, SITES, PAPER_4, RATES[:1])
    with pytest.raises(ConfigError, match="rates are shares of the inputs"):
        fractional_workload(plain, SITES, PAPER_4, [[0.5, 0, 0, 0]] * 2)
    fixed = [SITES[0], BlockSite(name="layer3.0", why_not="its output has another shape")]
    with pytest.raises(
        ConfigError, match=r"block 'layer3.0' cannot be skipped \(its output has another shape\), .* is 0.5"
    ):
        fractional_workload(plain, fixed, PAPER_4, [RATES[0], [0.5, 0, 0, 0.5]])
    with pytest.raises(ConfigError, match=r"routes of shape \(2,\): give \[inputs, blocks\], at least one input"):
        rates_of([0, 1], PAPER_4)
    with pytest.raises(ConfigError, match="routes hold 0 to 4; option indices are 0 to 3"):
        rates_of([[0, 4]], PAPER_4)

"""One path runs, all active options learn; probabilities and gradients by hand."""

from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from netchip.errors import ConfigError, DivergedError
from netchip.methods.dna.space.layers import SpaceLayers
from netchip.methods.dna.space.presets import preset
from netchip.methods.dna.space.space import NetworkSpace
from netchip.methods.dna.supernet.loads import LoadTable
from netchip.methods.dna.supernet.route import Drawn, Route, drawn, probabilities, settle
from netchip.methods.dna.supernet.supernet import Supernet, batch_statistics
from netchip.nn.choice import Choice


def tiny(**changes: Any) -> NetworkSpace:
    return preset("small", **({"classes": 10, "in_channels": 1, "image_size": 8, "width": 0.5} | changes))


def images(count: int = 4) -> torch.Tensor:
    return torch.randn(count, 1, 8, 8, generator=torch.Generator().manual_seed(3))


def choice(*logits: float) -> Choice:
    made = Choice(len(logits))
    made.logits.data = torch.tensor(logits)
    return made


@pytest.mark.parametrize("bits", [(16,), (4, 8)])
def test_a_route_that_learns_computes_what_its_path_computes(bits: tuple[int, ...]) -> None:
    torch.manual_seed(0)
    net = Supernet(tiny(bits=bits))
    route = net.route(learn=True)
    path = Route(
        tuple(Drawn((each.first,)) for each in route.blocks), tuple(Drawn((each.first,)) for each in route.bits)
    )
    net(images(), route)  # ranges are measured
    net.eval()
    assert torch.equal(net(images(), route), net(images(), path))


def test_the_gradient_of_a_logit_is_that_of_the_softmax_over_the_active_ones() -> None:
    one = choice(0.3, -0.2, 0.9)
    weights = one.logits[torch.tensor([2, 0])].softmax(0)
    draw = Drawn((2, 0), weights)
    outputs = torch.tensor([5.0, 7.0, 11.0])
    total = sum(outputs[option] * factor for option, factor in zip(draw.active, draw.factors(), strict=True))
    assert total.item() == 11.0
    total.backward()
    p2, p0 = weights.tolist()
    assert one.logits.grad.tolist() == pytest.approx([p0 * p2 * (5 - 11), 0.0, p2 * p0 * (11 - 5)])


def test_every_active_option_gets_a_gradient_and_no_other() -> None:
    torch.manual_seed(1)
    net = Supernet(tiny(), active=2)
    route = net.route(learn=True)
    net(images(), route).square().sum().backward()
    for made, draw in zip(net.block_choices, route.blocks, strict=True):
        assert set(torch.nonzero(made.logits.grad).flatten().tolist()) == set(draw.active)
        assert len(draw.active) == 2
    assert all(made.logits.grad is None for made in net.bit_choices)


def test_probabilities_are_the_softmax_and_gradients_share_out_what_the_active_have() -> None:
    one = choice(0.0, 1.0, 2.0, 3.0)
    draw = Drawn((3, 1), one.logits[torch.tensor([3, 1])].softmax(0))
    found = probabilities(one, draw)
    assert torch.allclose(found, one.logits.softmax(0))
    (found @ torch.tensor([1.0, 2.0, 3.0, 4.0])).backward()
    p = one.logits.softmax(0).detach()
    mass, share = float(p[3] + p[1]), float(p[3] / (p[3] + p[1]))
    by_hand = mass * share * (1 - share) * (4 - 2)
    assert one.logits.grad.tolist() == pytest.approx([0.0, -by_hand, 0.0, by_hand])


def test_after_a_step_the_others_keep_their_probability() -> None:
    one = choice(0.5, -1.0, 0.2, 0.1)
    before = one.logits.detach().clone()
    old = one.probabilities.detach()
    with torch.no_grad():
        one.logits += torch.tensor([0.7, 0.4, -0.3, 0.9])  # an optimizer that moves all
    settle(one, before, Drawn((0, 2), before[:2]))
    new = one.probabilities.detach()
    assert new[[1, 3]].tolist() == pytest.approx(old[[1, 3]].tolist())
    assert float(new[0] / new[2]) == pytest.approx(float(old[0] / old[2]) * np.exp(1.0))


def test_options_are_drawn_by_their_probabilities() -> None:
    one, generator = choice(np.log(0.6), np.log(0.3), np.log(0.1)), torch.Generator().manual_seed(0)
    firsts = [drawn(one, 2, learn=False, generator=generator).first for _ in range(3000)]
    assert np.bincount(firsts) / 3000 == pytest.approx([0.6, 0.3, 0.1], abs=0.03)
    assert len(set(drawn(one, 5, learn=True, generator=generator).active)) == 3
    with pytest.raises(ConfigError, match="active = 0"):
        drawn(one, 0, learn=True)
    with pytest.raises(DivergedError, match="lower the learning rate of the choices"):
        drawn(choice(float("nan"), 0.0), 1, learn=False)


def test_fair_paths_use_every_option_equally_often() -> None:
    net = Supernet(tiny())
    routes = net.fair_routes(9)
    for place in range(6):
        assert sorted(route.blocks[place].first for route in routes) == list(range(9))
    more = [route.blocks[0].first for route in net.fair_routes(13)]
    assert set(np.bincount(more)) == {1, 2}


@pytest.mark.parametrize("share", [False, True])
@pytest.mark.parametrize("bits", [(16,), (4, 8)])
def test_a_network_cut_out_computes_what_its_path_computes(bits: tuple[int, ...], share: bool) -> None:
    torch.manual_seed(0)
    net = Supernet(tiny(bits=bits), share=share)
    one = net.space.random(np.random.default_rng(2))
    route = net.route_of(one)
    net(images(), route)
    network = net.space.derive(one)
    network.load_state_dict(net.weights_of(one))
    assert torch.equal(network.eval()(images()), net.eval()(images(), route))


def test_shared_kernels_are_parts_of_one_set() -> None:
    torch.manual_seed(0)
    net = Supernet(tiny(), share=True)
    parts = {block: net.weights_of(net.space.uniform(block)) for block in ("k3_e1", "k3_e6", "k5_e6", "k5_e1_g2")}
    name = "blocks.block2.{}.conv.weight"
    large, small, grouped = parts["k5_e6"], parts["k3_e1"], parts["k5_e1_g2"]
    assert torch.equal(large[name.format("expand")][:4], small[name.format("expand")])
    assert torch.equal(large[name.format("depthwise")][:4, :, 1:4, 1:4], small[name.format("depthwise")])
    assert torch.equal(large[name.format("project")][:, :2], grouped[name.format("project")])
    assert parts["k3_e6"][name.format("depthwise")].shape == (24, 1, 3, 3)
    net(images(), net.route_of(net.space.uniform("k3_e1"))).sum().backward()
    gradient = net.get_parameter("kernels.2.expand").grad
    assert gradient[:4].abs().sum() > 0
    assert gradient[4:].abs().sum() == 0


def test_batch_statistics_leave_the_averages_alone() -> None:
    net = Supernet(tiny())
    before = {name: value.clone() for name, value in net.state_dict().items()}
    net.eval()
    with batch_statistics(net):
        out = net(images(8), net.route())
    after = net.state_dict()
    assert out.std() > 0
    assert all(torch.equal(before[name], after[name]) for name in before if "num_batches" not in name)
    assert not any(module.training for module in net.modules())


class Counting:
    """A platform whose loads are MACs and weights."""

    def loads(self, design: Any, layers: list[Any]) -> np.ndarray:
        counts = [[layer.shape.macs for layer in layers], [layer.shape.weights for layer in layers]]
        return np.array(counts, dtype=float)


def test_expected_loads_are_those_of_the_mean_network() -> None:
    net = Supernet(tiny(bits=(4, 8)))
    for parameter in net.architecture_parameters():
        nn.init.normal_(parameter)
    layers = SpaceLayers(net.space)
    table = LoadTable.of(layers, Counting(), None)
    expected = table.expected(net.chances()).numpy()
    assert expected[0] == pytest.approx(layers.expected(net.joint_chances()).macs)
    one = net.space.random(np.random.default_rng(4))
    workload = layers.workload(one)
    assert table.of_network(layers, one).tolist() == [workload.macs, workload.weight_count]


def test_the_mean_cost_has_gradients_to_the_active_options() -> None:
    torch.manual_seed(0)
    net = Supernet(tiny())
    route = net.route(learn=True)
    table = LoadTable.of(SpaceLayers(net.space), Counting(), None)
    table.expected(net.chances(route))[0].backward()
    gradient = net.block_choices[0].logits.grad
    loads = table.options[0][:, 0, 0]
    first, second = route.blocks[0].active
    assert np.sign(float(gradient[first])) == np.sign(loads[first] - loads[second])
    assert float(gradient.sum()) == pytest.approx(0.0, abs=1e-3 * float(gradient.abs().max()))

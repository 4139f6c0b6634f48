"""Gated networks: the same as SkipNet, as a static network, as themselves sample by sample; and what they refuse."""

import copy
import functools
import importlib.util
from collections.abc import Iterator

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from netchip.errors import CheckpointMismatch, ConfigError, DivergedError
from netchip.graph.to_workload import to_workload
from netchip.methods.fractional_skipping.blocks.static_form import Deciding
from netchip.methods.fractional_skipping.gates.recurrent import RecurrentGate
from netchip.methods.fractional_skipping.network import FractionalNetwork, make_fractional
from netchip.methods.fractional_skipping.options import INT8, PAPER_4, SKIPNET
from netchip.models.build import build
from netchip.models.resnet_cifar import CifarResNet
from netchip.models.spec import ModelSpec
from netchip.nn.learned_step import LearnedStep
from netchip.nn.quantize import quantize_min_max

LABELS = torch.arange(9)


def _undecided(network: FractionalNetwork, seed: int = 0) -> FractionalNetwork:
    """The gate with a head so large that its routes differ from sample to sample."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, parameter in network.gate.named_parameters():
            scale = 3.0 if "weight" in name else 0.5
            parameter.copy_(scale * torch.randn(parameter.shape, generator=generator))
    return network


def _blocks(model: nn.Module) -> Iterator[nn.Module]:
    for stage in (model.layer1, model.layer2, model.layer3):
        yield from stage  # pyright: ignore


# Test 1: SkipNet, and the plain network ---------------------------------------------------------------------------------


def _skipnet(model: CifarResNet, gate: RecurrentGate, images: Tensor) -> tuple[Tensor, list[Tensor]]:
    """SkipNet's recurrent gate written out: nn.LSTM, a sigmoid, a threshold at one half, straight through."""
    lstm = nn.LSTM(10, 10)
    for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh"):
        setattr(lstm, f"{name}_l0", getattr(gate.cell, name))
    x = model.relu(model.bn1(model.conv1(images)))
    first, *others = _blocks(model)
    x, memory, gates = first(x), None, []
    for project, block in zip(gate.projections, others, strict=True):
        seen, memory = lstm(project(x.mean((2, 3)))[None], memory)
        weight, bias = gate.head.weight[1] - gate.head.weight[0], gate.head.bias[1] - gate.head.bias[0]
        p = torch.sigmoid(seen[0] @ weight + bias)
        g = ((p > 0.5).float() - p.detach() + p).view(-1, 1, 1, 1)
        gates.append(g.flatten())
        x = g * block(x) + (1 - g) * block.shortcut(x)  # pyright: ignore
    return model.fc(model.pool(x).flatten(1)), gates


def test_two_options_are_skipnet(resnet14: CifarResNet, images: Tensor) -> None:
    """The same outputs, decisions and gradients: its sigmoid is the softmax over two."""
    network = _undecided(make_fractional(resnet14, SKIPNET)).eval()
    theirs = copy.deepcopy(resnet14)
    gate = copy.deepcopy(network.gate)
    passed = network(images, detail=True, form="static")
    outputs, gates = _skipnet(theirs, gate, images)  # pyright: ignore[reportArgumentType]
    assert torch.allclose(passed.outputs, outputs, atol=1e-5)
    decided = torch.stack([each.round() for each in gates], 1)
    assert 0.1 < decided.mean() < 0.9, "both options are taken"
    assert torch.equal(passed.masks[..., 1].detach(), decided)
    (cross_entropy(passed.outputs, LABELS) + passed.masks[..., 1].mean()).backward()
    (cross_entropy(outputs, LABELS) + torch.stack(gates).mean()).backward()
    for (name, ours), (_, other) in zip(network.gate.named_parameters(), gate.named_parameters(), strict=True):
        assert ours.grad is not None, name
        assert torch.allclose(ours.grad, other.grad, rtol=1e-3, atol=1e-6), name  # pyright: ignore
    for (name, ours), other in zip(network.plain().named_parameters(), theirs.parameters(), strict=True):
        assert torch.equal(ours, other), name


@pytest.mark.parametrize("form", ["static", "routed"])
@pytest.mark.parametrize("batch", [1, 9])
def test_full_throughout_is_the_plain_network_bit_for_bit(
    resnet14: CifarResNet, images: Tensor, form: str, batch: int
) -> None:
    network = make_fractional(resnet14, PAPER_4).eval()
    with torch.no_grad():
        assert torch.equal(network(images[:batch], routes="full", form=form), resnet14(images[:batch]))
        assert torch.equal(network.model(images), resnet14(images)), "and so is the model inside, called by itself"


def test_in_training_full_throughout_trains_as_the_plain_network(resnet14: CifarResNet, images: Tensor) -> None:
    network = make_fractional(resnet14.train(), PAPER_4)
    assert network.training
    losses = [cross_entropy(network(images, routes="full"), LABELS), cross_entropy(resnet14(images), LABELS)]
    for loss in losses:
        loss.backward()
    assert torch.equal(*losses)
    plain = network.plain()
    for name, value in resnet14.state_dict().items():
        assert torch.equal(plain.state_dict()[name], value)
    assert torch.equal(network.model.conv1.weight.grad, resnet14.conv1.weight.grad)  # pyright: ignore


# Test 2: a forced option is a static network of that many bits ------------------------------------------------------------


class _Static(nn.Module):
    """A convolution of `bits` bits by the paper's quantiser, its range set from outside."""

    def __init__(self, conv: nn.Conv2d, bits: int, low: Tensor, high: Tensor) -> None:
        super().__init__()
        self.conv, self.bits, self.low, self.high = conv, bits, low, high

    def forward(self, x: Tensor) -> Tensor:
        weight = self.conv.weight
        weight = quantize_min_max(weight, weight.min(), weight.max(), self.bits)
        x = quantize_min_max(x, self.low, self.high, self.bits)
        return nn.functional.conv2d(x, weight, None, self.conv.stride, self.conv.padding)


def _quantised_by_hand(model: nn.Module, network: FractionalNetwork, bits: int) -> nn.Module:
    static = copy.deepcopy(model)
    for block, fractional in zip(list(_blocks(static))[1:], network.blocks, strict=True):
        for key, running in fractional.ranges.items():
            parent, _, name = key.rpartition("/")
            holder = block.get_submodule(parent)
            setattr(holder, name, _Static(getattr(holder, name), bits, running.low, running.high))  # pyright: ignore
    return static


@pytest.mark.parametrize("option", ["8", "16"])
def test_a_forced_option_is_the_static_network_of_its_bits(resnet14: CifarResNet, images: Tensor, option: str) -> None:
    network = make_fractional(resnet14, PAPER_4, mode="paper", example=images).eval()
    static = _quantised_by_hand(resnet14, network, int(option))
    with torch.no_grad():
        for form in ("static", "routed"):
            assert torch.allclose(network(images, routes=option, form=form), static(images), atol=1e-6)
        assert not torch.equal(static(images), resnet14(images))


# Test 3: grouped equals masked, whatever the batch ------------------------------------------------------------------------
# In float64: torch convolves one sample by another kernel than several, and in float32 a difference of 1e-8 between the two
# moves a value across the border of two levels in one batch of fifty. Options without levels are compared in float32.


@pytest.fixture(scope="module", params=["modern", "paper"])
def gated(request: pytest.FixtureRequest) -> FractionalNetwork:
    torch.manual_seed(0)
    model = CifarResNet(14, classes=10, width=0.5, in_channels=3)
    example = torch.randn(16, 3, 12, 12)
    for _ in range(3):
        model(example)  # BatchNorm statistics that are not those of a fresh network
    return make_fractional(model.eval().double(), PAPER_4, mode=request.param, example=example.double())


@settings(max_examples=25, deadline=None)
@given(data=st.data(), batch=st.integers(1, 9))
def test_grouped_equals_masked_for_any_routes(gated: FractionalNetwork, data: st.DataObject, batch: int) -> None:
    option = st.integers(0, 3)
    routes = torch.tensor(data.draw(st.lists(st.lists(option, min_size=5, max_size=5), min_size=batch, max_size=batch)))
    order = torch.tensor(data.draw(st.permutations(range(batch))))
    images = torch.randn(batch, 3, 12, 12, generator=torch.Generator().manual_seed(batch), dtype=torch.float64)
    with torch.no_grad():
        masked = gated(images, routes=routes, form="static")
        grouped = gated(images, routes=routes, form="routed", detail=True)
        assert torch.allclose(grouped.outputs, masked, atol=1e-5)
        assert torch.equal(grouped.routes, routes)
        assert torch.allclose(gated(images[order], routes=routes[order]), masked[order], atol=1e-5)
        alone = gated(images[:1], routes=routes[0])
        assert torch.allclose(alone, masked[:1], atol=1e-5)


def test_in_float32_grouped_equals_masked_too(resnet14: CifarResNet, images: Tensor) -> None:
    network, generator = make_fractional(resnet14, SKIPNET).eval(), torch.Generator().manual_seed(0)
    for batch in (1, 2, 9, 9, 9):
        routes = torch.randint(0, 2, (batch, 5), generator=generator)
        with torch.no_grad():
            masked = network(images[:batch], routes=routes, form="static")
            assert torch.allclose(network(images[:batch], routes=routes), masked, atol=1e-5)


@pytest.mark.parametrize("gate", ["recurrent", "feed_forward", "upfront"])
def test_decided_routes_and_outputs_are_a_samples_own(resnet14: CifarResNet, images: Tensor, gate: str) -> None:
    resnet14, images = resnet14.double(), images.double()
    network = _undecided(make_fractional(resnet14, PAPER_4, gate, example=images)).eval()
    with torch.no_grad():
        batch = network(images, detail=True)
        static = network(images, detail=True, form="static")
        assert len(batch.routes.unique()) > 2
        assert len({tuple(route) for route in batch.routes.tolist()}) > 1
        assert torch.equal(batch.routes, static.routes)
        assert torch.allclose(batch.outputs, static.outputs, atol=1e-5)
        for sample in range(len(images)):
            alone = network(images[sample : sample + 1], detail=True)
            assert torch.equal(alone.routes[0], batch.routes[sample])
            assert torch.allclose(alone.outputs[0], batch.outputs[sample], atol=1e-5)
        again = network(images.flip(0), detail=True)
        assert torch.allclose(again.outputs.flip(0), batch.outputs, atol=1e-5)
        assert torch.equal(network(images), batch.outputs), "deterministic"


def test_paper_legacy_is_not_deterministic_in_evaluation(resnet14: CifarResNet, images: Tensor) -> None:
    network = make_fractional(resnet14, PAPER_4, mode="paper_legacy", example=images).eval()
    assert not torch.equal(network(images, routes="8"), network(images, routes="8"))
    assert torch.equal(network(images, routes="full"), resnet14(images))


def test_skipped_work_is_not_done(resnet14: CifarResNet, images: Tensor) -> None:
    network = make_fractional(resnet14, SKIPNET).eval()
    seen: list[int] = []
    for block in network.blocks:
        block.block.conv2.register_forward_hook(lambda _, inputs, __: seen.append(len(inputs[0])))  # pyright: ignore
    routes = torch.zeros(9, 5, dtype=torch.long)
    routes[:4, 2] = 1
    routes[2, 3] = 1
    network(images, routes=routes)
    assert seen == [4, 1]


def test_small_groups_rise_to_the_next_option_and_the_routes_say_so(resnet14: CifarResNet, images: Tensor) -> None:
    images = images.double()
    network = make_fractional(resnet14.double(), PAPER_4, example=images).eval()
    network.min_group = 3
    routes = torch.tensor([0, 0, 1, 1, 1, 1, 2, 3, 3])[:, None].expand(9, 5)
    passed = network(images, routes=routes, detail=True)
    assert passed.routes[:, 0].tolist() == [1, 1, 1, 1, 1, 1, 3, 3, 3]
    assert torch.allclose(passed.outputs, network(images, routes=passed.routes, form="static"), atol=1e-5)
    assert network(images[:1], routes=routes[:1], detail=True).routes.tolist() == [[0] * 5], (
        "one sample is its own group"
    )
    assert torch.equal(routes[:, 0], torch.tensor([0, 0, 1, 1, 1, 1, 2, 3, 3]))


# Training -----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("gate", ["recurrent", "feed_forward", "upfront"])
@pytest.mark.parametrize("batch", [1, 9])
def test_every_parameter_learns(resnet14: CifarResNet, images: Tensor, gate: str, batch: int) -> None:
    network = make_fractional(resnet14.train(), PAPER_4, gate)
    passed = network(images[:batch], detail=True)
    assert passed.masks.shape == passed.logits.shape == (batch, 5, 4)
    (cross_entropy(passed.outputs, LABELS[:batch]) + passed.masks[..., 1:].mean()).backward()
    without = [name for name, each in network.named_parameters() if each.grad is None]
    assert without == []
    assert all(each.grad.isfinite().all() for each in network.parameters() if each.grad is not None)


def test_gumbel_draws_in_training_only(resnet14: CifarResNet, images: Tensor) -> None:
    network = make_fractional(resnet14, PAPER_4, example=images, deciding=Deciding(estimator="gumbel")).train()
    routes = [network(images, detail=True).routes for _ in range(3)]
    assert any(not torch.equal(routes[0], other) for other in routes[1:])
    network.eval()
    with torch.no_grad():
        assert torch.equal(network(images, detail=True).routes, network(images, detail=True).routes)


def test_two_candidates_run_two_options_and_report_all_decisions(resnet14: CifarResNet, images: Tensor) -> None:
    network = make_fractional(resnet14.train(), INT8, deciding=Deciding(candidates="two"))
    ran: list[tuple[int, ...]] = []
    for block in network.blocks:
        own = block.candidates

        def noted(options: list[int], *rest: object, own: object = own) -> object:
            ran.append(tuple(options))
            return own(options, *rest)  # pyright: ignore

        block.candidates = noted  # pyright: ignore
    torch.manual_seed(0)
    for _ in range(20):
        passed = network(images, detail=True)
    assert {len(options) for options in ran} == {2}
    assert all(5 in options for options in ran), "the option that is ahead at the start"
    assert {option for options in ran for option in options} == set(range(6)), "each other one gets its turn"
    assert torch.equal(passed.masks.sum(2), torch.ones(9, 5))
    (passed.outputs.square().mean() + passed.masks[..., 0].mean()).backward()
    assert network.gate.head.weight.grad.abs().sum() > 0  # pyright: ignore


# Moving, saving, capturing -----------------------------------------------------------------------------------------------


def test_nothing_of_a_call_stays_on_the_network(resnet14: CifarResNet, images: Tensor) -> None:
    network = _undecided(make_fractional(resnet14, PAPER_4, example=images)).eval()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    with torch.no_grad():
        first = network(images)
        network(images[:4])
        assert torch.equal(network(images), first)
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())


@pytest.mark.parametrize("mode", ["modern", "paper"])
def test_copies_saves_and_other_types(resnet14: CifarResNet, images: Tensor, mode: str) -> None:
    network = _undecided(make_fractional(resnet14, PAPER_4, mode=mode, example=images)).eval()
    fresh = make_fractional(CifarResNet(14, classes=10, width=0.5, in_channels=3), PAPER_4, mode=mode).eval()
    fresh.load_state_dict(network.state_dict())
    routes = torch.tensor([[0, 1, 2, 3, 1]]).expand(9, 5)
    with torch.no_grad():
        expected = network(images, routes=routes)
        assert torch.equal(fresh(images, routes=routes), expected)
        double = copy.deepcopy(network).double()
        assert torch.allclose(double(images.double(), routes=routes).float(), expected, atol=0.05)
        for block in double.blocks:
            block.block.conv1.weight.zero_()  # pyright: ignore
        assert torch.equal(network(images, routes=routes), expected), "a copy shares nothing"
        assert not torch.allclose(double(images.double(), routes=routes).float(), expected, atol=0.05)


@pytest.mark.parametrize("gate", ["recurrent", "upfront"])
def test_what_is_new_lies_where_the_model_does(resnet14: CifarResNet, gate: str) -> None:
    """On the meta device, which every machine has; learned steps look at the weights, which are not there."""
    network = make_fractional(resnet14.to("meta"), PAPER_4, gate, mode="paper")
    held = {**dict(network.named_parameters()), **dict(network.named_buffers())}
    assert {name for name, tensor in held.items() if not tensor.is_meta} == set()


def test_the_users_model_stays_as_it_is(resnet14: CifarResNet, images: Tensor) -> None:
    before = {name: value.clone() for name, value in resnet14.state_dict().items()}
    network = make_fractional(resnet14, PAPER_4, example=images).train()
    network(images).sum().backward()
    assert all(torch.equal(value, before[name]) for name, value in resnet14.state_dict().items())
    assert all(each.grad is None for each in resnet14.parameters())
    assert [name for name, _ in network.plain().named_modules()] == [name for name, _ in resnet14.named_modules()]


@pytest.mark.filterwarnings("error")
def test_the_static_form_is_captured(resnet14: CifarResNet, images: Tensor) -> None:
    """Every option of every gated block is in the graph: the block three times, its shortcut for the skip too, and the gate."""
    network = make_fractional(resnet14, PAPER_4, example=images).eval()
    captured = to_workload(network, images[:1], strict=True)
    plain = to_workload(resnet14, images[:1])
    gated = sum(layer.macs for layer in plain.layers if layer.name.startswith("layer")) - sum(
        layer.macs for layer in plain.layers if layer.name.startswith("layer1.0.")
    )
    skips = sum(layer.macs for layer in plain.layers if "shortcut" in layer.name)
    gate = sum(layer.macs for layer in network.gate.layers((3, 12, 12)))  # pyright: ignore
    first_step = 10 * 40  # the first step's memory is zero: no product depends on the input there
    assert captured.macs == plain.macs + 2 * gated + skips + gate - first_step
    assert "model.layer2.0.block.conv1#3" in {layer.name for layer in captured.layers}


def test_weights_of_the_plain_model_reach_every_option(resnet14: CifarResNet, images: Tensor) -> None:
    network = make_fractional(CifarResNet(14, classes=10, width=0.5, in_channels=3), PAPER_4).eval()
    network.load_backbone(resnet14.state_dict())
    direct = make_fractional(resnet14, PAPER_4, example=images).eval()
    network.calibrate(images)
    assert torch.equal(network(images, routes="8"), direct(images, routes="8"))
    state = resnet14.state_dict()
    state["layer1.1.conv3.weight"] = state.pop("layer1.1.conv2.weight")
    state["fc.bias"] = torch.zeros(3)
    with pytest.raises(
        CheckpointMismatch,
        match=r"missing layer1.1.conv2.weight, unknown layer1.1.conv3.weight, fc.bias is \(3,\) there and \(10,\) here",
    ):
        network.load_backbone(state)


def test_calibration_leaves_weights_statistics_and_modes(resnet14: CifarResNet, images: Tensor) -> None:
    network = make_fractional(resnet14, PAPER_4).train()
    network.model.bn1.eval()  # pyright: ignore
    before = {name: value.clone() for name, value in network.state_dict().items() if "steps" not in name}
    network.calibrate(images)
    assert all(torch.equal(network.state_dict()[name], value) for name, value in before.items())
    assert not network.model.bn1.training  # pyright: ignore
    assert network.training
    assert all(each.ready for each in network.modules() if isinstance(each, LearnedStep))
    assert all(layer.training for block in network.blocks for layer in block.quantised_layers())


# Other networks ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["resnet18", "preresnet20", "mobilenet_v2", "timm:resnet18", "timm:resnet50"])
def test_other_networks(name: str) -> None:
    if name.startswith("timm:") and importlib.util.find_spec("timm") is None:
        pytest.skip("timm is not installed")
    torch.manual_seed(0)
    size = {} if name.startswith("timm:") else {"image_size": 32}
    model = build(ModelSpec.parse({"name": name, "classes": 5} | size)).eval().double()
    images = torch.randn(3, 3, 32, 32, dtype=torch.float64)
    network = make_fractional(model, PAPER_4, example=images).eval()
    length = len(network.sites)
    generator = torch.Generator().manual_seed(0)
    routes = torch.randint(0, 4, (3, length), generator=generator)
    for index, site in enumerate(network.sites):
        routes[:, index].clamp_(min=0 if site.skippable else 1)
    with torch.no_grad():
        assert torch.equal(network(images, routes="full"), model(images))
        masked, grouped = (network(images, routes=routes, form=form) for form in ("static", "routed"))
        assert torch.allclose(masked, grouped, atol=1e-5 * max(1.0, masked.abs().max().item()))
        assert network(images, routes="skip").shape == (3, 5)
        assert network(images).shape == (3, 5)


class _Tokens(nn.Module):
    """A transformer's MLP block with a second argument for each sample."""

    def __init__(self) -> None:
        super().__init__()
        self.norm, self.up, self.down = nn.LayerNorm(8), nn.Linear(8, 16), nn.Linear(16, 8)

    def forward(self, x: Tensor, scale: Tensor) -> Tensor:
        return x + scale[:, None, None] * self.down(torch.relu(self.up(self.norm(x))))


class _Mine(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.ModuleList(_Tokens() for _ in range(4))
        self.out = nn.Linear(8, 3)

    def forward(self, x: Tensor, scale: Tensor) -> Tensor:
        for layer in self.layers:
            x = layer(x, scale)
        return self.out(x.mean(1))


def test_blocks_of_the_users_with_arguments_of_their_own() -> None:
    torch.manual_seed(0)
    model, x, scale = _Mine().eval().double(), torch.randn(5, 7, 8).double(), torch.rand(5).double()
    network = make_fractional(model, INT8, blocks=["layers.?"], example=(x, scale)).eval()
    assert [site.name for site in network.sites] == ["layers.1", "layers.2", "layers.3"]
    routes = torch.tensor([[0, 5, 3], [1, 1, 0], [5, 5, 5], [0, 0, 0], [2, 5, 4]])
    with torch.no_grad():
        masked, grouped = (network(x, scale, routes=routes, form=form) for form in ("static", "routed"))
        assert torch.allclose(masked, grouped, atol=1e-5)
        expected = model.out(model.layers[0](x[3:4], scale[3:4]).mean(1))
        assert torch.allclose(grouped[3:4], expected, atol=1e-6)


# What is refused -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", ["static", "routed"])
@pytest.mark.parametrize("batch", [1, 9])
@pytest.mark.parametrize("gate", ["recurrent", "upfront"])
def test_a_gate_that_gives_nan(resnet14: CifarResNet, images: Tensor, form: str, batch: int, gate: str) -> None:
    network = make_fractional(resnet14, SKIPNET, gate).eval()
    with torch.no_grad():
        head = network.gate.head  # pyright: ignore
        head.bias[-1] = float("nan")  # pyright: ignore
    named = "layer1.1" if gate == "recurrent" or form == "routed" else "layer3.1"
    with torch.no_grad(), pytest.raises(DivergedError, match=f"the gate of block '{named}' gave NaN"):
        network(images[:batch], form=form)


def test_routes_that_do_not_fit(resnet14: CifarResNet, images: Tensor) -> None:
    network = make_fractional(resnet14, PAPER_4).eval()
    with pytest.raises(ConfigError, match=r"routes of shape \(3, 5\): give option indices \[9, 5\] or \[5\]"):
        network(images, routes=torch.zeros(3, 5))
    with pytest.raises(ConfigError, match="routes hold 0 to 4; option indices are 0 to 3"):
        network(images, routes=[0, 0, 0, 0, 4])
    with pytest.raises(ConfigError, match="option '6' is not in this set"):
        network(images, routes=["6", "full", "full", "full", "full"])
    with pytest.raises(ConfigError, match="form = 'fast': there are auto, static, routed"):
        network(images, form="fast")
    with pytest.raises(ConfigError, match="the step of an activation was never set; run a batch in training mode"):
        network(images, routes="8")


def test_settings_that_do_not_fit(resnet14: CifarResNet) -> None:
    with pytest.raises(
        ConfigError, match="gate = 'conv': there are recurrent, feed_forward, upfront, or hand in a module"
    ):
        make_fractional(resnet14, PAPER_4, "conv")
    with pytest.raises(ConfigError, match="gate is a Linear; a gate has options, upfront, begin, step and layers"):
        make_fractional(resnet14, PAPER_4, nn.Linear(1, 1))
    with pytest.raises(ConfigError, match="the gate chooses between 2 options, the set has 4; make them agree"):
        make_fractional(resnet14, PAPER_4, RecurrentGate([8] * 5, 2))
    with pytest.raises(ConfigError, match="mode = 'exact': there are modern, paper, paper_legacy"):
        make_fractional(resnet14, PAPER_4, mode="exact")
    with pytest.raises(ConfigError, match=r"VGG has 0 residual blocks"):
        make_fractional(build(ModelSpec.parse({"name": "vgg16_bn"})), PAPER_4)
    wide = make_fractional(resnet14, "skip, 4x8, full", functools.partial(RecurrentGate, hidden=16))
    assert wide.gate.cell.hidden_size == 16  # pyright: ignore


def test_a_block_that_cannot_be_skipped() -> None:
    model = build(ModelSpec.parse({"name": "mobilenet_v2", "image_size": 32})).eval()
    images = torch.randn(2, 3, 32, 32)
    network = make_fractional(model, PAPER_4, example=images).eval()
    fixed = [index for index, site in enumerate(network.sites) if not site.skippable]
    with torch.no_grad():
        network.logit_bias[:, 0] = 100.0
        routes = network(images, detail=True).routes
        assert [index for index in range(len(network.sites)) if (routes[:, index] != 0).any()] == fixed
    zeros = torch.zeros(len(network.sites), dtype=torch.long)
    with pytest.raises(ConfigError, match=r"block 'features\..*' cannot be skipped: its output has another shape"):
        network(images, routes=zeros)
    network.train()
    assert network(images).isfinite().all()

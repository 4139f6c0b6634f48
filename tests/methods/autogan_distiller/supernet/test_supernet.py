"""The supernet: slices that are the standalone networks bit for bit, gates that change nothing, gradients that say something."""

import itertools
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from netchip.errors import ConfigError, DataError
from netchip.methods.autogan_distiller.costing.measures import Macs
from netchip.methods.autogan_distiller.costing.table import cost_table
from netchip.methods.autogan_distiller.space import presets
from netchip.methods.autogan_distiller.space.modules import OperatorModule
from netchip.methods.autogan_distiller.space.operator import Conv, Operator
from netchip.methods.autogan_distiller.space.operators import (
    conv,
    depthwise,
    down,
    enlarged,
    identity,
    nearest,
    residual,
    shuffle,
    transposed,
)
from netchip.methods.autogan_distiller.space.space import Layer, Space
from netchip.methods.autogan_distiller.supernet.operators import SuperOperator
from netchip.methods.autogan_distiller.supernet.route import Mixed, One, Route
from netchip.methods.autogan_distiller.supernet.supernet import Supernet

SEPARABLE = Operator(name="separable", body=(Conv(to="in", depthwise=True), Conv(kernel=1)))
OPERATORS = (
    conv(1), conv(3, bias=True), conv(7), residual(), residual(norm="none", activation="leaky_relu"), depthwise(), down(),
    transposed(bias=True), transposed(4), nearest(), shuffle(2, bias=True), identity(), enlarged(2), SEPARABLE,
)  # fmt: skip
UNET = Space(
    "unet",
    (
        Layer("a", (conv(3), residual()), (4, 8)),
        Layer("b", down(), (4, 6, 12)),
        Layer("c", (depthwise(), conv(1), identity()), (4, 8)),
        Layer("d", (nearest(), shuffle(), transposed()), (4, 8)),
        Layer("e", (SEPARABLE, residual(), identity(), depthwise()), (4, 6), reads=("d", "a")),
        Layer("out", conv(3, norm="none", activation="none", bias=True), 3),
    ),
    output="tanh",
)
TRANSLATION = presets.translation(8, 2, widths=(0.25, 0.5, 1.0))
SUPER_RESOLUTION = presets.super_resolution(2, width=16, cells=2, layers=2, widths=(0.25, 0.5, 1.0))
SPACES = (UNET, TRANSLATION, SUPER_RESOLUTION)


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.fixture(autouse=True)
def _seed() -> None:
    torch.manual_seed(0)


@pytest.mark.parametrize("operator", OPERATORS, ids=lambda each: each.name)
@pytest.mark.parametrize("segments", [[(0, 8)], [(0, 12)], [(0, 3), (7, 5)]], ids=str)
@pytest.mark.parametrize("outputs", [4, 8, 10])
def test_a_slice_is_the_standalone_operator_bit_for_bit(
    operator: Operator, segments: list[tuple[int, int]], outputs: int
) -> None:
    inputs = sum(count for _, count in segments)
    whole = SuperOperator(operator, 12, 10)
    alone = OperatorModule(operator, inputs, outputs)
    alone.load_state_dict(whole.weights(segments, outputs))
    maps = torch.randn(2, inputs, 8, 10)
    assert torch.equal(whole(maps, segments, outputs), alone(maps))


def test_a_slice_takes_the_channels_of_its_segments() -> None:
    whole = SuperOperator(conv(1, norm="none", activation="none"), 5, 2)
    maps = torch.randn(1, 2, 3, 3)
    padded = torch.zeros(1, 5, 3, 3)
    padded[:, [0, 3]] = maps
    torch.testing.assert_close(whole(maps, [(0, 1), (3, 1)], 2), whole(padded, [(0, 5)], 2))


def random_architectures(supernet: Supernet, count: int) -> list:
    generator = seeded(1)
    routes = [supernet.route("random", "random", generator=generator) for _ in range(count)]
    return [
        supernet.space.architecture({name: how.operator for name, how in route.operators.items()}, route.places)  # type: ignore[union-attr]
        for route in routes
    ]


@pytest.mark.parametrize("space", SPACES, ids=lambda space: space.name)
def test_every_derived_network_computes_what_the_supernet_does_along_its_route(space: Space) -> None:
    supernet = Supernet(space)
    images = torch.rand(1, 3, 16, 24)
    for architecture in random_architectures(supernet, 8):
        alone = supernet.derive(architecture)
        assert torch.equal(supernet(images, supernet.route_of(architecture)), alone(images))
        assert alone.architecture == architecture


def test_the_papers_supernet_differs_from_its_derived_networks() -> None:
    """Its code pins hidden channels and always projects shortcuts: same weights, another result (a trait we keep only there)."""
    space = presets.translation_paper(16, 1)
    supernet = Supernet(space, operators="softmax", gates="scalar")
    images = torch.rand(1, 3, 16, 16)
    for operator, same in ((0, True), (1, True), (2, False), (3, False)):
        architecture = space.architecture({"block1": operator}, {"stem2": 1, "block1": 1})
        made = supernet(images, supernet.route_of(architecture))
        assert torch.equal(made, supernet.derive(architecture)(images)) is same


@pytest.mark.parametrize("gates", ["channels", "scalar"])
@pytest.mark.parametrize("space", SPACES, ids=lambda space: space.name)
def test_gates_change_nothing_forward(space: Space, gates: str) -> None:
    """The value along a route with gates equals that of its one-hot path, bit for bit."""
    supernet = Supernet(space, gates=gates)  # type: ignore[arg-type]
    images = torch.rand(1, 3, 16, 16)
    for seed in range(4):
        route = supernet.route(learn=True, generator=seeded(seed), temperature=0.7)
        plain = Route(route.places, {name: One(how.operator) for name, how in route.operators.items()})  # type: ignore[union-attr]
        assert torch.equal(supernet(images, route), supernet(images, plain))


def test_mixed_operators_are_the_weighted_sum() -> None:
    space = Space("s", (Layer("a", (conv(1), conv(3)), 3),))
    supernet, images = Supernet(space, operators="softmax"), torch.rand(1, 3, 6, 6)
    supernet.operator_choices["a"].logits.data = torch.tensor([0.0, 1.0])  # type: ignore[union-attr]
    each = [supernet(images, Route({"input": 0, "a": 0}, {"a": One(index)})) for index in (0, 1)]
    chances = torch.tensor([0.0, 1.0]).softmax(0)
    route = supernet.route()
    assert isinstance(route.operators["a"], Mixed)
    torch.testing.assert_close(supernet(images, route), chances[0] * each[0] + chances[1] * each[1])


def gradients(supernet: Supernet, loss: Tensor) -> dict[str, Tensor]:
    named = {name: each for name, each in supernet.named_parameters() if name.endswith("logits")}
    found = torch.autograd.grad(loss, list(named.values()), allow_unused=True)
    return {name: torch.zeros(1) if each is None else each for name, each in zip(named, found, strict=True)}


@pytest.mark.parametrize("operators", ["sampled", "softmax"])
@pytest.mark.parametrize("space", SPACES, ids=lambda space: space.name)
def test_every_logit_learns_from_the_loss_and_from_the_cost(space: Space, operators: str) -> None:
    supernet = Supernet(space, operators=operators)  # type: ignore[arg-type]
    images, target = torch.rand(1, 3, 16, 16), torch.rand(1, 3, 1, 1)
    for (
        weight
    ) in supernet.weight_parameters():  # those that start from zero would keep the loss from what lies before them
        weight.data += 0.02 * torch.randn_like(weight)
    seen: dict[str, Tensor] = {}
    for seed in range(6):  # the widest width has a gradient only when a narrower one is not drawn
        route = supernet.route(learn=True, generator=seeded(seed), compare=9)
        made = gradients(supernet, (supernet(images, route) - target).square().mean())
        seen = {name: seen.get(name, torch.zeros_like(each)) + each.abs() for name, each in made.items()}
    table = cost_table(space, Macs(), (16, 16))
    for found in (seen, gradients(supernet, supernet.expected_cost(table))):
        for name, each in found.items():
            assert torch.isfinite(each).all(), name
            assert each.abs().max() > 0, name


@pytest.mark.parametrize("space", SPACES, ids=lambda space: space.name)
def test_the_cost_pushes_to_smaller_widths_and_cheaper_operators(space: Space) -> None:
    supernet = Supernet(space)
    table = cost_table(space, Macs(), (16, 16))
    found = gradients(supernet, supernet.expected_cost(table))
    for name in supernet.width_choices:
        grad = found[f"width_choices.{name}.logits"]
        assert grad[0] < 0 < grad[-1]  # descent raises the narrowest and lowers the widest
        assert (grad.diff() > 0).all()
    for layer, costs in zip(space.layers, table.layers, strict=True):
        if len(layer.choices) > 1:
            mean = torch.from_numpy(costs.costs.reshape(len(layer.choices), -1).mean(1))
            grad = found[f"operator_choices.{layer.name}.logits"]
            assert torch.equal(grad.double().argsort(stable=True), mean.argsort(stable=True)) or len(
                set(mean.tolist())
            ) < len(mean)


def test_a_scalar_gate_tells_nothing_through_a_norm_and_a_channel_gate_does() -> None:
    """The next InstanceNorm divides a common factor away, so the paper's gates get next to no gradient from the loss."""
    space = Space(
        "s",
        (Layer("a", conv(3), (4, 8)), Layer("b", conv(3), 8), Layer("out", conv(3, norm="none", activation="none"), 3)),
    )
    images, target = torch.rand(2, 3, 12, 12), torch.rand(2, 3, 12, 12)
    found = {}
    for gates in ("scalar", "channels"):
        torch.manual_seed(0)
        supernet = Supernet(space, gates=gates)  # type: ignore[arg-type]
        route = Route(
            {"input": 0, "a": 1, "b": 0, "out": 0}, {}, {"a": supernet.width_choices["a"].draw(1.0, seeded(2))}
        )  # type: ignore[operator]
        found[gates] = gradients(supernet, (supernet(images, route) - target).square().mean())["width_choices.a.logits"]
    assert found["scalar"].abs().max() < 1e-2 * found["channels"].abs().max()


def test_comparing_one_operator_gives_the_gradient_of_all_on_average() -> None:
    """By hand: the loss's slope at the result, times each operator's result, through the gates of all of them."""
    space = Space("s", (Layer("a", (conv(1), conv(3), residual(), identity()), 3),))
    supernet = Supernet(space)
    images, target = torch.rand(1, 3, 6, 6), torch.rand(1, 3, 6, 6)
    gate = supernet.operator_choices["a"].draw(1.0, seeded(3))  # type: ignore[operator]
    drawn = int(gate.argmax())
    others = tuple(index for index in range(4) if index != drawn)

    def slope(compared: tuple[int, ...]) -> Tensor:
        route = Route({"input": 0, "a": 0}, {"a": One(drawn, gate, compared)})
        loss = (supernet(images, route) - target).square().mean()
        [found] = torch.autograd.grad(loss, supernet.operator_choices["a"].logits, retain_graph=True)
        return found

    each = [supernet(images, Route({"input": 0, "a": 0}, {"a": One(index)})).detach() for index in range(4)]
    loss = (sum(each[index] * gate[index] for index in range(4)) - target).square().mean()
    [whole] = torch.autograd.grad(loss, supernet.operator_choices["a"].logits, retain_graph=True)
    torch.testing.assert_close(slope(others), whole)
    torch.testing.assert_close(torch.stack([slope((other,)) for other in others]).mean(0), whole)
    assert whole.abs().max() > 0


def test_the_papers_cost_by_hand() -> None:
    space = presets.translation_paper(16, 2)
    supernet = Supernet(space, operators="softmax", gates="scalar")
    table = cost_table(space, Macs("agd_paper"), (32, 32))
    route = supernet.route(learn=True, generator=seeded())
    widest = dict.fromkeys(space.variables, -1)
    wide, drawn = [], []
    for pair in itertools.product(range(4), repeat=2):
        blocks = {"block1": pair[0], "block2": pair[1]}
        wide.append(table.of(space.architecture(blocks, widest)))
        drawn.append(table.of(space.architecture(blocks, route.places)))
    cost = supernet.paper_cost(table, route)
    assert cost.item() == pytest.approx(sum(wide) / 16 / 4 + 3 * sum(drawn) / 16 / 4, rel=1e-6)
    found = gradients(supernet, cost)
    assert all(torch.isfinite(each).all() and each.abs().max() > 0 for each in found.values())


def saved_bytes(run: Callable[[], Tensor]) -> int:
    """Bytes of distinct activations that autograd keeps for the backward pass."""
    kept: dict[int, int] = {}

    def pack(tensor: Tensor) -> Tensor:
        if not isinstance(tensor, torch.nn.Parameter):
            kept[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        held = run()
    return sum(kept.values()) if held is not None else 0


def test_sampled_operators_keep_at_most_two_fifths_of_what_softmax_keeps() -> None:
    """On average over draws, at full width, with gates and one operator compared; for the paper's blocks."""
    supernet = Supernet(presets.translation(8, 9))
    images = torch.rand(1, 3, 64, 64)
    full = saved_bytes(lambda: supernet(images, supernet.route("widest", "mixed", learn=True)))
    draws = [
        saved_bytes(
            lambda seed=seed: supernet(images, supernet.route("widest", "drawn", learn=True, generator=seeded(seed)))
        )
        for seed in range(8)
    ]
    assert sum(draws) / len(draws) <= 0.4 * full


def test_routes_repeat_with_their_seed_and_cover_the_ends() -> None:
    supernet = Supernet(UNET)
    first, second = (supernet.route(generator=seeded(5)) for _ in range(2))
    assert first.places == second.places
    assert first.operators == second.operators or [
        how.operator
        for how in first.operators.values()  # type: ignore[union-attr]
    ] == [how.operator for how in second.operators.values()]  # type: ignore[union-attr]
    assert set(supernet.route("narrowest").places.values()) == {0}
    widest = supernet.route("widest").places
    assert all(widest[name] == len(widths) - 1 for name, widths in UNET.variables.items())
    assert not supernet.route().gates


def test_the_likeliest_network_and_its_scores() -> None:
    supernet = Supernet(UNET)
    supernet.operator_choices["c"].logits.data[2] = 1.0  # type: ignore[union-attr]
    supernet.width_choices["e"].logits.data[1] = 1.0  # type: ignore[union-attr]
    likeliest = supernet.most_likely()
    assert (likeliest.operators["c"], likeliest.widths["e"], likeliest.widths["a"]) == ("identity", 6, 4)
    scores = supernet.scores()
    assert scores.operators["c"].argmax() == 2
    torch.testing.assert_close(torch.from_numpy(scores.widths["e"]).exp().sum().item(), 1.0)
    assert {id(each) for each in supernet.parameters()} == {
        id(each) for each in (*supernet.architecture_parameters(), *supernet.weight_parameters())
    }


def test_what_belongs_to_another_space_is_refused() -> None:
    supernet = Supernet(UNET)
    with pytest.raises(ConfigError, match="of space 'translation_w8_b2', the supernet of 'unet'"):
        supernet.expected_cost(cost_table(TRANSLATION, Macs(), (16, 16)))
    with pytest.raises(DataError, match="is of space 'translation_w8_b2'"):
        supernet.route_of(TRANSLATION.architecture({}, {}))

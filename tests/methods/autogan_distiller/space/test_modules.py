"""Derived networks: their counts against torch's own, their maps, and operators against plain torch."""

import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from netchip.methods.autogan_distiller.space import presets
from netchip.methods.autogan_distiller.space.modules import Derived, OperatorModule
from netchip.methods.autogan_distiller.space.operator import Operator
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
    upsamplers,
)
from netchip.methods.autogan_distiller.space.space import INPUT, Add, Layer, Space
from netchip.methods.autogan_distiller.supernet.supernet import Supernet

OPERATORS = (
    conv(1), conv(7, bias=True), residual(), depthwise(), identity(), down(), transposed(), transposed(4), nearest(),
    shuffle(3), residual(norm="none", activation="leaky_relu"), enlarged(2),
)  # fmt: skip


@pytest.mark.parametrize("operator", OPERATORS, ids=lambda each: each.name)
@pytest.mark.parametrize("widths", [(6, 6), (6, 10), (10, 6)])
def test_counts_and_sizes_are_those_of_the_module(operator: Operator, widths: tuple[int, int]) -> None:
    module = OperatorModule(operator, *widths)
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        made = module(torch.randn(1, widths[0], 8, 12))
    counted = operator.convolutions(*widths, (8, 12))
    assert made.shape == (1, widths[1], *operator.out_size((8, 12)))
    assert sum(each.shape.macs for each in counted) == counter.get_total_flops() // 2
    assert sum(each.parameters for each in counted) == sum(each.numel() for each in module.parameters())


def test_a_residual_block_is_the_plain_one() -> None:
    module = OperatorModule(residual(), 4, 4)
    maps = torch.randn(2, 4, 6, 6)
    first, second = (part.get_submodule("conv") for part in module.body)
    norm = nn.InstanceNorm2d(4)
    assert torch.equal(module(maps), torch.relu(norm(second(torch.relu(norm(first(maps))))) + maps))


def test_the_identity_passes_what_there_is() -> None:
    maps = torch.randn(1, 4, 3, 3)
    assert torch.equal(OperatorModule(identity(), 4, 2)(maps), maps[:, :2])
    wider = OperatorModule(identity(), 4, 6)(maps)
    assert torch.equal(wider[:, :4], maps)
    assert not wider[:, 4:].any()


def test_an_enlarged_image_is_the_interpolated_one() -> None:
    image = torch.rand(1, 3, 5, 7)
    expected = nn.functional.interpolate(image, scale_factor=2, mode="bicubic", align_corners=False)
    assert torch.equal(OperatorModule(enlarged(2), 3, 3)(image), expected)


def test_steps_join_as_they_say() -> None:
    steps = (
        Layer("a", conv(1), 3),
        Layer("b", conv(1), 3),
        Add("c", ("b", "a"), scale=0.5),
        Layer("d", conv(1), 3, reads=("c", "input")),
    )
    space = Space("s", steps, output="unit")
    network = space.derive(space.architecture({}, {}))
    image = torch.randn(1, 3, 4, 4)
    a = network.layers["a"](image)
    c = 0.5 * network.layers["b"](a) + a
    d = network.layers["d"](torch.cat([c, image], 1))
    assert torch.equal(network(image), (torch.tanh(d) + 1) / 2)


def test_the_papers_teacher_is_in_its_space() -> None:
    """11.37 M weights at full width with residual blocks; 0.157 M at the smallest."""
    space = presets.translation_paper()
    full = dict.fromkeys((f"block{index}" for index in range(1, 10)), 2)
    largest = space.derive(space.architecture(full, dict.fromkeys(space.variables, 4) | {"header2": 0}))
    smallest = space.derive(space.architecture({}, {}))
    assert sum(each.numel() for each in largest.parameters()) / 1e6 == pytest.approx(11.37, abs=0.005)
    assert sum(each.numel() for each in smallest.parameters()) / 1e6 == pytest.approx(0.157, abs=0.0005)


@pytest.mark.parametrize("place", [0, 1, 2])
def test_ours_run_at_every_upsampler(place: int) -> None:
    space = presets.super_resolution(4, width=8, cells=1, layers=2)
    network = space.derive(space.architecture({"up": place, "cell1_layer1": 4}, {}))
    assert network(torch.rand(1, 3, 6, 10)).shape == (1, 3, 24, 40)
    assert [each.name for each in upsamplers()][place] == network.architecture.operators["up"]
    translation = presets.translation(8, 1)
    assert translation.derive(translation.architecture({"up1": place, "up2": place}, {}))(
        torch.rand(1, 3, 16, 16)
    ).shape == (1, 3, 16, 16)


def test_maps_keep_their_size_of_values_at_the_start() -> None:
    """He's weights: a chain of plain convolutions with ReLU neither fades nor grows beyond a few times."""
    torch.manual_seed(0)
    operators = [conv(3, norm="none"), nearest(norm="none"), transposed(norm="none"), shuffle(norm="none")]
    for operator in operators:
        maps = torch.randn(4, 32, 16, 16).relu()
        made = OperatorModule(operator, 32, 32)(maps)
        assert 0.5 < made.square().mean() / maps.square().mean() < 2.0


def test_images_behind_a_tanh_start_near_grey() -> None:
    """Behind He's weights many values lie where a tanh has hardly a slope: a student then learns late."""
    torch.manual_seed(0)
    images = torch.rand(2, 3, 16, 16) * 2 - 1
    for space in (presets.translation(8, 1), presets.translation_paper(8, 1)):
        largest = {name: len(given) - 1 for name, given in space.variables.items() if name != INPUT}
        network = Derived(space, space.architecture({}, largest))
        assert network(images).abs().max() < 0.8
        assert Supernet(space)(images, Supernet(space).route_of(network.architecture)).abs().max() < 0.8
        with torch.no_grad():
            for weight in network.layers[space.steps[-1].name].parameters():
                weight.mul_(10)
        assert network(images).abs().max() > 0.9

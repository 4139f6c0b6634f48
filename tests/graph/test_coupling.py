"""Which channels go together, which stay and why, on one small network for each way of coupling."""

import copy

import numpy as np
import pytest
import torch
from torch import nn

from netchip.errors import GraphError
from netchip.graph.coupling import channel_groups
from netchip.models.build import build, example_input
from netchip.models.spec import ModelSpec

OUTPUT = "reach the model's output"
HEADS = "fails with"

# network -> ({group: units}, {what is left alone: part of the reason}); channels of the last layer always stay
EXPECTED: dict[str, tuple[dict[str, int], dict[str, str]]] = {
    "densenet": ({"stem": 8, "layers.0.2": 4, "layers.1.2": 4, "layers.2.2": 4, "transition.2": 10}, {"fc": OUTPUT}),
    "resnext": ({"stem.0": 16, "a.0": 4, "b.0": 4}, {"fc": OUTPUT}),
    "efficientnet": ({"stem.0": 8, "expand.0": 24, "se.down": 6}, {"head": OUTPUT}),
    "multiplier": ({"a": 6, "b": 4}, {"fc": OUTPUT}),
    "vit": ({"mlp.0": 20}, {"head": OUTPUT, "patch": "LayerNorm", "attn.qkv": "reshaped into heads, from 2x5x36"}),
    "convnext": ({"up": 32}, {"head": OUTPUT, "stem": "normalised together by norm (LayerNorm)"}),
    "layer scale": ({"a": 8}, {"h": OUTPUT}),
    "group norm": ({"a": 4}, {"h": OUTPUT, "b": "only go all together"}),
    "unet": ({"e1.0": 6, "e2.0": 12, "up": 6, "d.0": 7}, {"out": OUTPUT}),
    "glu": ({"a": 6, "b": 5, "l": 8, "m": 4}, {"o": OUTPUT}),
    "split": ({"a#2": 8, "b": 6}, {"h": OUTPUT, "a": "a cut does not follow"}),
    "shuffle": ({"a.0": 4, "b.0": 4, "c": 4}, {"h": OUTPUT}),
    "fixed shuffle": ({"a.0": 4, "c": 4}, {"h": OUTPUT, "b.0": "shape '[2, 3, 4, 8, 8]' is invalid"}),
    "shuffle module": ({"a.0": 4, "b": 6}, {"c": OUTPUT}),
    "shared": ({"a": 8, "h1": 4}, {"h2": OUTPUT}),
    "tied embedding": ({"e": 6}, {"d": OUTPUT}),
    "tied convolutions": ({"a": 6}, {"h": OUTPUT}),
    "two inputs, mean": ({}, {"h": OUTPUT, "a": "mixed by `Mean`, which works over the channel dimension"}),
    "two inputs": ({"a": 6}, {"h": OUTPUT}),
    "padded": ({"a": 4}, {"fc": OUTPUT, "b": "joined to constants (`ConstantPadNd`), which cannot shrink"}),
    "gate": ({"a": 6, "b": 5}, {"h": OUTPUT, "g": "only go all together"}),
    "over channels": ({"c": 4}, {"h": OUTPUT, "b": "mixed by `LinalgVectorNorm`", "a": "mixed by `Softmax`"}),
    "attention": ({"o": 6}, {"f": OUTPUT, "i": "enter a MultiheadAttention"}),
    "mixer": ({"p": 8, "t1": 7, "c1": 9}, {"h": OUTPUT, "t2": "a convolution slides"}),
    "1d": ({"a": 6, "b": 8}, {"h": OUTPUT}),
    "rms norm": ({}, {"b": OUTPUT, "a": "normalised together by n (RMSNorm)"}),
    "pixel shuffle": ({"a": 8}, {"c": OUTPUT, "b": "rearranged by `PixelShuffle`"}),
    "functional": (
        {},
        {"c": OUTPUT, "b": "used by `Bmm`, a product outside of any layer", "a": "a cut does not follow"},
    ),
    "weight norm": (
        {"e": 4},
        {"f": OUTPUT, "d": "spectral_norm", "c": "spectral_norm", "b": "parametrization", "a": "parametrization"},
    ),
}


def test_every_network_is_expected(network_names):
    assert set(network_names) == set(EXPECTED)


@pytest.mark.parametrize("name", EXPECTED)
def test_groups_and_what_is_left_alone(network, name):
    model, example = network(name)
    coupling = channel_groups(model, example)
    groups, left = EXPECTED[name]
    assert {group.name: group.units for group in coupling.groups} == groups
    assert {found.name for found in coupling.left_alone} == set(left)
    for found in coupling.left_alone:
        assert left[found.name] in found.reason
        assert found.channels > 0


def _members(coupling, name):
    return {(member.module, member.axis): member.index for member in coupling.group(name).members}


def test_concatenation_gives_each_group_its_own_offset(network):
    members = _members(channel_groups(*network("densenet")), "layers.1.2")
    assert members["layers.1.2", "out"].ravel().tolist() == [0, 1, 2, 3]
    assert members["layers.2.2", "in"].ravel().tolist() == [12, 13, 14, 15]
    assert members["transition.0", "channels"].ravel().tolist() == [12, 13, 14, 15]


def test_a_constant_or_input_in_a_concatenation_shifts_the_others(network):
    members = _members(channel_groups(*network("unet")), "e1.0")
    assert members["d.0", "in"].ravel().tolist() == [9, 10, 11, 12, 13, 14]


def test_flattened_channels_own_their_positions(network):
    members = _members(channel_groups(*network("densenet")), "transition.2")
    assert members["fc", "in"].shape == (10, 16)
    assert members["fc", "in"][2].tolist() == list(range(32, 48))


def test_grouped_convolutions_lose_the_same_offset_in_each_group(network):
    members = _members(channel_groups(*network("resnext")), "a.0")
    assert members["b.0", "in"][1].tolist() == [1, 5, 9]
    assert members["a.0", "out"][1].tolist() == [1, 5, 9]


def test_a_channel_multiplier_keeps_its_block(network):
    members = _members(channel_groups(*network("multiplier")), "a")
    assert members["dw", "channels"][3].tolist() == [3]
    assert members["b", "in"][3].tolist() == [6, 7]


def test_group_norm_goes_by_whole_groups(network):
    assert _members(channel_groups(*network("group norm")), "a")["n", "channels"].tolist() == [
        [0, 1, 2],
        [3, 4, 5],
        [6, 7, 8],
        [9, 10, 11],
    ]


def test_halves_of_a_gated_unit_go_together(network):
    members = _members(channel_groups(*network("glu")), "a")
    assert members["a", "out"][4].tolist() == [4, 10]
    assert members["b", "in"][4].tolist() == [4]


def test_shuffled_channels_are_followed(network):
    members = _members(channel_groups(*network("shuffle")), "b.0")
    assert members["b.0", "out"][1].tolist() == [1, 5, 9]
    assert members["c", "in"][1].tolist() == [3, 4, 5]


def test_padding_of_the_channels_shifts_them(network):
    members = _members(channel_groups(*network("padded")), "a")
    assert members["b", "out"].ravel().tolist() == [3, 4, 5, 6]
    assert members["c", "in"].ravel().tolist() == [3, 4, 5, 6]


def test_bare_parameters_and_shared_modules_are_members_under_all_names(network):
    assert ("gamma", "channels") in _members(channel_groups(*network("layer scale")), "a")
    shared = channel_groups(*network("shared")).group("a")
    assert {member.module: member.aliases for member in shared.members}["loop.0"] == ("alias.0",)


def test_norms_are_the_batch_norms_with_a_scale(network):
    assert channel_groups(*network("resnext")).group("stem.0").norms == ("stem.1", "c.1")
    assert channel_groups(*network("group norm")).group("a").norms == ()


def test_inexact_groups_on_request_only(network):
    model, example = network("convnext")
    inexact = channel_groups(model, example, allow_inexact=True)
    assert {group.name for group in inexact.groups} == {"stem", "up"}
    assert ("norm", "channels") in _members(inexact, "stem")
    assert ("gamma", "channels") in _members(inexact, "stem")
    assert "attn.qkv" not in {g.name for g in channel_groups(*network("vit"), allow_inexact=True).groups}


def test_frozen_layers_are_coupled_and_the_model_is_untouched(network):
    model, example = network("resnext")
    model.train()
    model.a.requires_grad_(False)
    model.stem[0].weight.grad = torch.ones_like(model.stem[0].weight)
    before = copy.deepcopy(model.state_dict())
    torch.manual_seed(5)
    expected = torch.rand(1)
    torch.manual_seed(5)
    coupling = channel_groups(model, example)
    assert torch.equal(torch.rand(1), expected)
    assert {group.name for group in coupling.groups} == {"stem.0", "a.0", "b.0"}
    assert all(module.training for module in model.modules())
    assert not model.a[0].weight.requires_grad
    assert model.b[0].weight.requires_grad
    assert torch.equal(model.stem[0].weight.grad, torch.ones_like(model.stem[0].weight))
    assert all(not module._forward_hooks and not module._forward_pre_hooks for module in model.modules())
    assert all(torch.equal(before[name], tensor) for name, tensor in model.state_dict().items())


def test_works_under_no_grad_and_inference_mode(network):
    model, example = network("glu")
    with torch.no_grad():
        assert len(channel_groups(model, example).groups) == 4
    with torch.inference_mode():
        assert len(channel_groups(model, example).groups) == 4


def test_zero_initialised_scales_do_not_hide_a_wrong_group():
    class Hidden(nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.b, self.h = nn.Conv2d(3, 8, 1), nn.Conv2d(8, 8, 1), nn.Conv2d(8, 2, 1)
            nn.init.zeros_(self.a.weight)
            nn.init.zeros_(self.a.bias)

        def forward(self, x):
            return self.h(torch.relu(self.b(torch.cumsum(self.a(x), 1))))

    coupling = channel_groups(Hidden(), torch.randn(1, 3, 4, 4))
    assert {group.name for group in coupling.groups} == {"b"}


@pytest.mark.parametrize(
    ("name", "width", "groups", "units"),
    [("vgg16_bn", 0.125, 13, 528), ("resnet20", 0.5, 12, 224), ("preresnet20", 0.5, 16, 456)],
)
def test_reference_networks(name, width, groups, units):
    spec = ModelSpec(name=name, width=width)
    coupling = channel_groups(build(spec), example_input(spec))
    assert (len(coupling.groups), sum(group.units for group in coupling.groups)) == (groups, units)
    assert [found.reason for found in coupling.left_alone] == [OUTPUT]
    for group in coupling.groups:
        assert all(len(np.unique(m.index)) == m.index.size and len(m.index) == group.units for m in group.members)


def test_a_model_that_does_not_run_is_refused():
    with pytest.raises(
        GraphError, match=r"Conv2d could not be traced on the example input \(RuntimeError: .*eval mode"
    ):
        channel_groups(nn.Conv2d(3, 4, 1), torch.randn(1, 5, 4, 4))


def test_a_wrapped_model_is_refused(network):
    model, example = network("resnext")
    with pytest.raises(GraphError, match=r"the model is wrapped in OptimizedModule.*cut model._orig_mod"):
        channel_groups(torch.compile(model), example)  # type: ignore[arg-type]


def test_an_unknown_group_is_named(network):
    with pytest.raises(GraphError, match=r"no channel group 'nope'; there are a, b"):
        channel_groups(*network("1d")).group("nope")

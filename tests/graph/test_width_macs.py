"""MACs from widths alone: hand-computed, and held against really cut networks, to the last one."""

import copy
import importlib.util
import warnings

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from netchip.errors import CheckpointMismatch, GraphError, NetchipWarning
from netchip.graph.coupling import channel_groups
from netchip.graph.groups import ChannelGroup, Coupling, Member
from netchip.graph.streams import keep_streams
from netchip.graph.surgery import cut, plan
from netchip.graph.to_workload import to_workload
from netchip.graph.width_macs import WidthMacs, width_macs
from netchip.models.build import build, example_input
from netchip.models.optional import timm_size
from netchip.models.spec import ModelSpec

SMALL = [
    "densenet", "resnext", "efficientnet", "multiplier", "vit", "convnext", "layer scale", "group norm", "unet", "glu",
    "split", "shuffle", "fixed shuffle", "shuffle module", "shared", "tied embedding", "tied convolutions", "two inputs",
    "padded", "gate", "over channels", "attention", "mixer", "1d", "rms norm", "pixel shuffle", "functional",
    "weight norm",
]  # fmt: skip
OURS = [
    ("vgg16_bn", 0.125, None), ("resnet20", 0.5, None), ("preresnet20", 0.5, None), ("resnet18", 0.125, 64),
    ("mobilenet_v2", 0.25, 64),
]  # fmt: skip
TIMM = {"test_efficientnet": 13, "test_convnext": 9, "test_vit": 6}  # timm's own networks for tests; groups of channels
needs_timm = pytest.mark.skipif(importlib.util.find_spec("timm") is None, reason="the extra 'vision' is not installed")


def images(batch=1, channels=3, size=8):
    return torch.randn(batch, channels, size, size, generator=torch.Generator().manual_seed(0))


def random_keep(coupling, seed):
    """Masks of any widths, from one unit to all of them."""
    random = np.random.default_rng(seed)
    return {
        group.name: random.permutation(group.units) < random.integers(1, group.units + 1) for group in coupling.groups
    }


def counted(model, example, coupling, keep):
    """What `to_workload` counts on `example` after the cut."""
    cut_model = copy.deepcopy(model)
    cut(cut_model, plan(coupling, keep), check=False)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NetchipWarning)
        return to_workload(cut_model, example).macs


def counted_by_torch(model, example, coupling, keep):
    """What FlopCounterMode sees when the cut network runs, attention in its two plain products: quicker than a capture."""
    cut_model = copy.deepcopy(model).eval()
    cut(cut_model, plan(coupling, keep), check=False)
    with torch.no_grad(), sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter:
        cut_model(example)
    return counter.get_total_flops() // 2


def check_against_cuts(model, example, coupling, batch, seeds=(0, 1, 2), counted=counted):
    macs = width_macs(model, example, coupling)
    assert macs.dense * batch == counted(model, example, coupling, {})
    widths, found = [], []
    for seed in seeds:
        keep = random_keep(coupling, seed)
        widths.append([int(mask.sum()) for mask in keep.values()])
        found.append(counted(model, example, coupling, keep))
    assert [macs.macs(row) * batch for row in widths] == found
    assert (macs.macs(np.array(widths)) * batch).tolist() == found
    assert macs.macs([group.units for group in coupling.groups]) == macs.dense
    assert len(set(found)) > 1 or not coupling.groups
    return macs


# Held against really cut networks ------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", SMALL)
def test_small_networks_of_every_coupling(network, name):
    model, example = network(name)
    check_against_cuts(model, example, channel_groups(model, example), batch=2)


@pytest.mark.parametrize("name", ["convnext", "over channels", "rms norm"])
def test_inexact_groups_too(network, name):
    model, example = network(name)
    coupling = channel_groups(model, example, allow_inexact=True)
    assert len(coupling.groups) > len(channel_groups(model, example).groups)
    check_against_cuts(model, example, coupling, batch=2)


@pytest.mark.parametrize(("name", "width", "size"), OURS)
def test_reference_networks(name, width, size):
    spec = ModelSpec(name=name, width=width, image_size=size)
    model, example = build(spec), example_input(spec)
    check_against_cuts(model, example, channel_groups(model, example), batch=1, counted=counted_by_torch)


@pytest.mark.parametrize("name", ["preresnet20", "resnet20"])
def test_networks_whose_streams_stay_whole(name):
    spec = ModelSpec(name=name, width=0.5)
    model, example = build(spec), example_input(spec)
    coupling = keep_streams(model, example, channel_groups(model, example))
    assert any(group.selects for group in coupling.groups)
    check_against_cuts(model, example, coupling, batch=1, counted=counted_by_torch)


@needs_timm
@pytest.mark.parametrize("name", TIMM)
def test_networks_of_timm(name):
    spec = ModelSpec(name=f"timm:{name}", classes=10, image_size=160 if name == "test_vit" else 32)
    model, example = build(spec), example_input(spec)
    coupling = channel_groups(model, example)
    assert len(coupling.groups) == TIMM[name]
    check_against_cuts(model, example, coupling, batch=1, counted=counted_by_torch)


@needs_timm
def test_a_densenet_of_timm_with_fewer_layers():
    """Concatenations of concatenations, over four blocks with transitions between them."""
    assert timm_size("densenet121") == 224  # netchip imports timm beside a torchvision of another build, too
    from timm.models.densenet import DenseNet

    model = DenseNet(growth_rate=8, block_config=(2, 3, 3, 2), num_classes=10)
    coupling = channel_groups(model, images(size=32))
    assert len(coupling.groups) == 1 + 2 * 10 + 3
    check_against_cuts(model, images(size=32), coupling, batch=1, counted=counted_by_torch)


def test_a_linear_network():
    model = nn.Sequential(nn.Flatten(), nn.Linear(12, 7), nn.ReLU(), nn.Linear(7, 5), nn.ReLU(), nn.Linear(5, 3))
    example = torch.zeros(4, 3, 4)
    macs = check_against_cuts(model, example, channel_groups(model, example), batch=4)
    assert macs.macs([3, 2]) == 12 * 3 + 3 * 2 + 2 * 3


def test_transposed_convolutions_dense_and_grouped():
    model = nn.Sequential(
        nn.Conv2d(3, 8, 3), nn.ConvTranspose2d(8, 6, 4, 2, groups=2, output_padding=1), nn.ReLU(), nn.Conv2d(6, 2, 1)
    )
    example = images()
    coupling = channel_groups(model, example)
    assert [group.units for group in coupling.groups] == [4, 3]
    macs = check_against_cuts(model, example, coupling, batch=1)
    # 2 of 4 pairs of channels leave 4 to the second layer, which has 6 x 6 inputs and gives 15 x 15; its 2 of 3 pairs, 4
    assert macs.macs([2, 2]) == 3 * 4 * 9 * 36 + 4 * 2 * 16 * 36 + 4 * 2 * 15 * 15


# Computed by hand ----------------------------------------------------------------------------------------------------


def test_a_chain_by_hand():
    model = nn.Sequential(
        nn.Conv2d(3, 4, 3, padding=1), nn.BatchNorm2d(4), nn.Conv2d(4, 6, 3, stride=2, padding=1), nn.BatchNorm2d(6),
        nn.Flatten(), nn.Linear(6 * 16, 5),
    )  # fmt: skip
    example = images()
    macs = width_macs(model, example, channel_groups(model, example))
    assert macs.groups == ("0", "2")
    assert macs.units.tolist() == [4, 6]

    def by_hand(a, b):
        return 3 * a * 9 * 64 + a * b * 9 * 16 + b * 16 * 5

    assert macs.dense == by_hand(4, 6)
    every = [(a, b) for a in range(1, 5) for b in range(1, 7)]
    assert macs.macs(every).tolist() == [by_hand(*pair) for pair in every]
    assert macs.smallest([2, 3]) == by_hand(2, 3)
    assert macs.smallest() == by_hand(1, 1)


def test_a_concatenation_by_hand(network):
    model, example = network("densenet")
    macs = width_macs(model, example, channel_groups(model, example))
    assert macs.groups == ("stem", "layers.0.2", "layers.1.2", "layers.2.2", "transition.2")
    s, a, b, c, t = 5, 3, 1, 2, 7
    layers = 3 * s + s * a + (s + a) * b + (s + a + b) * c
    assert macs.macs([s, a, b, c, t]) == 9 * 64 * layers + 64 * (s + a + b + c) * t + 16 * t * 5


def test_grouped_and_depthwise_convolutions_by_hand(network):
    model, example = network("resnext")
    macs = width_macs(model, example, channel_groups(model, example))
    assert dict(zip(macs.groups, macs.units, strict=True)) == {"stem.0": 16, "a.0": 4, "b.0": 4}
    s, a, b = 9, 3, 2  # a and b lose the same offset in each of three groups
    assert macs.macs([s, a, b]) == 64 * (27 * s + 9 * s * 3 * a + 3 * 9 * a * b + 3 * b * s) + 5 * s
    model, example = network("multiplier")
    macs = width_macs(model, example, channel_groups(model, example))
    a, b = 5, 3  # two outputs a channel, 6x6 and 4x4 positions; then 16 inputs, 64 outputs
    assert macs.macs([a, b]) == 27 * a * 36 + 9 * 2 * a * 16 + 2 * a * b * 16 + 2 * 4 * b * 16 + 2 * 2 * b * 64


def test_every_call_of_a_shared_layer_counts(network):
    model, example = network("shared")
    macs = width_macs(model, example, channel_groups(model, example))
    assert macs.groups == ("a", "h1")
    assert macs.macs([3, 2]) == 64 * (27 * 3 + 2 * 9 * 3 * 3 + 3 * 2) + 2 * 2


def test_a_convolution_in_one_dimension_by_hand(network):
    model, example = network("1d")
    macs = width_macs(model, example, channel_groups(model, example))
    assert macs.macs([4, 5]) == 2 * 4 * 3 * 7 + 4 * 5 * 3 * 5 + 5 * 2 * 5


class PreActivation(nn.Module):
    """One block whose stream stays whole: `a` reads a selection of it, scored by n1, and `fc` one scored by n3."""

    def __init__(self):
        super().__init__()
        self.stem, self.fc = nn.Conv2d(3, 8, 1), nn.Linear(8, 2)
        self.n1, self.a = nn.BatchNorm2d(8), nn.Conv2d(8, 6, 3, padding=1)
        self.n2, self.b, self.n3 = nn.BatchNorm2d(6), nn.Conv2d(6, 8, 3, padding=1), nn.BatchNorm2d(8)

    def forward(self, x):
        x = self.stem(x)
        x = x + self.b(self.n2(self.a(self.n1(x).relu())).relu())
        return self.fc(self.n3(x).relu().mean((2, 3)))


def test_a_group_that_selects_narrows_its_reader_alone():
    model, example = PreActivation(), images()
    coupling = keep_streams(model, example, channel_groups(model, example))
    macs = check_against_cuts(model, example, coupling, batch=1)
    assert sum(group.selects for group in coupling.groups) == 2
    kept = {("a", "in"): 5, ("a", "out"): 4, ("fc", "in"): 3}
    widths = [
        next(kept[m.module, m.axis] for m in group.members if (m.module, m.axis) in kept) for group in coupling.groups
    ]
    assert sorted(widths) == [3, 4, 5]
    assert macs.macs(widths) == 64 * (3 * 8 + 9 * 5 * 4 + 9 * 4 * 8) + 3 * 2


# Sizes of activations -------------------------------------------------------------------------------------------------


def test_channels_that_are_positions_elsewhere_are_measured(network):
    """In a mixer the channels are what the token layers run over: 4 tokens, hidden widths p, t1 and c1."""
    model, example = network("mixer")
    macs = width_macs(model, example, channel_groups(model, example))
    assert macs.groups == ("p", "t1", "c1")
    p, t, c = 5, 3, 4
    assert macs.macs([p, t, c]) == 4 * 48 * p + p * (4 * t + t * 4) + 4 * (p * c + c * p) + 2 * p


class Gram(nn.Module):
    """A product of two activations that both have the channels: what allow_inexact lets through."""

    def __init__(self):
        super().__init__()
        self.a, self.b, self.fc = nn.Conv2d(3, 6, 1), nn.Conv2d(6, 5, 1), nn.Linear(5, 2)

    def forward(self, x):
        x = self.a(x)
        gram = x.flatten(2) @ x.flatten(2).transpose(1, 2)
        return self.fc(self.b(x).mean((2, 3))) + gram.mean((1, 2))[:, None]


@pytest.mark.parametrize("batch", [1, 3])
def test_a_product_of_two_activations_is_measured(batch):
    model, example = Gram(), images(batch)
    macs = check_against_cuts(model, example, channel_groups(model, example, allow_inexact=True), batch)
    assert macs.macs([4, 3]) == 64 * (3 * 4 + 4 * 4 + 4 * 3) + 3 * 2


class Outer(nn.Module):
    """The positions of `fc` are the channels of a times those of b: one bound that is a product itself."""

    def __init__(self):
        super().__init__()
        self.a, self.b, self.fc = nn.Conv2d(3, 6, 1), nn.Conv2d(3, 5, 1), nn.Linear(64, 2)

    def forward(self, x):
        a, b = self.a(x).flatten(2), self.b(x).flatten(2)
        return self.fc(a.unsqueeze(2) * b.unsqueeze(1)).mean((1, 2))


def test_layers_without_such_a_formula_are_named():
    model, example = Outer(), images()
    coupling = channel_groups(model, example, allow_inexact=True)
    assert len(coupling.groups) == 2
    with pytest.raises(GraphError, match=r"the MACs of fc do not follow from widths: .*; leave the groups"):
        width_macs(model, example, coupling)


class Fickle(nn.Module):
    """Runs a layer more while it is whole."""

    def __init__(self):
        super().__init__()
        self.a, self.extra, self.b = nn.Conv2d(3, 6, 1), nn.Conv2d(6, 6, 1), nn.Conv2d(6, 2, 1)

    def forward(self, x):
        x = self.a(x)
        return self.b(self.extra(x) if x.shape[1] == 6 else x)


def test_a_network_that_runs_other_layers_when_cut_is_refused():
    model, example = Fickle(), images()
    members = (
        Member("a", "out", np.arange(6)[:, None]),
        Member("extra", "in", np.arange(6)[:, None]),
        Member("extra", "out", np.arange(6)[:, None]),
        Member("b", "in", np.arange(6)[:, None]),
    )
    lengths = {(member.module, member.axis): 6 for member in members}
    coupling = Coupling((ChannelGroup("a", 6, members, ()),), (), lengths, {})
    with pytest.raises(GraphError, match=r"runs other layers than the whole one \(extra\), .*count each cut"):
        width_macs(model, example, coupling)


# One image of a batch -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["attention", "mixer", "resnext", "tied embedding"])
def test_the_batch_of_the_example_does_not_matter(network, name):
    model, example = network(name)
    coupling = channel_groups(model, example)
    whole = width_macs(model, example, coupling)
    one = width_macs(model, example[:1], coupling)
    three = width_macs(model, torch.cat([example, example[:1]]), coupling)
    rows = [[group.units - 1 for group in coupling.groups], [1 for _ in coupling.groups]]
    assert whole.macs(rows).tolist() == one.macs(rows).tolist() == three.macs(rows).tolist()


def test_an_example_without_a_batch():
    model = nn.Sequential(nn.Conv2d(3, 6, 1), nn.ReLU(), nn.Conv2d(6, 2, 1))
    coupling = channel_groups(model, images())
    assert width_macs(model, images()[0], coupling).macs([4]) == 64 * (3 * 4 + 4 * 2)


class OverBatch(nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.fc = nn.Conv2d(3, 6, 1), nn.Linear(6, 1)

    def forward(self, x):
        return self.fc(self.a(x).mean((0, 2, 3)))


def test_work_that_is_not_alike_for_each_item_is_refused():
    model, example = OverBatch(), images(2)
    coupling = channel_groups(model, example)
    with pytest.raises(GraphError, match=r"fc: its 6 multiply-accumulates are not alike for each of the 2 items"):
        width_macs(model, example, coupling)
    assert width_macs(model, example[:1], coupling).macs([4]) == 64 * 3 * 4 + 4


# Awkward input --------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def densenet(network) -> WidthMacs:
    model, example = network("densenet")
    return width_macs(model, example, channel_groups(model, example))


@pytest.mark.parametrize(
    ("widths", "message"),
    [
        ([4, 4], r"widths are of shape \(2,\); give \[5\] or \[candidates, 5\]"),
        (3, r"widths are of shape \(\)"),
        ([[[1, 1, 1, 1, 1]]], r"widths are of shape \(1, 1, 5\)"),
        ([4.0, 4, 4, 4, 4], r"widths are float64; give whole numbers"),
        ([True] * 5, r"widths are bool; give whole numbers"),
        ([8, 4, 0, 4, 4], r"layers\.1\.2: a width of 0 was asked, but the group has 4 units; keep 1 to 4"),
        ([[8, 4, 4, 4, 4], [9, 4, 4, 4, 4]], r"stem: a width of 9 was asked, but the group has 8 units"),
        ([8, 4, 4, 4, -1], r"transition\.2: a width of -1 was asked"),
    ],
)
def test_widths_are_checked(densenet, widths, message):
    with pytest.raises(GraphError, match=message):
        densenet.macs(widths)


def test_least_widths_are_checked(densenet):
    with pytest.raises(GraphError, match=r"stem: a width of 0 was asked"):
        densenet.smallest(0)
    with pytest.raises(GraphError, match=r"widths are of shape \(2,\)"):
        densenet.smallest([1, 1])
    with pytest.raises(GraphError, match="widths are float64"):
        densenet.smallest(2.7)


def test_no_candidates_and_small_integer_types(densenet):
    assert densenet.macs(np.zeros((0, 5), np.int64)).shape == (0,)
    assert densenet.macs(np.array(densenet.units, np.uint8)) == densenet.dense
    assert isinstance(densenet.macs(densenet.units), int)
    assert densenet.macs(densenet.units[None]).dtype == np.int64


def test_a_coupling_without_groups_and_a_network_without_layers():
    model = nn.Linear(4, 2)
    macs = width_macs(model, torch.zeros(3, 4), channel_groups(model, torch.zeros(3, 4)))
    assert macs.macs([]) == macs.smallest() == macs.dense == 8
    assert macs.macs(np.zeros((2, 0), np.int64)).tolist() == [8, 8]
    assert width_macs(nn.ReLU(), torch.zeros(3, 4), Coupling((), (), {}, {})).dense == 0


def test_a_part_of_the_groups(network):
    """A search may hold on to some groups only."""
    model, example = network("densenet")
    coupling = channel_groups(model, example)
    some = Coupling((coupling.group("layers.1.2"), coupling.group("stem")), (), coupling.lengths, coupling.tensors)
    macs = check_against_cuts(model, example, some, batch=2)
    assert macs.groups == ("layers.1.2", "stem")


def test_a_coupling_of_another_network_is_refused(network):
    coupling = channel_groups(*network("resnext"))
    model, example = network("densenet")
    with pytest.raises(CheckpointMismatch, match="this model has no such tensor"):
        width_macs(model, example, coupling)


def test_more_than_64_bits_are_refused():
    model = nn.Linear(2**22, 2**22, device="meta")
    example = torch.empty(2**20, device="meta").expand(2**20, 2**20)[:, :1].expand(2**20, 2**22)
    with pytest.raises(GraphError, match=r"MACs, more than a 64-bit number holds; give a smaller example"):
        width_macs(model, example[None], Coupling((), (), {}, {}))


def test_the_model_is_left_as_it_was(network):
    model, example = network("resnext")
    model.train()
    model(example).sum().backward()
    coupling = channel_groups(model, example)
    held, state = list(model.parameters()), copy.deepcopy(model.state_dict())
    gradients = [parameter.grad.clone() for parameter in held]
    torch.manual_seed(3)
    expected = torch.rand(4)
    torch.manual_seed(3)
    width_macs(model, example, coupling)
    assert torch.equal(torch.rand(4), expected)
    assert model.training
    assert all(one is other for one, other in zip(held, model.parameters(), strict=True))
    assert all(torch.equal(state[name], tensor) for name, tensor in model.state_dict().items())
    assert all(torch.equal(one.grad, other) for one, other in zip(held, gradients, strict=True))


class Recurrent(nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.b, self.lstm = nn.Linear(4, 6), nn.Linear(6, 4), nn.LSTM(4, 3, batch_first=True)

    def forward(self, x):
        return self.lstm(self.b(self.a(x)))[0]


def test_what_is_not_counted_is_said_once():
    model, example = Recurrent(), torch.zeros(2, 5, 4)
    coupling = channel_groups(model, example)
    with pytest.warns(NetchipWarning, match="lstm") as warned:
        macs = width_macs(model, example, coupling)
    assert len([each for each in warned if issubclass(each.category, NetchipWarning)]) == 1
    assert macs.macs([2]) == 5 * (4 * 2 + 2 * 4)


# Properties -----------------------------------------------------------------------------------------------------------


@settings(max_examples=200, deadline=None)
@given(data=st.data())
def test_macs_never_fall_when_a_width_grows(densenet, preresnet, data):
    macs = data.draw(st.sampled_from([densenet, preresnet]))
    widths = np.array([data.draw(st.integers(1, int(units))) for units in macs.units])
    group = data.draw(st.integers(0, len(widths) - 1))
    wider = widths.copy()
    wider[group] = data.draw(st.integers(int(widths[group]), int(macs.units[group])))
    assert 0 < macs.smallest() <= macs.macs(widths) <= macs.macs(wider) <= macs.dense


@pytest.fixture(scope="module")
def preresnet() -> WidthMacs:
    spec = ModelSpec(name="preresnet20", width=0.25)
    model, example = build(spec), example_input(spec)
    return width_macs(model, example, channel_groups(model, example))


def test_many_candidates_are_one_by_one_the_same(densenet):
    """More than one block of them."""
    widths = np.random.default_rng(0).integers(1, densenet.units + 1, (5000, 5))
    assert densenet.macs(widths).tolist() == [densenet.macs(row) for row in widths]

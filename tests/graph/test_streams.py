"""Which layers select what they read when streams are kept whole, and who decides for them."""

import copy

import numpy as np
import pytest
import torch
from torch import nn

from netchip.errors import GraphError
from netchip.graph.coupling import channel_groups
from netchip.graph.groups import LeftAlone
from netchip.graph.streams import keep_streams


def kept_whole(model, example):
    return keep_streams(model, example, channel_groups(model, example))


def selecting(coupling):
    """reader -> BatchNorms that decide for it, of groups that select; one reader has one such group here."""
    found = [(_reader(group).module, set(group.norms)) for group in coupling.groups if group.selects]
    assert len(dict(found)) == len(found)
    return dict(found)


def _reader(group):
    (reader,) = (member for member in group.members if member.axis == "in")
    return reader


# Which layers select ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("depth", "blocks"), [(20, 2), (101, 11)])
def test_a_pre_activation_network_selects_where_the_released_code_does(reference, depth, blocks):
    model, example = reference(f"preresnet{depth}")
    coupled, whole = channel_groups(model, example), kept_whole(model, example)
    names = [f"layer{stage}.{block}" for stage in (1, 2, 3) for block in range(blocks)]
    assert selecting(whole) == {f"{name}.conv1": {f"{name}.bn1"} for name in names} | {"fc": {"bn"}}
    inner = {group.name: [(m.module, m.axis) for m in group.members] for group in whole.groups if not group.selects}
    assert inner == {
        f"{name}.conv{at}": [
            (f"{name}.conv{at}", "out"),
            (f"{name}.bn{at + 1}", "channels"),
            (f"{name}.conv{at + 1}", "in"),
        ]
        for name in names
        for at in (1, 2)
    }
    assert whole.left_alone == coupled.left_alone
    assert sum(group.units for group in whole.groups) == sum(
        module.num_features for module in model.modules() if isinstance(module, nn.BatchNorm2d)
    )


def test_a_post_activation_network_is_decided_by_the_block_before(reference):
    model, example = reference("resnet18", 0.125)
    whole = kept_whole(model, example)
    after_projection = {
        f"layer{stage}.1.conv1": {f"layer{stage}.0.bn2", f"layer{stage}.0.downsample.1"} for stage in (2, 3, 4)
    }
    assert selecting(whole) == after_projection | {
        "layer1.0.conv1": {"bn1"},
        "layer1.1.conv1": {"layer1.0.bn2"},
        "layer2.0.conv1": {"layer1.1.bn2"},
        "layer3.0.conv1": {"layer2.1.bn2"},
        "layer4.0.conv1": {"layer3.1.bn2"},
        "fc": {"layer4.1.bn2"},
    }
    inner = {group.name for group in whole.groups if not group.selects}
    assert inner == {f"layer{stage}.{block}.conv1" for stage in (1, 2, 3, 4) for block in (0, 1)}


def test_a_network_without_streams_stays_as_it_is(reference):
    model, example = reference("vgg16_bn", 0.125, None)
    coupled = channel_groups(model, example)
    whole = keep_streams(model, example, coupled)
    assert whole.groups == coupled.groups
    assert whole.left_alone == coupled.left_alone


def test_linear_bottlenecks_select_where_they_expand(reference):
    model, example = reference("mobilenet_v2")
    found = selecting(kept_whole(model, example))
    assert found["features.10.layers.0.0"] == {"features.9.layers.3"}
    assert found["features.9.layers.0.0"] == {"features.7.layers.3", "features.8.layers.3"}  # both at one addition
    assert set(found) == {f"features.{block}.layers.0.0" for block in range(2, 18)}


def test_a_concatenation_is_selected_part_by_part(network):
    whole = kept_whole(*network("densenet"))
    parts, starts = {}, [(0, 7), (8, 11), (12, 15)]
    for group in whole.groups:
        if group.selects:
            parts.setdefault(_reader(group).module, []).append(
                (group.name, *_reader(group).index[[0, -1], 0], *group.norms)
            )
    assert parts == {
        "layers.0.2": [("layers.0.2", 0, 7, "layers.0.0")],
        "layers.1.2": [("layers.1.2", 0, 7, "layers.1.0"), ("layers.1.2#2", 8, 11, "layers.1.0")],
        # the names layers.2.2 and transition.2 are taken: what these two make has one reader, and is cut
        "layers.2.2": [(f"layers.2.2#{n}", *part, "layers.2.0") for n, part in enumerate(starts, 2)],
        "transition.2": [(f"transition.2#{n}", *part, "transition.0") for n, part in enumerate(starts, 2)],
    }
    assert {group.name for group in whole.groups if not group.selects} == {"layers.2.2", "transition.2"}


def test_units_are_those_of_the_stream(network):
    model, example = network("resnext")
    group = next(group for group in kept_whole(model, example).groups if group.selects)
    stream = channel_groups(model, example).group("stem.0")
    assert (group.name, group.units) == ("a.0#2", 16)
    for member in group.members:
        (same,) = (m for m in stream.members if (m.module, m.axis) == (member.module, member.axis))
        assert np.array_equal(member.index, same.index)


# Who decides -----------------------------------------------------------------------------------------------------------------


class _Shortcut(nn.Module):
    """A stream of two makers; `before` stands between it and `reader`, which reads it beside the plain `other`."""

    def __init__(self, before, reader=None):
        super().__init__()
        self.stem, self.more = nn.Conv2d(3, 6, 1), nn.Conv2d(6, 6, 1)
        self.before, self.reader = before, reader or nn.Conv2d(6, 4, 1)
        self.other, self.end = nn.Conv2d(6, 4, 1), nn.Conv2d(8, 2, 1)

    def forward(self, x):
        x = self.stem(x)
        x = x + self.more(x)
        return self.end(torch.cat([self.reader(self.before(x)), self.other(x)], 1))


def _image():
    return torch.randn(2, 3, 6, 6, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize(
    ("before", "decides"),
    [
        (nn.Sequential(nn.BatchNorm2d(6), nn.PReLU(6)), {"before.0"}),
        (nn.Sequential(nn.BatchNorm2d(6), nn.BatchNorm2d(6, affine=False), nn.ReLU()), {"before.0"}),
        (nn.Sequential(nn.BatchNorm2d(6), nn.BatchNorm2d(6)), {"before.1"}),
        (nn.Sequential(nn.BatchNorm2d(6), nn.MaxPool2d(2), nn.Upsample(scale_factor=2)), {"before.0"}),
        (nn.Sequential(nn.BatchNorm2d(6), nn.Conv2d(6, 6, 1, groups=6)), set()),
        (nn.Sequential(nn.GroupNorm(6, 6), nn.ReLU()), set()),
    ],
    ids=[
        "past an activation with weights",
        "past a norm without a scale",
        "the nearer",
        "past pooling",
        "no further than a layer",
        "no BatchNorm",
    ],
)
def test_the_nearest_batch_norm_before_the_reader_decides(before, decides):
    whole = kept_whole(_Shortcut(before), _image())
    assert selecting(whole) == ({"reader": decides} if decides else {})
    reason = "belong to a residual stream that is kept whole"
    assert (LeftAlone("stem", 6, reason) in whole.left_alone) == (not decides)


def test_a_grouped_convolution_selects_by_the_stream_s_units():
    whole = kept_whole(_Shortcut(nn.BatchNorm2d(6), nn.Conv2d(6, 4, 1, groups=2)), _image())
    (group,) = (group for group in whole.groups if group.selects)
    assert (group.name, group.units) == ("reader#2", 3)
    assert _reader(group).index.tolist() == [[0, 3], [1, 4], [2, 5]]


def test_only_batch_norms_that_carry_the_group_count():
    """Beside a longer branch in a concatenation, the reader's nearest BatchNorm of all is not that of the short one."""

    class Branches(nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.an, self.b, self.bn = (
                nn.Conv2d(3, 4, 1),
                nn.BatchNorm2d(4),
                nn.Conv2d(3, 5, 1),
                nn.BatchNorm2d(5),
            )
            self.reader, self.other, self.end = nn.Conv2d(9, 4, 1), nn.Conv2d(4, 3, 1), nn.Conv2d(7, 2, 1)

        def forward(self, x):
            a, b = self.an(self.a(x)).relu(), self.bn(self.b(x))
            return self.end(torch.cat([self.reader(torch.cat([a.sigmoid(), b], 1)), self.other(a)], 1))

    whole = kept_whole(Branches(), _image())
    assert selecting(whole) == {}  # both readers of `a` are decided by `an`, so that it is no stream
    assert {group.name for group in whole.groups} == {"a", "b", "reader", "other"}


# What is refused or left -----------------------------------------------------------------------------------------------------


def test_readers_that_share_their_weights_cannot_select_apart():
    class Heads(_Shortcut):
        def forward(self, x):
            x = self.stem(x)
            x = x + self.more(x)
            return self.reader(self.before(x)), self.other(x)

    model = Heads(nn.BatchNorm2d(6))
    model.other.weight = model.reader.weight
    whole = kept_whole(model, _image())
    assert selecting(whole) == {}
    reasons = {left.name: left.reason for left in whole.left_alone if "a selection does not follow" in left.reason}
    assert (
        "other.weight is the same tensor as reader.weight, but the cut plan cuts only the latter" in reasons["reader"]
    )


def test_a_model_that_fits_its_maps_to_the_reader_cannot_select():
    """It passes when the channels are really cut, since then as many arrive as are read."""

    class Fitting(_Shortcut):
        def forward(self, x):
            x = self.stem(x)
            x = (x + self.more(x))[:, : self.reader.in_channels]
            return self.end(torch.cat([self.reader(self.before(x)), self.other(x)], 1))

    model = Fitting(nn.BatchNorm2d(6))
    coupling = channel_groups(model, _image())
    assert coupling.group("stem").units == 6
    whole = keep_streams(model, _image(), coupling)
    assert selecting(whole) == {}
    assert "are read in a way that a selection does not follow: it fails with" in whole.left_alone[-1].reason


def test_keeping_streams_twice_is_keeping_them_once(reference):
    model, example = reference("preresnet20")
    once = kept_whole(model, example)
    assert keep_streams(model, example, once).groups == once.groups


def test_the_model_is_not_touched(reference):
    model, example = reference("preresnet20")
    model.train()
    state = copy.deepcopy(model.state_dict())
    kept_whole(model, example)
    assert model.training
    assert not model.fc._forward_pre_hooks
    assert all(torch.equal(state[name], tensor) for name, tensor in model.state_dict().items())


def _without_third_norm(model):
    model.layer1[0].bn3 = nn.Identity()
    return model


def test_a_coupling_of_another_network_and_wrappers_are_refused(reference):
    model, example = reference("preresnet20")
    coupling = channel_groups(model, example)
    with pytest.raises(
        GraphError, match=r"of another network: conv1\.weight is of shape \(4, 3, 3, 3\) there, and in this"
    ):
        keep_streams(reference("preresnet20", 0.5)[0], example, coupling)
    with pytest.raises(
        GraphError, match=r"layer1\.0\.bn3\.weight is of shape \(4,\) there, and in this model there is none"
    ):
        keep_streams(_without_third_norm(reference("preresnet20")[0]), example, coupling)
    with pytest.raises(GraphError, match="the model is wrapped in DataParallel"):
        keep_streams(nn.DataParallel(model), example, coupling)

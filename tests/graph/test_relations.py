"""Where a channel goes, against the operation itself: each input channel is marked and looked for in the output."""

import pytest
import torch
import torch.nn.functional as F

from netchip.graph.relations import Link, Mixed, Spread, Step, relate


def step_of(result, operand=0, output=0):
    following = result.grad_fn.next_functions
    shapes = tuple(None if f is None else tuple(f._input_metadata[nr].shape) for f, nr in following)
    source = shapes[operand]
    assert source is not None
    return Step(result.grad_fn, operand, source, tuple(result.grad_fn._input_metadata[output].shape), shapes, output)


def tensor(*shape):
    return torch.ones(shape, requires_grad=True).clone()


FOLLOWED = {
    "view, flattened": ((2, 3, 4, 5), 1, lambda x: x.flatten(1)),
    "view, last dimension flattened": ((2, 3, 4, 5), 3, lambda x: x.flatten(1)),
    "view, taken apart": ((2, 6, 4, 4), 1, lambda x: x.view(2, 3, 2, 4, 4)),
    "view, to maps": ((2, 12), 1, lambda x: x.view(2, 3, 2, 2)),
    "view, ones dropped": ((2, 6, 1, 1), 1, lambda x: x.view(2, 6)),
    "view, batch of one": ((1, 6, 2, 2), 1, lambda x: x.view(6, 4)),
    "permute": ((2, 3, 4, 5), 1, lambda x: x.permute(0, 2, 3, 1)),
    "transpose": ((2, 3, 4), 1, lambda x: x.transpose(-1, -2)),
    "t": ((3, 4), 1, lambda x: x.t()),
    "slice": ((2, 8, 3), 1, lambda x: x[:, 1:7:2]),
    "slice of another dimension": ((2, 8, 3), 1, lambda x: x[:, :, 1:]),
    "pad": ((2, 4, 3, 3), 1, lambda x: F.pad(x, (0, 0, 0, 0, 2, 1))),
    "pad of another dimension": ((2, 4, 3, 3), 1, lambda x: F.pad(x, (1, 1))),
    "select": ((2, 4, 3, 3), 1, lambda x: x[:, :, 0]),
    "select before": ((2, 4, 3, 3), 2, lambda x: x[:, 0]),
    "unsqueeze": ((2, 4), 1, lambda x: x.unsqueeze(-1)),
    "squeeze": ((2, 4, 1, 1), 1, lambda x: x.squeeze(-1)),
    "squeeze before": ((2, 1, 4), 2, lambda x: x.squeeze(1)),
    "mean": ((2, 4, 3, 3), 1, lambda x: x.mean((2, 3))),
    "mean before": ((2, 3, 4), 2, lambda x: x.mean(1)),
    "mean, kept": ((2, 4, 3, 3), 1, lambda x: x.mean((2, 3), keepdim=True)),
    "max": ((2, 4, 3), 1, lambda x: x.max(-1)[0]),
    "repeat": ((2, 3, 2), 1, lambda x: x.repeat(1, 2, 1)),
    "expand": ((2, 3, 1), 1, lambda x: x.expand(-1, -1, 4)),
    "flip of another dimension": ((2, 3, 4), 1, lambda x: x.flip(2)),
    "index_select of another dimension": ((2, 3, 4), 1, lambda x: x.index_select(2, torch.tensor([3, 0]))),
    "max pool": ((2, 3, 4, 4), 1, lambda x: F.max_pool2d(x, 2)),
    "upsample": ((2, 3, 4, 4), 1, lambda x: F.interpolate(x, scale_factor=2)),
    "softmax over another dimension": ((2, 3, 4), 1, lambda x: x.softmax(-1)),
    "addition": ((3, 1, 1), 0, lambda x: x + torch.zeros(2, 3, 4, 4)),
    "relu": ((2, 3, 4), 1, lambda x: x.relu()),
    "cat, after a constant": ((2, 3, 4), 1, lambda x: torch.cat([torch.zeros(2, 2, 4), x], 1)),
    "cat along another dimension": ((2, 3, 4), 1, lambda x: torch.cat([x, torch.zeros(2, 3, 1)], 2)),
    "glu": ((2, 6, 3), 1, lambda x: F.glu(x, 1)),
}


@pytest.mark.parametrize("name", FOLLOWED)
def test_the_link_is_what_the_operation_does(name):
    shape, dim, operation = FOLLOWED[name]
    found = operation(tensor(*shape))
    operand = next(place for place, (function, _) in enumerate(found.grad_fn.next_functions) if function is not None)
    link = relate(step_of(found, operand), dim)
    assert isinstance(link, Link)
    base = operation(torch.zeros(shape))
    for channel in range(shape[dim]):
        marked = torch.zeros(shape)
        marked.select(dim, channel).fill_(50.0)
        changed = (operation(marked) - base).abs().movedim(link.dim, 0).flatten(1).amax(1) > 1e-6
        held = sorted(int(t) for s, t in zip(link.source, link.target, strict=True) if s == channel)
        if name == "glu":  # a value of zero hides what its gate does: look at the gate's derivative instead
            held = [t for t in held if channel < 3]
        if name == "softmax over another dimension":  # equal logits change nothing
            assert held == [channel]
            continue
        assert torch.nonzero(changed).ravel().tolist() == held, channel


def test_halves_of_a_split():
    first, second = torch.split(tensor(2, 6, 3), [2, 4], 1)
    link = relate(step_of(second * 1, 0), 1)
    assert isinstance(link, Link)
    step = step_of(second)
    link = relate(Step(step.grad_fn, 0, step.source, (2, 4, 3), step.operands, 1), 1)
    assert isinstance(link, Link)
    assert link.source.tolist() == [2, 3, 4, 5]
    link = relate(step_of(first), 1)
    assert isinstance(link, Link)
    assert link.source.tolist() == [0, 1]
    a, b = tensor(2, 6, 3).chunk(2, 1)
    step = step_of(a)
    link = relate(Step(step.grad_fn, 0, step.source, tuple(b.shape), step.operands, 1), 1)
    assert isinstance(link, Link)
    assert link.source.tolist() == [3, 4, 5]


def test_a_channel_shuffle_ties_the_same_offset_of_every_group():
    link = relate(step_of(F.channel_shuffle(tensor(2, 6, 3, 3), 3)), 1)
    assert isinstance(link, Link)
    pairs = set(zip(link.source.tolist(), link.target.tolist(), strict=True))
    assert {target for source, target in pairs if source == 0} == {0, 1, 2}
    assert {target for source, target in pairs if source == 3} == {3, 4, 5}


@pytest.mark.parametrize(
    ("shape", "dim", "operation", "reason"),
    [
        ((2, 3, 4), 1, lambda x: x.softmax(1), "mixed by `Softmax`"),
        ((2, 3, 4), 1, lambda x: x.softmax(-2), "mixed by `Softmax`"),
        ((2, 3, 4), 1, lambda x: x.mean(1), "mixed by `Mean`"),
        ((2, 3, 4), 1, lambda x: x.sum(), "mixed by `Sum`"),
        ((2, 3, 4), 1, lambda x: x.cumsum(1), "mixed by `Cumsum`"),
        ((2, 3, 4), 1, lambda x: x.flip(1), "reordered by `Flip`"),
        ((2, 3, 4), 1, lambda x: x[:, 0], "taken one by one by `Select`"),
        ((3, 4), 1, lambda x: x @ torch.ones(4, 5), "a product outside of any layer"),
        ((2, 8, 2, 2), 1, lambda x: F.pixel_shuffle(x, 2), "rearranged by `PixelShuffle`"),
        ((2, 3, 12), 2, lambda x: x.reshape(2, 3, 3, 4), "reshaped into heads, from 2x3x12 to 2x3x3x4"),
        ((2, 3, 4, 4), 2, lambda x: F.max_pool2d(x, 2), "resampled by `MaxPool2DWithIndices`"),
        ((2, 3, 4, 4), 1, lambda x: F.unfold(x, 2), "changed in number by"),
    ],
)
def test_what_mixes_channels_says_so(shape, dim, operation, reason):
    relation = relate(step_of(operation(tensor(*shape))), dim)
    assert isinstance(relation, Mixed)
    assert reason in relation.reason


@pytest.mark.parametrize("numbers", [[2, 0], [0, 1, 2], [2, 1, 0]])
def test_what_is_picked_by_number_stays_even_where_cuts_may_be_inexact(numbers):
    relation = relate(step_of(tensor(2, 3, 4).index_select(1, torch.tensor(numbers))), 1)
    assert relation == Mixed("picked by number by `IndexSelect`, and a cut does not number them anew", inexact=False)
    assert relate(step_of(tensor(2, 3, 4).flip(1)), 1) == Mixed("reordered by `Flip`", inexact=True)


def test_one_entry_is_spread_not_tied():
    gated = tensor(2, 1, 4, 4) * torch.zeros(2, 3, 4, 4)
    assert relate(step_of(gated), 1) == Spread(1)
    assert relate(step_of(tensor(2, 1, 4).expand(2, 3, 4)), 1) == Spread(1, alone=True)
    assert Spread(1, alone=True).fills(1)
    assert not Spread(1).fills(1)

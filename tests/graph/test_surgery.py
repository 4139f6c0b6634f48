"""The cut network computes what the masked one does, trains on as it would, and nothing is ever half cut."""

import copy

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import nn

from netchip.errors import CheckpointMismatch, CutMismatch, GraphError
from netchip.graph.coupling import channel_groups
from netchip.graph.cut_plan import CutPlan, GroupCut
from netchip.graph.surgery import cut, masked, plan
from netchip.graph.tracing import call, tensors_of
from netchip.models.build import build, example_input
from netchip.models.spec import ModelSpec

CUTTABLE = [
    "densenet", "resnext", "efficientnet", "multiplier", "vit", "convnext", "layer scale", "group norm", "unet", "glu",
    "split", "shuffle", "fixed shuffle", "shuffle module", "shared", "tied embedding", "tied convolutions", "two inputs",
    "padded", "gate", "over channels", "attention", "mixer", "1d", "pixel shuffle", "weight norm",
]  # fmt: skip


def random_keep(coupling, seed, share=0.5):
    random = np.random.default_rng(seed)
    keep = {group.name: random.random(group.units) < share for group in coupling.groups}
    for mask in keep.values():
        mask[random.integers(mask.size)] = True
    return keep


def outputs(model, example):
    with torch.no_grad():
        return [tensor for tensor in tensors_of(call(model, example)) if tensor.is_floating_point()]


def assert_close(found, expected, tolerance=1e-5):
    assert len(found) == len(expected) > 0
    largest = max(float(tensor.abs().max()) for tensor in expected)
    assert largest > 0
    for one, other in zip(found, expected, strict=True):
        assert one.shape == other.shape
        assert float((one - other).abs().max()) <= tolerance * largest


def check_against_mask(model, example, coupling, keep):
    """Without `cut`'s own check: the masked network's outputs, then the cut one's."""
    model = copy.deepcopy(model)
    whole = outputs(model, example)
    cuts = CutPlan.from_json(plan(coupling, keep).to_json())
    with masked(model, cuts):
        expected = outputs(model, example)
    report = cut(model, cuts)
    assert_close(outputs(model, example), expected)
    if any(not mask.all() for mask in keep.values()):
        assert report.parameters_after < report.parameters_before
        assert any(not torch.allclose(one, other) for one, other in zip(whole, expected, strict=True))
    return model


@pytest.mark.parametrize("name", CUTTABLE)
def test_the_cut_equals_the_mask(network, name):
    model, example = network(name)
    coupling = channel_groups(model, example)
    for seed, share in enumerate((0.5, 0.8, 0.3, 0.0)):  # the last keeps one unit a group
        check_against_mask(model, example, coupling, random_keep(coupling, seed, share))


@pytest.mark.parametrize(
    ("name", "width", "size"),
    [
        ("vgg16_bn", 0.125, 32),
        ("resnet20", 0.5, 16),
        ("preresnet20", 0.5, 16),
        ("resnet18", 0.125, 32),
        ("resnet50", 0.125, 32),
        ("mobilenet_v2", 0.25, 32),
    ],
)
def test_the_cut_equals_the_mask_on_reference_networks(name, width, size):
    spec = ModelSpec(name=name, width=width, image_size=size if name not in ("vgg16_bn",) else None)
    model, example = build(spec).eval(), example_input(spec, batch=2)
    from_conftest(model)
    coupling = channel_groups(model, example)
    for seed, share in enumerate((0.5, 0.2)):
        check_against_mask(model, example, coupling, random_keep(coupling, seed, share))


def from_conftest(model):
    """BatchNorms of both signs with statistics of their own, so that a mask is not trivially right."""
    generator = torch.Generator().manual_seed(0)
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            with torch.no_grad():
                module.weight.normal_(0.5, 0.8, generator=generator)
                module.bias.normal_(0.5, 0.5, generator=generator)
                module.running_mean.normal_(0, 0.3, generator=generator)
                module.running_var.uniform_(0.5, 2.0, generator=generator)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data(), name=st.sampled_from(["densenet", "resnext", "unet", "glu", "shuffle"]))
def test_any_mask_cuts_exactly(network, data, name):
    model, example = network(name)
    coupling = (
        _COUPLINGS.setdefault(name, channel_groups(model, example)) if name not in _COUPLINGS else _COUPLINGS[name]
    )
    keep = {
        group.name: np.array(data.draw(st.lists(st.booleans(), min_size=group.units, max_size=group.units).filter(any)))
        for group in coupling.groups
    }
    check_against_mask(model, example, coupling, keep)


_COUPLINGS: dict = {}


def test_the_negative_control_a_wrong_plan_is_caught_and_named(network):
    model, example = network("densenet")
    coupling = channel_groups(model, example)
    right = plan(coupling, random_keep(coupling, 0))
    wrong = _shifted(right, "layers.1.2", ("transition.2", "in"))
    before, state = model.state_dict(), copy.deepcopy(model.state_dict())
    with pytest.raises(CutMismatch, match=r"differs by .*: layers\.1\.2\. Nothing was changed"):
        cut(model, wrong, example=example)
    assert all(torch.equal(before[name], tensor) for name, tensor in state.items())
    assert all(tensor.shape == state[name].shape for name, tensor in model.state_dict().items())
    cut(model, right, example=example)


def _shifted(right, group_name, where):
    """The same plan, but one consumer loses its neighbour's positions."""
    groups = []
    for group in right.groups:
        removed = dict(group.removed)
        if group.name == group_name:
            removed[where] = np.sort((removed[where] - 12 + 1) % 4 + 12)
            assert not np.array_equal(removed[where], group.removed[where])
        groups.append(GroupCut(group.name, group.units, group.removed_units, removed))
    return CutPlan(tuple(groups), right.lengths, right.tensors)


def test_a_plan_that_forgets_a_layer_is_caught(network):
    model, example = network("resnext")
    coupling = channel_groups(model, example)
    right = plan(coupling, {"a.0": np.array([True, False, True, False])})
    group = right.groups[0]
    removed = {where: positions for where, positions in group.removed.items() if where != ("b.0", "in")}
    wrong = CutPlan((GroupCut(group.name, group.units, group.removed_units, removed),), right.lengths, right.tensors)
    with pytest.raises(CutMismatch, match=r"fails with RuntimeError: .* groups already differ: a\.0"):
        cut(model, wrong, example=example)
    assert model.a[0].out_channels == 12


def test_inexact_cuts_need_check_false(network):
    model, example = network("convnext")
    coupling = channel_groups(model, example, allow_inexact=True)
    cuts = plan(coupling, {"stem": np.arange(8) < 5})
    with pytest.raises(CutMismatch, match="stem"):
        cut(model, cuts, example=example)
    report = cut(model, cuts, example=example, check=False)
    assert report.difference is None
    assert model.norm.normalized_shape == (5,)
    assert model.gamma.shape == (5,)
    assert outputs(model, example)[0].shape == (2, 5)


def test_the_report(network):
    model, example = network("resnext")
    coupling = channel_groups(model, example)
    report = cut(model, plan(coupling, {"a.0": np.array([True, False, True, True])}), example=example)
    assert report.widths == {"a.0": (3, 4)}
    # a loses 3 of 12 kernels of 16 weights and 2 norm entries each, b one of 4 inputs of all 12 outputs (3x3 each)
    assert report.parameters_before - report.parameters_after == 3 * (16 * 9 + 2) + 12 * 9
    assert report.difference is not None
    assert report.difference <= 1e-5


def test_numbers_of_the_layers_follow(network):
    model, example = network("multiplier")
    coupling = channel_groups(model, example)
    cut(model, plan(coupling, {"a": np.arange(6) != 2, "b": np.arange(4) > 1}), example=example)
    assert (model.a.out_channels, model.dw.in_channels, model.dw.groups, model.dw.out_channels) == (5, 5, 5, 10)
    assert (model.bn.num_features, model.b.in_channels, model.b.out_channels) == (10, 10, 2)
    assert (model.up.in_channels, model.up.groups, model.up.out_channels, model.fc.in_channels) == (2, 2, 4, 4)
    normed, example = network("group norm")
    cut(normed, plan(channel_groups(normed, example), {"a": np.arange(4) != 1}), example=example)
    assert (normed.n.num_groups, normed.n.num_channels) == (3, 9)


def test_channels_last_dtype_requires_grad_and_hooks_stay(network):
    model, example = network("resnext")
    model = model.to(memory_format=torch.channels_last)
    model.a[0].weight.requires_grad_(False)
    model.b[0].weight.marker = "kept"
    seen = []
    model.c[0].weight.register_hook(lambda gradient: seen.append(gradient.shape))
    coupling = channel_groups(model, example)
    cut(model, plan(coupling, random_keep(coupling, 0)), example=example)
    assert model.stem[0].weight.is_contiguous(memory_format=torch.channels_last)
    assert not model.a[0].weight.requires_grad
    assert model.b[0].weight.marker == "kept"
    assert isinstance(model.b[0].weight, nn.Parameter)
    model(example).sum().backward()
    assert seen == [model.c[0].weight.shape]


def test_half_precision_models_are_checked_in_float32(network):
    model, example = network("resnext")
    model = model.bfloat16()
    coupling = channel_groups(model, example.bfloat16())
    report = cut(model, plan(coupling, random_keep(coupling, 0)), example=example.bfloat16())
    assert report.difference is not None
    assert report.difference < 1e-5
    assert model.stem[0].weight.dtype == torch.bfloat16


def test_a_loss_that_is_still_alive_does_no_harm(network):
    model, example = network("resnext")
    loss = model(example).square().mean()
    loss.backward(retain_graph=True)
    coupling = channel_groups(model, example)
    old = model.stem[0].weight
    cut(model, plan(coupling, random_keep(coupling, 0)))
    assert old.shape == (16, 3, 3, 3)
    loss.backward()  # through the old graph, into the old parameters
    for parameter in model.parameters():
        assert parameter.grad is None or parameter.grad.shape == parameter.shape
    model(example).square().mean().backward()


def test_gradients_are_sliced_with_their_parameters(network):
    model, example = network("densenet")
    model(example).square().mean().backward()
    whole = model.layers[1][2].weight.grad.clone()
    cut(model, plan(channel_groups(model, example), {"stem": np.arange(8) % 2 == 0}), example=example)
    assert torch.equal(model.layers[1][2].weight.grad, whole[:, [0, 2, 4, 6, 8, 9, 10, 11]])


@pytest.mark.parametrize("name", ["resnext", "efficientnet", "shared", "tied convolutions", "unet"])
@pytest.mark.parametrize("kind", ["sgd", "adam"])
def test_one_optimizer_step_after_the_cut_is_that_of_the_masked_network(network, name, kind):
    """In the masked network the removed channels are read by nobody, so what stays gets the very same gradients."""
    model, example = network(name)
    model, example = model.double(), example.double()
    optimizer = _optimizer(model, kind)
    for _ in range(2):
        _step(model, optimizer, example)
    coupling = channel_groups(model, example)
    cuts = plan(coupling, random_keep(coupling, 1))
    twin = copy.deepcopy(model)
    twin_optimizer = _optimizer(twin, kind)
    twin_optimizer.load_state_dict(copy.deepcopy(optimizer.state_dict()))
    with masked(twin, cuts):
        _step(twin, twin_optimizer, example)
    cut(twin, cuts, optimizer=twin_optimizer)
    cut(model, cuts, optimizer=optimizer, example=example)
    _step(model, optimizer, example)
    moved = 0
    for (key, one), other in zip(model.named_parameters(), twin.parameters(), strict=True):
        assert torch.allclose(one, other, rtol=1e-9, atol=1e-11), key
        state, twin_state = optimizer.state[one], twin_optimizer.state[other]
        for entry in state:
            if isinstance(state[entry], torch.Tensor):
                assert torch.allclose(state[entry], twin_state[entry], rtol=1e-9, atol=1e-11)
                moved += state[entry].numel() > 1
    assert moved > 0


def _optimizer(model, kind):
    if kind == "sgd":
        return torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9, weight_decay=1e-2)
    return torch.optim.Adam(model.parameters(), lr=1e-2, amsgrad=True)


def _step(model, optimizer, example):
    optimizer.zero_grad()
    sum(output.square().mean() for output in tensors_of(call(model, example))).backward()
    optimizer.step()


def test_a_plan_needs_no_tracing_and_fits_any_dense_model(network, monkeypatch):
    model, example = network("resnext")
    coupling = channel_groups(model, example)
    cuts = plan(coupling, random_keep(coupling, 3))
    fresh, _ = network("resnext")
    monkeypatch.setattr("torch_pruning.DependencyGraph", None)
    cut(model, cuts)
    cut(fresh, CutPlan.from_json(cuts.to_json()))
    assert [p.shape for p in fresh.parameters()] == [p.shape for p in model.parameters()]
    assert torch.equal(fresh(example), model(example))


def test_a_plan_is_applied_once_and_to_its_architecture(network):
    model, example = network("resnext")
    coupling = channel_groups(model, example)
    cuts = plan(coupling, random_keep(coupling, 3))
    cut(model, cuts)
    with pytest.raises(CheckpointMismatch, match=r"stem\.0\.weight: the cut plan is for 16x3x3x3, this model has"):
        cut(model, cuts)
    with pytest.raises(CheckpointMismatch, match=r"stem\.0\.weight: .* this model has no such tensor"):
        cut(network("densenet")[0], cuts)


@pytest.mark.parametrize(
    ("mask", "message"),
    [
        (np.zeros(4, bool), r"a\.0: the mask keeps none of its 4 units"),
        (np.ones(5, bool), r"a\.0: the mask must be boolean of shape \(4,\)"),
        (np.ones(4, int), r"it is int64 of shape \(4,\)"),
    ],
)
def test_masks_are_checked(network, mask, message):
    with pytest.raises(GraphError, match=message):
        plan(channel_groups(*network("resnext")), {"a.0": mask})


def test_wrappers_are_refused(network):
    model, example = network("resnext")
    cuts = plan(channel_groups(model, example), {"a.0": np.arange(4) > 0})
    with pytest.raises(GraphError, match=r"wrapped in DataParallel, .*cut model.module on every rank before wrapping"):
        cut(nn.DataParallel(model), cuts)
    with pytest.raises(GraphError, match=r"the model is wrapped in OptimizedModule"):
        cut(torch.compile(model), cuts)  # type: ignore[arg-type]
    holder = nn.Module()
    holder.inner = nn.DataParallel(model)
    with pytest.raises(GraphError, match=r"inner is wrapped in DataParallel"):
        cut(holder, cuts)
    assert model.a[0].out_channels == 12


@pytest.mark.usefixtures("process_group")
def test_a_live_ddp_wrapper_is_refused(network):
    model, example = network("resnext")
    cuts = plan(channel_groups(model, example), {"a.0": np.arange(4) > 0})
    wrapped = nn.parallel.DistributedDataParallel(model)
    with pytest.raises(GraphError, match=r"the model is wrapped in DistributedDataParallel, .*cut model\.module"):
        cut(wrapped, cuts)
    with pytest.raises(GraphError, match="DistributedDataParallel"):
        channel_groups(wrapped, example)
    cut(wrapped.module, cuts, example=example)


def test_lbfgs_and_foreign_optimizers_are_refused_before_anything_is_touched(network):
    model, example = network("resnext")
    cuts = plan(channel_groups(model, example), {"a.0": np.arange(4) > 0})
    with pytest.raises(GraphError, match="LBFGS keeps flat vectors"):
        cut(model, cuts, optimizer=torch.optim.LBFGS(model.parameters()))
    with pytest.raises(GraphError, match="optimizer is a str"):
        cut(model, cuts, optimizer="sgd")
    assert model.a[0].out_channels == 12


def test_parametrized_layers_are_refused_by_name(network):
    model, example = network("resnext")
    cuts = plan(channel_groups(model, example), {"a.0": np.arange(4) > 0})
    nn.utils.spectral_norm(model.a[0])
    with pytest.raises((GraphError, CheckpointMismatch), match=r"a\.0"):
        cut(model, cuts)
    model, _ = network("resnext")
    nn.utils.parametrizations.weight_norm(model.b[0])
    with pytest.raises((GraphError, CheckpointMismatch), match=r"b\.0"):
        cut(model, cuts)
    assert model.a[0].out_channels == 12


def test_a_mismatch_leaves_the_optimizer_as_it_was(network):
    model, example = network("densenet")
    optimizer = torch.optim.Adam(model.parameters())
    _step(model, optimizer, example)
    coupling = channel_groups(model, example)
    wrong = _shifted(plan(coupling, random_keep(coupling, 0)), "layers.1.2", ("transition.2", "in"))
    state = copy.deepcopy(optimizer.state_dict())
    held = list(model.parameters())
    with pytest.raises(CutMismatch):
        cut(model, wrong, optimizer=optimizer, example=example)
    assert all(one is other for one, other in zip(held, model.parameters(), strict=True))
    assert all(one is other for one, other in zip(held, optimizer.param_groups[0]["params"], strict=True))
    found = optimizer.state_dict()["state"]
    assert all(torch.equal(state["state"][key][entry], found[key][entry]) for key in found for entry in found[key])

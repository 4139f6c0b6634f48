"""With streams kept whole, too, the cut network computes what the masked one does and trains on as it would."""

import copy
import importlib.util

import numpy as np
import pytest
import torch
from torch import nn

from netchip.errors import CheckpointMismatch
from netchip.graph.coupling import channel_groups
from netchip.graph.cut_plan import CutPlan
from netchip.graph.saved import load, save
from netchip.graph.selection import INDEX
from netchip.graph.streams import keep_streams
from netchip.graph.surgery import cut, masked, plan
from netchip.graph.to_workload import to_workload
from netchip.models.spec import ModelSpec

SMALL = (
    ("preresnet20", 0.5, 16),
    ("preresnet101", 0.25, 16),
    ("resnet18", 0.125, 32),
    ("resnet50", 0.125, 32),
    ("mobilenet_v2", 0.25, 32),
)


def kept_whole(model, example):
    return keep_streams(model, example, channel_groups(model, example))


def random_plan(coupling, seed=0, share=0.5):
    random = np.random.default_rng(seed)
    keep = {group.name: random.random(group.units) < share for group in coupling.groups}
    for mask in keep.values():
        mask[random.integers(mask.size)] = True
    return CutPlan.from_json(plan(coupling, keep).to_json())


def check_against_mask(model, example, cuts):
    """Without `cut`'s own check; then with it, on a copy."""
    whole = copy.deepcopy(model)
    with torch.no_grad():
        dense = model(example)
        with masked(model, cuts):
            expected = model(example)
        cut(model, cuts)
        found = model(example)
    largest = float(expected.abs().max())
    assert float((found - expected).abs().max()) <= 1e-5 * largest
    assert float((dense - expected).abs().max()) > 1e-3 * largest
    assert cut(whole, cuts, example=example).difference <= 1e-5


@pytest.mark.parametrize(("name", "width", "size"), SMALL)
def test_the_cut_equals_the_mask(reference, name, width, size):
    model, example = reference(name, width, size)
    coupling = kept_whole(model, example)
    for seed, share in enumerate((0.5, 0.2)):
        check_against_mask(copy.deepcopy(model), example, random_plan(coupling, seed, share))


@pytest.mark.parametrize("name", ["densenet", "resnext", "efficientnet", "shared"])
def test_the_cut_equals_the_mask_on_small_networks(network, name):
    model, example = network(name)
    coupling = kept_whole(model, example)
    for seed, share in enumerate((0.5, 0.8, 0.0)):  # the last keeps one unit a group
        check_against_mask(copy.deepcopy(model), example, random_plan(coupling, seed, share))


@pytest.mark.skipif(importlib.util.find_spec("timm") is None, reason="the extra 'vision' is not installed")
def test_the_cut_equals_the_mask_on_timm_s_densenet(reference):
    model, example = reference("timm:densenet121", 1.0, 32)
    check_against_mask(model, example, random_plan(kept_whole(model, example)))


@pytest.mark.parametrize("kind", ["sgd", "adam"])
@pytest.mark.parametrize("name", ["preresnet20", "resnet18", "mobilenet_v2"])
def test_one_optimizer_step_after_the_cut_is_that_of_the_masked_network(reference, name, kind):
    """In training mode, running statistics included. Dropout is off: over other widths it draws other numbers."""
    model, example = reference(name)
    model, example = model.double().train(), example.double()
    for dropout in (module for module in model.modules() if isinstance(module, nn.Dropout)):
        dropout.p = 0.0
    optimizer = _optimizer(model, kind)
    for _ in range(2):
        _step(model, optimizer, example)
    cuts = random_plan(kept_whole(model, example), seed=1)
    twin = copy.deepcopy(model)
    twin_optimizer = _optimizer(twin, kind)
    twin_optimizer.load_state_dict(copy.deepcopy(optimizer.state_dict()))
    with masked(twin, cuts):
        _step(twin, twin_optimizer, example)
    cut(twin, cuts, optimizer=twin_optimizer)
    cut(model, cuts, optimizer=optimizer, example=example)
    _step(model, optimizer, example)
    for (key, one), other in zip(model.named_parameters(), twin.parameters(), strict=True):
        assert torch.allclose(one, other, rtol=1e-7, atol=1e-9), key
        state, twin_state = optimizer.state[one], twin_optimizer.state[other]
        moments = [entry for entry in state if isinstance(state[entry], torch.Tensor) and state[entry].dim() > 0]
        assert moments
        assert all(torch.allclose(state[entry], twin_state[entry], rtol=1e-7, atol=1e-9) for entry in moments)
    assert all(torch.allclose(one, other) for one, other in zip(model.buffers(), twin.buffers(), strict=True))


def _optimizer(model, kind):
    if kind == "sgd":
        return torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9, weight_decay=1e-2)
    return torch.optim.Adam(model.parameters(), lr=1e-2, amsgrad=True)


def _step(model, optimizer, example):
    optimizer.zero_grad()
    model(example).square().mean().backward()
    optimizer.step()


def test_only_what_reads_becomes_narrow(reference):
    model, example = reference("preresnet20")
    cuts = random_plan(kept_whole(model, example))
    shapes = {name: tuple(tensor.shape) for name, tensor in model.named_parameters()}
    report = cut(model, cuts, example=example)
    block, kept = model.layer2[1], report.widths["layer2.1.conv1#2"][0]
    inner = report.widths["layer2.1.conv1"][0]
    assert tuple(block.conv1.weight.shape) == (inner, kept, 1, 1)
    assert block.conv1.in_channels == len(block.conv1.get_buffer(INDEX)) == kept < 32
    streams = ["conv1", "layer2.0.downsample", "layer2.0.conv3", "layer2.1.bn1", "layer2.1.conv3", "bn"]
    for name in streams:
        layer = model.get_submodule(name)
        whole = shapes[f"{name}.weight"]
        assert layer.weight.shape[0] == whole[0]
    assert not hasattr(model.layer2[1].conv2, INDEX)


def test_what_a_real_cut_takes_does_not_arrive(network):
    """The transition loses the last layer's channels, and of the others it selects: counted among what arrives."""
    model, example = network("densenet")
    coupling = kept_whole(model, example)
    keep = {
        "layers.2.2": np.array([False, True, True, False]),  # 16 and 19 of the transition are cut
        "transition.2#2": np.array([True, False] * 4),  # the stem's 1, 3, 5, 7 still arrive
        "layers.1.2": np.ones(8, bool),
    }
    cut(model, plan(coupling, keep), example=example)
    transition = model.transition[2]
    assert transition.get_buffer(INDEX).tolist() == [0, 2, 4, 6, *range(8, 18)]
    assert transition.in_channels == 14
    assert model.transition[0].num_features == 18
    assert not hasattr(model.layers[1][2], INDEX)  # nothing is deselected there


def test_a_workload_counts_what_is_read_under_the_same_names(reference):
    model, example = reference("preresnet20")
    dense = to_workload(model, example)
    coupling = kept_whole(model, example)
    keep = {group.name: np.arange(group.units) < group.units // 4 for group in coupling.groups if group.selects}
    cut(model, plan(coupling, keep), example=example)
    small = to_workload(model, example, strict=True)
    assert [layer.name for layer in small.layers] == [layer.name for layer in dense.layers]
    assert set(small.edges) == set(dense.edges)
    readers = {coupling.group(name).members[-1].module for name in keep}
    for before, after in zip(dense.layers, small.layers, strict=True):
        assert after.shape.macs * (4 if after.name in readers else 1) == before.shape.macs


# Again -----------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("allow_inexact", [False, True])
def test_a_network_that_selects_is_cut_again_inside_its_blocks(reference, allow_inexact):
    model, example = reference("preresnet20")
    first = random_plan(kept_whole(model, example))
    cut(model, first, example=example)
    coupling = channel_groups(model, example, allow_inexact=allow_inexact)
    names = {f"layer{stage}.{block}.conv{at}" for stage in (1, 2, 3) for block in (0, 1) for at in (1, 2)}
    assert {group.name for group in coupling.groups} == {
        name for name in names if model.get_submodule(name).out_channels > 1
    }
    reasons = {left.name: left.reason for left in coupling.left_alone}
    assert "are picked by number by `IndexSelect`, and a cut does not number them anew" in reasons["conv1"]
    assert keep_streams(model, example, coupling).groups == coupling.groups
    check_against_mask(model, example, random_plan(coupling))


def test_a_plan_of_the_dense_network_does_not_fit_one_that_selects(reference):
    model, example = reference("preresnet20")
    coupling = channel_groups(model, example)
    cut(model, random_plan(keep_streams(model, example, coupling)))
    with pytest.raises(
        CheckpointMismatch, match=r"weight: the cut plan is for .* a plan is applied once, to the dense"
    ):
        cut(model, plan(coupling, {"layer1.0.conv3": np.arange(16) < 8}))


def test_a_saved_network_selects_again(reference, tmp_path):
    spec = ModelSpec(name="preresnet20", width=0.25, image_size=16)
    model, example = reference("preresnet20")
    cuts = random_plan(kept_whole(model, example))
    cut(model, cuts)
    save(tmp_path, model, source=spec.model_dump(mode="json"), plans=(cuts,))
    back = load(tmp_path)
    assert torch.equal(back(example), model(example))
    assert torch.equal(back.fc.get_buffer(INDEX), model.fc.get_buffer(INDEX))

"""The runner: what runs is what was decided, for each sample the same alone or in any batch."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from netchip.errors import ConfigError, DivergedError

pytest.importorskip("onnxruntime")

from netchip.methods.fractional_skipping.execution.onnx_runner import OnnxRunner, _groups
from netchip.methods.fractional_skipping.execution.spent import Spent


@pytest.fixture(scope="module")
def runner(exported: Any) -> OnnxRunner:
    return OnnxRunner(exported.pieces)


@torch.no_grad()
def test_forced_routes_equal_the_network(exported: Any, runner: OnnxRunner) -> None:
    generator = torch.Generator().manual_seed(5)
    routes = torch.randint(0, 2, (9, 5), generator=generator) * 3  # skip or full, for these are exact
    found = runner(exported.images, routes.numpy())
    assert found.outputs == pytest.approx(exported.network(exported.images, routes=routes).numpy(), abs=1e-4)
    assert np.array_equal(found.routes, routes)
    assert runner(exported.images, [3, 0, 3, 0, 3]).routes.tolist() == [[3, 0, 3, 0, 3]] * 9


@torch.no_grad()
def test_decides_as_the_network_on_what_enters_the_first_block(exported: Any, runner: OnnxRunner) -> None:
    found = runner(exported.images)
    wanted = exported.network(exported.images, detail=True)
    assert found.routes[:, 0].tolist() == wanted.routes[:, 0].tolist()
    assert len(np.unique(found.routes)) == 4
    assert (found.routes == wanted.routes.numpy()).mean() > 0.7  # integers round results that the network does not


def test_alone_or_in_any_batch(exported: Any, runner: OnnxRunner) -> None:
    images = exported.images.numpy()
    together = runner(images)
    order = np.random.default_rng(0).permutation(9)
    shuffled = runner(images[order])
    assert np.array_equal(shuffled.routes, together.routes[order])
    assert shuffled.outputs == pytest.approx(together.outputs[order], abs=1e-5)
    for place in range(9):
        branching = runner(images[place : place + 1])
        grouped = runner(images[place : place + 1], spent=Spent())
        for alone, tolerance in (
            (branching, 0.02),
            (grouped, 1e-5),
        ):  # levels of few bits may flip in the branching model
            assert np.array_equal(alone.routes[0], together.routes[place])
            assert alone.outputs[0] == pytest.approx(together.outputs[place], abs=tolerance)


def test_time_is_told_apart(exported: Any, runner: OnnxRunner) -> None:
    spent = Spent()
    runner(exported.images, spent=spent)
    assert spent.deciding_s > 0
    assert spent.moving_s > 0
    assert spent.computing_s > 0
    assert spent.routing_s == spent.deciding_s + spent.moving_s


def test_the_images_are_left_alone(exported: Any, runner: OnnxRunner) -> None:
    images = exported.images.numpy().copy()
    runner(images)
    assert np.array_equal(images, exported.images.numpy())


def test_small_groups_run_under_the_next_higher_option(exported: Any) -> None:
    found = OnnxRunner(exported.pieces, min_group=9)(exported.images)
    assert all(len(np.unique(column)) == 1 for column in found.routes.T)


@given(st.lists(st.integers(0, 4), min_size=1, max_size=20), st.integers(1, 8))
def test_groups_hold_every_sample_once(options: list[int], least: int) -> None:
    chosen, before = np.array(options), np.array(options)
    groups = _groups(chosen, least)
    members = np.concatenate([each for _, each in groups])
    assert sorted(members) == list(range(len(options)))
    assert [option for option, _ in groups] == sorted({option for option, _ in groups})
    for option, each in groups:
        assert (chosen[each] == option).all()
    if len(groups) > 1:
        assert all(len(each) >= least for _, each in groups[:-1])
    kept = chosen == before
    assert (chosen[~kept] >= before[~kept]).all() or len(groups[-1][1]) < least or least > 1


def test_what_is_refused(exported: Any, runner: OnnxRunner) -> None:
    with pytest.raises(
        ConfigError, match=r"images of shape \(9, 3, 8, 8\): this network was exported for \('B', 3, 12, 12\)"
    ):
        runner(exported.images[:, :, :8, :8])
    with pytest.raises(
        ConfigError, match=r"routes of shape \(1, 4\): give option indices from 0 to 3, \[9, 5\] or \[5\]"
    ):
        runner(exported.images, [3] * 4)
    bias = exported.pieces.bias.copy()
    bias[1, 0] = -np.inf
    closed = OnnxRunner(replace(exported.pieces, bias=bias), branching=False)
    with pytest.raises(ConfigError, match=r"block 'layer2\.0' cannot take an option of these routes"):
        closed(exported.images, [3, 0, 3, 3, 3])
    with pytest.raises(DivergedError, match=r"the gate of block 'layer1\.1' gave NaN"):
        runner(torch.full_like(exported.images, torch.nan))

"""The continuous engine reaches exact optima, stops and goes on, and refuses what has no gradient."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from netchip.errors import RequestError
from netchip.hardware.fpga.assignment import by_map_size
from netchip.hardware.fpga.board import load_board
from netchip.hardware.fpga.layer_table import LayerTable
from netchip.hardware.fpga.predictor import FpgaPredictor
from netchip.hardware.fpga.problem import PipelineProblem
from netchip.hardware.search.exact import solve
from netchip.hardware.search.searching import SearchRun, search
from netchip.methods.dna.continuous import Continuous, _loss
from netchip.methods.dna.legacy.network import example_layers
from netchip.methods.dna.legacy.predictor import LIMITS, LegacyPredictor
from netchip.methods.dna.legacy.space import released_spaces

BOARD = load_board("zc706")


def problem(**limits: float) -> PipelineProblem:
    table = LayerTable.of(example_layers())
    wanted = {name: BOARD.limits[name] for name in ("dsp", "bram18", "lut", "ff")} | limits
    bandwidth = BOARD.bandwidth_bits_per_cycle
    return PipelineProblem(table, released_spaces(), by_map_size(table), FpgaPredictor(BOARD), wanted, bandwidth)


def test_it_reaches_the_optimum() -> None:
    own = problem()
    found = search(own, Continuous(own), calls=2000, seed=0).require()
    assert found.cost <= 1.01 * solve(own).cost
    assert float(own.score(found.picks[:, None]).cost[0]) == found.cost


def test_it_keeps_limits_that_bind() -> None:
    own = problem(dsp=40)
    best = solve(own)
    assert best.cost > solve(problem()).cost
    found = search(own, Continuous(own), calls=3000, seed=0).require()
    assert found.usage["dsp"] <= 40
    assert found.cost <= 1.1 * best.cost


def test_it_reaches_the_released_optimum() -> None:
    own = replace(problem(), predictor=LegacyPredictor(), limits=LIMITS, bandwidth_bits_per_cycle=float("inf"))
    found = search(own, Continuous(own), calls=2000, seed=1).require()
    assert round(200e6 / found.cost, 2) == 126.15


def test_the_loss_at_options_is_the_exact_cost() -> None:
    own = problem()
    engine = Continuous(own, sharpness=1e5)
    picks = own.choices.drawn(np.random.default_rng(0), 40)
    scores = own.score(picks)
    values = own.choices.values(picks)
    logs = torch.tensor(np.stack([np.log(np.maximum(values[choice.name], 1)) for choice in own.choices.each]))
    sloped = np.array([not choice.name.endswith("engine") for choice in own.choices.each])
    loss = _loss(engine, logs, picks, sloped).numpy()
    np.testing.assert_allclose(loss[scores.feasible], np.log(scores.cost[scores.feasible]), rtol=2e-3)


def test_a_search_stopped_goes_on_as_if_it_had_not() -> None:
    own = problem()
    engine = Continuous(own, starts=8, patience=3)
    whole = search(own, engine, calls=96, seed=2)
    first, second = (SearchRun(own, engine, calls=96, seed=seed) for seed in (2, 5))
    for _ in range(6):
        first.step()
    second.load_state_dict(json.loads(json.dumps(first.state_dict())))
    while not second.done:
        second.step()
    assert second.best.trace == whole.trace
    assert second.best.picks.tolist() == whole.picks.tolist()


def test_what_has_no_gradient_is_refused() -> None:
    own = problem()
    with pytest.raises(RequestError, match="made for another problem"):
        search(problem(), Continuous(own), calls=10)
    free = replace(own, assignment=None)
    with pytest.raises(RequestError, match="a gradient needs assigned layers and a predictor with xp"):
        search(free, Continuous(free), calls=10)

"""Measured latency: measured once a device, kept whole, and nobody else's random numbers."""

from pathlib import Path

import pytest
import torch

from netchip.errors import BudgetError
from netchip.files import read_json, write_json
from netchip.methods.autogan_distiller.costing import latency
from netchip.methods.autogan_distiller.costing.choosing import Target, best_measured
from netchip.methods.autogan_distiller.costing.exact import reach
from netchip.methods.autogan_distiller.costing.latency import MeasuredLatency
from netchip.methods.autogan_distiller.costing.measures import Priced
from netchip.methods.autogan_distiller.costing.stages import Scores
from netchip.methods.autogan_distiller.costing.table import cost_table
from netchip.methods.autogan_distiller.space.operators import conv, identity, residual
from netchip.methods.autogan_distiller.space.space import Layer, Space

SPACE = Space("s", (Layer("a", (conv(1), residual(), identity()), (4, 8)), Layer("out", conv(3), 3)))
ITEMS = [Priced(conv(3), 4, 64, (64, 64)), Priced(conv(3), 4, 4, (8, 8)), Priced(identity(), 4, 4, (8, 8))]


def refuse(*_: object, **__: object) -> None:
    raise AssertionError("measured again")


def test_every_operator_is_measured_once_for_this_device(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[tuple[int, int]] = []
    measure = MeasuredLatency(repeats=5, folder=tmp_path, progress=lambda done, of: told.append((done, of)))
    state = torch.random.get_rng_state()
    large, small, none = measure.prices(ITEMS)
    assert large > small > none == 0.0
    assert torch.equal(torch.random.get_rng_state(), state)
    assert told == [(1, 2), (2, 2)]
    monkeypatch.setattr(latency, "measure_latency", refuse)
    assert measure.prices(ITEMS) == [large, small, none]
    with pytest.raises(AssertionError, match="measured again"):
        measure.prices([Priced(conv(3), 4, 64, (64, 65))])
    with pytest.raises(AssertionError, match="measured again"):
        MeasuredLatency(repeats=6, folder=tmp_path).prices(ITEMS)


def test_a_damaged_table_is_measured_again(tmp_path: Path) -> None:
    measure = MeasuredLatency(repeats=1, folder=tmp_path)
    write_json(measure.file, {"seconds": 3})
    assert measure.prices(ITEMS[1:2])[0] > 0
    assert len(read_json(measure.file)["seconds"]) == 1


def test_the_whole_network_keeps_to_the_budget(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    measure = MeasuredLatency(repeats=3, folder=tmp_path)
    table = cost_table(SPACE, measure, (16, 16))
    smallest, largest = (each.cost for each in reach(table))
    example = torch.zeros(1, 3, 16, 16)
    prefers_large = Scores(
        {each.layer: each.costs.reshape(len(each.costs), -1).mean(1) * 1e6 for each in table.layers}, {}
    )
    monkeypatch.setattr(MeasuredLatency, "of_model", lambda _, model, __: 1.5 * table.of(model.architecture))
    budget = 0.75 * largest + 1.5 * 0.25 * smallest
    found = best_measured(Target(table, budget, None), prefers_large, example)
    assert found.cost == pytest.approx(1.5 * table.of(found.architecture))
    assert found.cost <= budget
    monkeypatch.setattr(MeasuredLatency, "of_model", lambda *_: 100.0)
    with pytest.raises(BudgetError, match=r"no network of space 's'|the whole network still took"):
        best_measured(Target(table, budget, None), prefers_large, example)


def test_a_model_is_measured_now() -> None:
    measure = MeasuredLatency(repeats=2)
    assert measure.of_model(SPACE.derive(SPACE.architecture({}, {})), torch.zeros(1, 3, 8, 8)) > 0
    assert measure.written(0.0035) == "3.50 ms"

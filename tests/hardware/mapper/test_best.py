"""The best mapping of a layer: by objective, with its numbers, from the cache; refusals say what is too small."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from netchip.errors import NetchipWarning, RequestError
from netchip.hardware.accelerator import Accelerator
from netchip.hardware.budget import Budget
from netchip.hardware.chips import load_chip
from netchip.hardware.mapper import best
from netchip.hardware.mapper.best import best_mapping
from netchip.hardware.mapper.constraints import Constraints
from netchip.hardware.mapper.front import Front
from netchip.hardware.mapper.mappers import EvolutionaryMapper, RandomMapper, Score
from netchip.hardware.mapper.problem import Problem
from netchip.workload.encoding import Precision
from netchip.workload.layer import Layer
from netchip.workload.shape import LayerShape

FEW = RandomMapper(samples=300)


class Counting:
    """Remembers its searches."""

    def __init__(self) -> None:
        self.searches: list[str] = []

    def search(self, problem: Problem, score: Score) -> Front:
        self.searches.append(problem.layer.name)
        return FEW.search(problem, score)

    def settings(self) -> dict[str, Any]:
        return FEW.settings()


def test_each_objective_is_best_at_its_own(tiny: Accelerator, conv: Layer) -> None:
    energy, latency, product = (
        best_mapping(conv, tiny, objective=each, mapper=FEW) for each in ("energy", "latency", "edp")
    )
    assert energy.energy_pj <= min(latency.energy_pj, product.energy_pj)
    assert latency.latency_s <= min(energy.latency_s, product.latency_s)
    assert product.edp_pj_s <= min(energy.edp_pj_s, latency.edp_pj_s)
    assert energy.latency_s > latency.latency_s
    assert energy.tried == 300
    assert 0 < energy.legal <= 300


def test_a_budget_takes_the_best_product_that_meets_it(tiny: Accelerator, conv: Layer) -> None:
    least, fastest = (best_mapping(conv, tiny, objective=each, mapper=FEW) for each in ("energy", "latency"))
    most = (least.latency_s + fastest.latency_s) / 2
    found = best_mapping(conv, tiny, objective=Budget(latency_s=most), mapper=FEW)
    assert found.latency_s <= most < least.latency_s


def test_a_layer_that_runs_for_half_of_the_inputs_costs_half(tiny: Accelerator, conv: Layer) -> None:
    always, half = (best_mapping(each, tiny, mapper=FEW) for each in (conv, replace(conv, execution_rate=0.5)))
    assert half.mapping == always.mapping
    assert half.energy_pj == pytest.approx(always.energy_pj / 2)
    assert half.latency_s == pytest.approx(always.latency_s / 2)


def test_what_was_searched_is_not_searched_again(tiny: Accelerator, conv: Layer, cache: Path) -> None:
    mapper = Counting()
    first = best_mapping(conv, tiny, mapper=mapper)
    again = best_mapping(replace(conv, name="other", execution_rate=1.0), tiny, mapper=mapper)
    assert (again.mapping, again.energy_pj, again.tried) == (first.mapping, first.energy_pj, first.tried)
    assert mapper.searches == ["conv"]
    assert len(list(cache.rglob("*.json"))) == 1
    wider = replace(conv, precision=Precision(weight_bits=4))
    for changed in ({"objective": "energy"}, {"constraints": Constraints(stationary="O")}, {"layer": wider}):
        best_mapping(**{"layer": conv, "accelerator": tiny, "mapper": mapper} | changed)
    assert len(mapper.searches) == 4
    best_mapping(conv, tiny, mapper=mapper, cached=False)
    assert len(mapper.searches) == 5


@pytest.mark.parametrize("damage", ["", "{", "[]", '{"sum": 0, "content": {}}', "changed"])
def test_a_damaged_cache_is_searched_and_written_anew(tiny: Accelerator, conv: Layer, cache: Path, damage: str) -> None:
    mapper = Counting()
    first = best_mapping(conv, tiny, mapper=mapper)
    (file,) = cache.rglob("*.json")
    whole = file.read_text()
    if damage == "changed":
        data = json.loads(whole)
        data["content"]["front"][0][0] /= 2
        damage = json.dumps(data)
    file.write_text(damage)
    assert best_mapping(conv, tiny, mapper=mapper).mapping == first.mapping
    assert len(mapper.searches) == 2
    assert file.read_text() == whole


def test_a_cache_that_cannot_be_written_is_a_warning(
    tiny: Accelerator, conv: Layer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("NETCHIP_CACHE", str(tmp_path / "file"))
    with pytest.warns(NetchipWarning, match="mappings found are not cached"):
        assert best_mapping(conv, tiny, mapper=FEW).energy_pj > 0


def test_a_memory_below_one_element_is_named(tiny_data: dict[str, Any], conv: Layer) -> None:
    tiny_data["memories"][0]["bits"] = 4
    with pytest.raises(RequestError, match=r"conv: 'reg_w' holds 4 bits, less than one weight of 8 bits"):
        best_mapping(conv, Accelerator.parse(tiny_data, source="tiny"))


def test_a_memory_too_small_for_all_operands_is_named(tiny_data: dict[str, Any], conv: Layer) -> None:
    tiny_data["memories"][2]["bits"] = 40
    chip = Accelerator.parse(tiny_data, source="tiny")
    message = "conv: no mapping fits tiny, not even one loop at a time: buffer holds 40 bits, but tiles of weights 8"
    with pytest.raises(RequestError, match=message):
        best_mapping(conv, chip)


def test_an_unknown_objective_is_refused(tiny: Accelerator, conv: Layer) -> None:
    with pytest.raises(RequestError, match="no objective is called 'speed'; give energy, latency, edp or a Budget"):
        best_mapping(conv, tiny, objective="speed")


def test_a_layer_with_one_step_is_mapped(tiny: Accelerator) -> None:
    one = Layer("one", LayerShape.linear(in_features=1, out_features=1))
    for mapper in (FEW, EvolutionaryMapper(samples=300)):
        assert best.best_mapping(one, tiny, mapper=mapper).cost.compute_cycles == 1


def test_what_searches_by_default_beats_as_many_random_mappings() -> None:
    shape = LayerShape.conv(in_channels=128, out_channels=128, in_size=(28, 28), kernel=(3, 3), padding=(1, 1))
    layer, chip = Layer("conv", shape), load_chip("edge-npu")
    found = best_mapping(layer, chip, cached=False)
    drawn = best_mapping(layer, chip, cached=False, mapper=RandomMapper(samples=found.tried))
    assert found.edp_pj_s < 0.95 * drawn.edp_pj_s

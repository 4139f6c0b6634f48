"""The files netchip writes run in ZigZag; the mapping it finds costs the same here, and those we find cost the same there."""

import importlib.util
import logging
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from netchip.export.zigzag_mapping import zigzag_mapping
from netchip.export.zigzag_workload import zigzag_workload
from netchip.export.zigzag_writing import zigzag_accelerator
from netchip.hardware.accelerator import Accelerator
from netchip.hardware.conventions import DEFAULT, ZIGZAG
from netchip.hardware.cost import evaluate
from netchip.hardware.costs import LayerCost
from netchip.hardware.dimensions import OPERANDS
from netchip.hardware.mapper.constraints import Constraints
from netchip.hardware.mapper.mappers import RandomMapper
from netchip.hardware.mapper.problem import problem_of
from netchip.hardware.mapping import Loop, Mapping
from netchip.hardware.mapping_batch import MappingBatch
from netchip.workload.layer import Layer
from netchip.workload.network import Workload

zigzag = pytest.importorskip("zigzag.api", reason="zigzag-dse is not installed (pip install 'netchip[hw]')")

_UNROLLED: dict[str, dict[str, dict[str, float]]] = {
    "stem": {"D1": {"K": 4}, "D2": {"C": 3}},
    "depthwise": {"D1": {"G": 4}, "D2": {"OX": 3}},
    "shortcut": {"D1": {"K": 10 / 3}, "D2": {"C": 2, "OX": 1.5}},
    "queries": {"D1": {"K": 4}, "D2": {"K": 3}},
    "scores": {"D1": {"K": 3}, "D2": {"C": 4}},
    "values": {"D1": {"OX": 3}},
}


def _spatial(accelerator: Accelerator) -> dict[str, Mapping]:
    names = dict(zip(("D1", "D2"), accelerator.array, strict=True))
    return {
        layer: Mapping.parse({"loops": [], "spatial": {names[name]: row for name, row in rows.items()}})
        for layer, rows in _UNROLLED.items()
    }


@pytest.fixture
def quiet() -> Iterator[None]:
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    yield
    logging.disable(before)


def _found(cme: Any, accelerator: Accelerator, spatial: Mapping) -> Mapping:
    """The mapping of a ZigZag result: the loops it placed, on the unrolling it was given."""
    placed = {str(operand): levels for operand, levels in cme.temporal_mapping.mapping_dic_origin.items()}
    order = [loop for level in placed["W"] for loop in level]
    at: list[dict[str, str]] = [{} for _ in order]
    for operand in OPERANDS:
        chain = [accelerator.memories[index].name for index in accelerator.chain(operand)]
        names = [name for name, level in zip(chain, placed[operand], strict=True) for _ in level]
        assert [loop for level in placed[operand] for loop in level] == order
        for place, name in zip(at, names, strict=True):
            place[operand] = name
    loops = tuple(Loop(dim=str(dim), bound=int(bound), at=place) for (dim, bound), place in zip(order, at, strict=True))
    return spatial.changed(loops=loops)


def _run(
    folder: Path,
    workload: Workload,
    accelerator: Accelerator,
    mappings: dict[str, Mapping],
    *,
    loop_order: bool = False,
) -> list[Any]:
    texts = {
        "workload": zigzag_workload(workload),
        "accelerator": zigzag_accelerator(accelerator),
        "mapping": zigzag_mapping(workload, accelerator, mappings, loop_order=loop_order),
    }
    for name, text in texts.items():
        (folder / f"{name}.yaml").write_text(text)
    *_, results = zigzag.get_hardware_performance_zigzag(
        *(str(folder / f"{name}.yaml") for name in ("workload", "accelerator", "mapping")),
        opt="energy",
        lpf_limit=4,
        dump_folder=str(folder / "dump"),
        loma_show_progress_bar=False,
    )
    return [cme for cme, _ in results[0][1]]


def _ours(layer: Layer, accelerator: Accelerator, mapping: Mapping, conventions: Any = ZIGZAG) -> LayerCost:
    batch = MappingBatch.of([mapping], accelerator)
    return evaluate([layer], accelerator, batch, conventions=conventions, latency="stalls").row(0)


def _renamed(data: dict[str, Any]) -> Accelerator:
    """The same machine in words ZigZag does not have, with results that leave one unit a cycle along its rows."""
    names = {"D1": "columns", "D2": "rows"}
    for memory in data["memories"]:
        memory["serves"] = [names[name] for name in memory.get("serves", ())]
        for index, port in enumerate(memory["ports"]):
            port["name"] = f"port {index}"
    array = {names[name]: size for name, size in data["array"].items()}
    return Accelerator.parse(data | {"array": array, "systolic": ["rows"]}, source="renamed")


@pytest.mark.usefixtures("quiet")
@pytest.mark.parametrize("renamed", [False, True], ids=["zigzags names", "names of its own, systolic"])
def test_zigzags_energy_and_cycles_of_what_it_read_are_ours(
    tmp_path: Path, network: Workload, sayable_data: dict[str, Any], renamed: bool
) -> None:
    accelerator = _renamed(sayable_data) if renamed else Accelerator.parse(sayable_data)
    spatial = _spatial(accelerator)
    results = _run(tmp_path, network, accelerator, spatial)
    assert [cme.layer.name for cme in results] == list(_UNROLLED)
    others = []
    for layer, cme in zip(network.layers, results, strict=True):
        mapping = _found(cme, accelerator, spatial[layer.name])
        cost = _ours(layer, accelerator, mapping)
        assert cost.energy_pj == pytest.approx(cme.energy_total, rel=1e-12)
        assert cost.compute_cycles + cost.stall_cycles == cme.latency_total0
        assert cost.cycles == cme.latency_total2
        assert cost.too_small == ()
        others.append(
            _ours(layer, accelerator, mapping, DEFAULT).energy_pj != pytest.approx(cme.energy_total, rel=1e-6)
        )
    assert any(others), "other conventions give other energies, so the equality above says something"


@pytest.mark.usefixtures("quiet")
def test_zigzag_takes_the_order_it_is_given(tmp_path: Path, network: Workload, sayable: Accelerator) -> None:
    first = _spatial(sayable)
    orders = {
        layer.name: _found(cme, sayable, first[layer.name])
        for layer, cme in zip(network.layers, _run(tmp_path, network, sayable, first), strict=True)
    }
    backwards = {name: mapping.changed(loops=mapping.loops[::-1]) for name, mapping in orders.items()}
    again = _run(tmp_path, network, sayable, backwards, loop_order=True)
    for cme in again:
        found = _found(cme, sayable, first[cme.layer.name])
        assert [(loop.dim, loop.bound) for loop in found.loops] == [
            (loop.dim, loop.bound) for loop in backwards[cme.layer.name].loops
        ]


@pytest.fixture(scope="module")
def costing() -> ModuleType:
    """`zigzag_costing.py`, loaded."""
    spec = importlib.util.spec_from_file_location("zigzag_costing", Path(__file__).parent / "zigzag_costing.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.usefixtures("quiet")
def test_what_we_find_costs_the_same_in_zigzag(
    tmp_path: Path, network: Workload, sayable: Accelerator, costing: ModuleType
) -> None:
    results = _run(tmp_path, network, sayable, _spatial(sayable))
    found = 0
    for layer, cme in zip(network.layers, results, strict=True):
        problem = problem_of(layer, sayable, ZIGZAG, Constraints(spatial=costing.unrolling(cme)))
        front = RandomMapper(samples=2000).search(problem, lambda energy, cycles: np.asarray(energy))
        for energy_pj, mapping in zip(front.energy_pj, front.mappings, strict=True):
            theirs = costing.costed_by_zigzag(cme, sayable, mapping)
            assert theirs.energy_total == pytest.approx(energy_pj, rel=1e-12)
            assert theirs.latency_total2 == _ours(layer, sayable, mapping).cycles
            assert costing.fullest(theirs) <= 1
            found += 1
        assert front.energy_pj[0] <= cme.energy_total * (1 + 1e-12), "at least as good as LOMA"
    assert found > len(results), "fronts of several mappings"

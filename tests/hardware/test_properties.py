"""Whatever chip, layer, mapping and conventions are drawn: costs are numbers of at least 0, refusals say why, files come back."""

import json
import math
import re
from dataclasses import fields
from pathlib import Path
from typing import Any, get_args

import array_api_compat.numpy as xp
import numpy as np
import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from netchip.errors import RequestError
from netchip.hardware.accelerator import Accelerator, Network
from netchip.hardware.budget import Budget
from netchip.hardware.chips import load_chip, to_yaml
from netchip.hardware.conventions import Conventions
from netchip.hardware.cost import evaluate
from netchip.hardware.costs import Costs
from netchip.hardware.dimensions import DIMS, OPERANDS
from netchip.hardware.mapper.best import Found, best_mapping
from netchip.hardware.mapper.constraints import Constraints
from netchip.hardware.mapper.mappers import RandomMapper
from netchip.hardware.mapper.pool import primes_of
from netchip.hardware.mapping import Mapping
from netchip.hardware.mapping_batch import MappingBatch
from netchip.workload.encoding import Precision, StatedWeights
from netchip.workload.layer import Layer
from netchip.workload.network import Workload
from netchip.workload.shape import LayerShape

SOURCE = "drawn for a test"
picojoules = st.one_of(st.just(0.0), st.floats(1e-6, 1e6))
factors = st.integers(1, 4)
widths = st.integers(1, 24)
precisions = st.builds(Precision, weight_bits=widths, input_bits=widths, output_bits=widths, accumulator_bits=widths)
quick = settings(
    deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


def constants(draw: st.DrawFn, *names: str) -> dict[str, Any]:
    return {name: draw(picojoules) for name in names} | {"source": SOURCE}


@st.composite
def ports(draw: st.DrawFn) -> list[dict[str, Any]]:
    """None, one for all moves, one for reads and one for writes, or a port of its own for each move of the outputs."""
    kinds = draw(st.sampled_from([(), ("read_write",), ("read", "write"), ("read", "read", "write")]))
    made = []
    for index, kind in enumerate(kinds):
        bits = draw(st.sampled_from([1, 8, 24, 64]))
        least = draw(st.sampled_from([None, 1, bits]))
        made.append({"name": f"p{index}", "kind": kind, "bits_per_cycle": bits, "least_bits": least})
    return made


@st.composite
def memories(draw: st.DrawFn, array: list[str], least_bits: int) -> list[dict[str, Any]]:
    """From the MACs outward; each serves what those below it serve, and the outermost holds everything."""
    made: list[dict[str, Any]] = []
    serves: list[str] = []
    count = draw(st.integers(1, 4))
    for index in range(count):
        serves = [name for name in array if name in serves or draw(st.booleans())]
        held = draw(st.sets(st.sampled_from(OPERANDS), min_size=1)) if index < count - 1 else set(OPERANDS)
        made.append(
            {
                "name": f"m{index}",
                "bits": draw(st.one_of(st.none(), st.integers(least_bits, 100 * least_bits))),
                "operands": [operand for operand in OPERANDS if operand in held],
                "serves": list(serves),
                "ports": draw(ports()),
                "access_bits": draw(st.sampled_from([None, 1, 7, 64])),
                "word_bits": draw(st.sampled_from([None, 1, 16])),
                "double_buffered": draw(st.booleans()),
                "networks": {operand: draw(st.sampled_from(get_args(Network))) for operand in sorted(held)},
            }
        )
    for memory in made:
        if not memory["ports"]:
            memory["access_bits"] = memory["access_bits"] or 8
    return made


@st.composite
def chips(draw: st.DrawFn, least_bits: int = 64) -> Accelerator:
    """Any chip whose memories hold at least one element of 24 bits, twice, where `least_bits` is 64."""
    array = {f"D{index + 1}": draw(st.integers(1, 5)) for index in range(draw(st.integers(1, 3)))}
    levels = draw(memories(list(array), least_bits))
    data = {
        "name": "drawn",
        "source": SOURCE,
        "frequency_hz": draw(st.floats(1e3, 1e11)),
        "array": array,
        "memories": levels,
        "cycles_per_mac": draw(st.integers(1, 3)),
        "systolic": draw(st.sampled_from([[], list(array)[:1], list(array)])),
        "energy": {
            "mac": constants(draw, "pj"),
            "mac_bits": draw(st.sampled_from([None, (8, 8), (16, 4)])),
            "hop": draw(st.sampled_from([None, {"pj": 0.25, "source": SOURCE}])),
            "memories": {memory["name"]: constants(draw, "read_pj", "write_pj") for memory in levels},
            "actions": {"shift_add": constants(draw, "pj")},
        },
    }
    return Accelerator.parse(data)


@st.composite
def layers(draw: st.DrawFn) -> Layer:
    """Convolutions of every kind, and products of activations."""
    if draw(st.integers(0, 4)) == 0:
        shape = LayerShape.matmul(batch=draw(factors), rows=draw(factors), inner=draw(factors), columns=draw(factors))
    else:
        groups, kernel, dilation = draw(st.sampled_from([1, 1, 2, 3])), draw(st.integers(1, 3)), draw(st.integers(1, 2))
        reach = dilation * (kernel - 1) + 1
        shape = LayerShape.conv(
            batch=draw(factors),
            in_channels=groups * draw(factors),
            out_channels=groups * draw(factors),
            in_size=(draw(st.integers(reach, 7)), draw(st.integers(reach, 7))),
            kernel=(kernel, kernel),
            stride=(draw(st.integers(1, 3)), draw(st.integers(1, 3))),
            dilation=(dilation, dilation),
            groups=groups,
            transposed=draw(st.booleans()),
        )
    weights = draw(st.sampled_from([None, StatedWeights(17), StatedWeights(40, {"shift_add": 5})]))
    rate = draw(st.sampled_from([0.0, 0.3, 1.0, 1.0]))
    more = {} if weights is None or shape.kind == "matmul" else {"weights": weights}
    return Layer("layer", shape, precision=draw(precisions), execution_rate=rate, **more)


def _conventions() -> st.SearchStrategy[Conventions]:
    """Any mixture of what tools count differently."""
    choices = {}
    for name, field in Conventions.model_fields.items():
        if name != "name":
            choices[name] = st.booleans() if field.annotation is bool else st.sampled_from(get_args(field.annotation))
    return st.builds(Conventions, name=st.just("drawn"), **choices)


def mappings_of(layer: Layer, chip: Accelerator, seed: int, count: int = 12) -> MappingBatch:
    """Random mappings: steps unrolled at random, also where units do not divide them, the rest as loops in any order and place."""
    random = np.random.default_rng(seed)
    passes = {dim: layer.shape.loop_bounds[dim] for dim in DIMS}
    spatial = np.ones((len(chip.array), len(DIMS), 1))
    for row, size in enumerate(chip.array.values()):
        place = int(random.integers(len(DIMS)))
        left = passes[DIMS[place]]
        passes[DIMS[place]] = -(-left // int(random.integers(1, size + 1)))
        spatial[row, place] = left / passes[DIMS[place]]
    loops = np.array([(place, prime) for place, dim in enumerate(DIMS) for prime in primes_of(passes[dim])] or [(0, 1)])
    order = np.argsort(random.random((len(loops), count)), axis=0)
    longest = max(len(chip.chain(operand)) for operand in OPERANDS)
    cut = np.sort(random.integers(0, len(loops) + 1, size=(len(OPERANDS), longest, count)), axis=1)
    for row, operand in enumerate(OPERANDS):
        cut[row, len(chip.chain(operand)) - 1 :] = len(loops)
    dim, bound = loops[order, 0], loops[order, 1].astype(np.float64)
    return MappingBatch(dim=dim, bound=bound, cut=cut, spatial=spatial, layer=np.zeros(1, dtype=int))


def numbers_of(costs: Costs) -> dict[str, Any]:
    """Every number that costs hold, by name; the slack of a port, a wait below 0, counts as none."""
    found: dict[str, Any] = {"cycles": costs.cycles}
    for field in fields(costs):
        value = getattr(costs, field.name)
        if isinstance(value, dict):
            found |= {f"{field.name} {key}": each for key, each in value.items()}
        elif not isinstance(value, bool):
            found[field.name] = value
    slack = {name: np.maximum(value, 0.0) for name, value in found.items() if costs.exact_stalls and "waits" in name}
    return found | slack


@quick
@given(layer=layers(), chip=chips(), conventions=_conventions(), seed=st.integers(0, 999))
@pytest.mark.parametrize("latency", ["bound", "stalls"])
def test_costs_are_finite_and_never_negative(
    layer: Layer, chip: Accelerator, conventions: Conventions, seed: int, latency: Any
) -> None:
    costs = evaluate([layer], chip, mappings_of(layer, chip, seed), conventions=conventions, latency=latency, xp=xp)
    for name, value in numbers_of(costs).items():
        assert np.all(np.isfinite(value)), name
        assert np.all(np.asarray(value) >= 0), name
    assert np.all(costs.utilisation <= 1 + 1e-9)
    assert np.all(costs.cycles >= costs.compute_cycles)
    least = chip.energy.mac_pj(layer.precision.weight_bits, layer.precision.input_bits) * layer.macs
    assert np.all(costs.energy_pj >= least * (1 - 1e-9))
    row = costs.row(0)
    assert math.isclose(row.energy_pj, float(np.broadcast_to(costs.energy_pj, 12)[0]), rel_tol=1e-9, abs_tol=1e-9)


def found_or_refusal(layer: Layer, chip: Accelerator, mapper: RandomMapper) -> Found | str:
    try:
        return best_mapping(layer, chip, mapper=mapper, cached=False)
    except RequestError as refusal:
        return str(refusal)


@settings(quick, max_examples=40)
@given(layer=layers(), chip=chips(least_bits=8), seed=st.integers(0, 3))
def test_a_search_finds_what_fits_or_says_which_memory_is_too_small_for_what(
    layer: Layer, chip: Accelerator, seed: int
) -> None:
    found = found_or_refusal(layer, chip, RandomMapper(samples=64, unrollings=4, candidates=16, splits=1, seed=seed))
    if isinstance(found, str):
        named = re.search(r"'?(m\d)'? holds ([\d,]+) bits, (less than one|but tiles of) (weight|input|output)", found)
        assert named is not None, found
        assert chip.memory(named[1]).bits == int(named[2].replace(",", ""))
        assert "\n" not in found
        return
    assert found.cost.too_small == ()
    assert math.isfinite(found.edp_pj_s)
    assert found.edp_pj_s >= 0
    for dim, bound in layer.shape.loop_bounds.items():
        assert math.isclose(found.mapping.factor(dim), bound)


@quick
@given(chip=chips())
def test_a_chip_comes_back_from_json_and_yaml(chip: Accelerator, tmp_path: Path) -> None:
    assert Accelerator.parse(json.loads(json.dumps(chip.model_dump(mode="json")))) == chip
    (tmp_path / "chip.yaml").write_text(to_yaml(chip))
    assert load_chip(tmp_path / "chip.yaml") == chip
    (tmp_path / "chip.json").write_text(json.dumps(chip.model_dump(mode="json")))
    assert load_chip(tmp_path / "chip.json") == chip


@quick
@given(layer=layers(), chip=chips(), conventions=_conventions(), seed=st.integers(0, 99))
def test_all_other_values_come_back_from_json_and_yaml(
    layer: Layer, chip: Accelerator, conventions: Conventions, seed: int
) -> None:
    mapping = mappings_of(layer, chip, seed).row(0, chip)
    assert Mapping.parse_text(str(mapping)) == mapping
    limits = {"energy_pj": 0.1 + seed, "weight_bits": seed + 1}
    values = [
        mapping,
        conventions,
        Budget.parse(limits),
        Constraints(stationary="W", order=("FX", "K"), spatial={"D1": {"K": 2}}, bypass={"I": ("m0",)}),
    ]
    for value in values:
        plain = value.model_dump(mode="json")
        assert type(value).parse(json.loads(json.dumps(plain))) == value
        assert type(value).parse(yaml.safe_load(yaml.safe_dump(plain))) == value
    workload = Workload((layer,))
    assert Workload.from_json(yaml.safe_load(yaml.safe_dump(workload.to_json()))) == workload

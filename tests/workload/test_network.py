"""Totals over layers, the file and back, and files that are none."""

import json
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netchip.errors import DataError, RequestError
from netchip.workload.encoding import DenseWeights, Precision, StatedWeights
from netchip.workload.layer import Layer
from netchip.workload.network import Workload
from netchip.workload.shape import LayerShape

CONV = LayerShape.conv(in_channels=2, out_channels=4, in_size=(6, 6), kernel=(3, 3), padding=(1, 1))
SCORES = LayerShape.matmul(batch=2, rows=3, inner=4, columns=5)


class Halves:
    """An encoding of a method's own: half the bits, one shift for each weight."""

    def stored_bits(self, shape: LayerShape, precision: Precision) -> int:
        return shape.weights * precision.weight_bits // 2

    def rebuild_actions(self, shape: LayerShape) -> dict[str, int]:
        return {"shift": shape.weights}


def two() -> Workload:
    layers = (Layer("conv", CONV), Layer("scores", SCORES, execution_rate=0.5))
    return Workload(layers, (("conv", "scores"),), uncounted=("lstm (aten.lstm)",))


def test_totals_by_hand() -> None:
    """conv: 36 x 72 MACs and 72 weights; scores: 120 MACs for half of the inputs, no weights."""
    workload = two()
    assert workload.macs == 36 * 72 + 60
    assert (workload.weight_count, workload.weight_bits) == (72, 576)
    assert isinstance(Workload((Layer("conv", CONV),)).macs, int)
    assert Workload(()).macs == 0


def test_names_are_unique_and_edges_name_layers() -> None:
    with pytest.raises(RequestError, match="two layers are called 'a'"):
        Workload((Layer("a", CONV), Layer("a", SCORES)))
    with pytest.raises(RequestError, match="edge 'a' -> 'b': no layer is called 'b'"):
        Workload((Layer("a", CONV),), (("a", "b"),))


def test_a_file_and_back(tmp_path: Path) -> None:
    two().save(tmp_path / "workload.json")
    assert Workload.load(tmp_path / "workload.json") == two()
    assert json.loads((tmp_path / "workload.json").read_text())["format"] == 1


sizes = st.integers(1, 5)
precisions = st.builds(Precision, weight_bits=st.integers(1, 16), input_bits=st.integers(1, 16))
encodings = st.sampled_from([DenseWeights(), StatedWeights(9), StatedWeights(3, {"shift_add": 4})])
shapes = st.one_of(
    st.builds(LayerShape.matmul, batch=sizes, rows=sizes, inner=sizes, columns=sizes),
    st.builds(
        LayerShape.conv,
        batch=sizes,
        in_channels=sizes,
        out_channels=sizes,
        in_size=st.tuples(st.integers(3, 6), st.integers(3, 6)),
        kernel=st.tuples(st.integers(1, 3), st.integers(1, 3)),
        stride=st.tuples(sizes, sizes),
        transposed=st.booleans(),
    ),
)
rates = st.floats(0, 1)


@given(st.lists(st.tuples(shapes, precisions, encodings, rates), max_size=4))
def test_json_gives_the_same_workload_back(drawn: list[tuple[LayerShape, Precision, Any, float]]) -> None:
    layers = tuple(
        Layer(f"layer{index}", shape, precision=precision, weights=weights, execution_rate=rate)
        for index, (shape, precision, weights, rate) in enumerate(drawn)
    )
    edges = tuple((a.name, b.name) for a, b in pairwise(layers))
    workload = Workload(layers, edges)
    text = json.dumps(workload.to_json())
    assert Workload.from_json(json.loads(text)) == workload


def test_an_encoding_of_a_methods_own_keeps_its_bits_and_work() -> None:
    layer = Layer("conv", CONV, weights=Halves())
    back = Workload.from_json(Workload((layer,)).to_json())
    assert back.weight_bits == Workload((layer,)).weight_bits == 288
    assert back.layers[0].weights.rebuild_actions(CONV) == {"shift": 72}


def changed(**changes: Any) -> dict[str, Any]:
    return two().to_json() | changes


def with_layer(**changes: Any) -> dict[str, Any]:
    data = two().to_json()
    data["layers"][0] |= changes
    return data


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (changed(format=2), "of format 2; this version of netchip reads format 1"),
        ({}, "of format None"),
        (changed(edges=[["conv", "gone"]]), "no layer is called 'gone'"),
        (changed(edges=[["conv"]]), "not a workload"),
        (changed(layers=3), "not a workload"),
        ({key: value for key, value in two().to_json().items() if key != "uncounted"}, "lacks the key 'uncounted'"),
        (with_layer(precision={"weight_bits": 0}), "layer 'conv': weight_bits = 0"),
        (with_layer(precision={"bits": 8}), "layer 'conv': .*'bits'"),
        (with_layer(weights="sparse"), "layer 'conv'"),
        (with_layer(execution_rate=2), "layer 'conv': conv: execution_rate = 2"),
        (with_layer(execution_rate="often"), "'often'"),
    ],
)
def test_what_is_no_workload_says_where(data: dict[str, Any], message: str) -> None:
    with pytest.raises(DataError, match=message):
        Workload.from_json(data)


def test_an_impossible_layer_in_a_file_is_named_with_the_file(tmp_path: Path) -> None:
    data = two().to_json()
    data["layers"][0]["shape"]["out_height"] = 99
    path = tmp_path / "broken.json"
    path.write_text(json.dumps(data))
    with pytest.raises(DataError, match=r"broken\.json: .*layer 'conv': out_height = 99"):
        Workload.load(path)
    path.write_text("[]")
    with pytest.raises(DataError, match=r"broken\.json: this is not a workload, but list"):
        Workload.load(path)


def test_a_larger_batch_costs_in_proportion() -> None:
    layer = Layer("conv", CONV)
    assert Workload((replace(layer, shape=replace(CONV, batch=3)),)).macs == 3 * Workload((layer,)).macs

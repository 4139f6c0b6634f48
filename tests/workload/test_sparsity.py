"""The values of sparsity: what they refuse, and their file."""

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from netchip.errors import DataError, RequestError
from netchip.workload.activation_statistics import activation_sparsity
from netchip.workload.layer import Layer
from netchip.workload.network import Workload
from netchip.workload.shape import LayerShape
from netchip.workload.sparsity import CoefficientStorage, Grouping, LayerSparsity, LineRows, PairedRows
from netchip.workload.sparsity_file import NetworkSparsity
from netchip.workload.weight_statistics import weight_sparsity

STORAGE = CoefficientStorage(nonzero_coefficients=9, basis_elements=18, index_bits=6)
PAIRED = PairedRows(
    lock_step_cycles=5, free_cycles=4, row_pairs=3, skipped_pairs=2, own_rows=3, digit_steps=9, coefficients=1
)


def layer(name: str = "conv", **changes: Any) -> LayerSparsity:
    weights = weight_sparsity(np.ones((2, 1, 3, 3)), storage=STORAGE)
    values = {"weights": weights, "activations": activation_sparsity(np.ones((1, 1, 5, 5), np.int8))} | changes
    return LayerSparsity(layer=name, **values)


def test_the_file_gives_back_what_was_saved(tmp_path: Path) -> None:
    plain = weight_sparsity(np.ones((2, 1, 3, 3)))
    sparsity = NetworkSparsity((layer(paired=PAIRED), layer("other", weights=plain)), "counted in a test")
    sparsity.save(tmp_path / "sparsity.json")
    assert NetworkSparsity.load(tmp_path / "sparsity.json") == sparsity
    assert sparsity.of("other").weights.storage is None
    assert NetworkSparsity.from_json(json.loads(json.dumps(sparsity.to_json()))) == sparsity


def changed(data: dict[str, Any], path: tuple[Any, ...], value: Any) -> dict[str, Any]:
    copy = json.loads(json.dumps(data))
    place = copy
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    return copy


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        (("format",), 7, "this sparsity is of format 7; this version of netchip reads format 1"),
        (("layers", 0, "weights"), 3, "WeightSparsity is 3; it takes keys with values"),
        (("layers", 0, "weights", "elements"), "many", "elements = 'many'; it takes a number"),
        (("layers", 0, "weights", "elements"), -1, "elements = -1; give a count of at least 0"),
        (("layers", 0, "weights", "elements"), float("nan"), "elements = nan; give a count of at least 0"),
        (("layers", 0, "weights", "nonzero_elements"), 99, "nonzero_elements = 99 is more than elements = 18"),
        (("layers", 0, "weights", "colour"), 1, "unexpected keyword argument 'colour'"),
        (("layers", 0, "activations", "zero_rows"), 99, "zero_rows = 99 is more than rows = 5"),
        (("layers", 0, "activations", "elements"), 0, "elements = 0"),
        (
            ("layers", 0, "activations", "grouping", "lanes"),
            0,
            "grouping: lanes = 0; give a whole number of at least 1",
        ),
        (
            ("layers", 0, "activations", "grouping", "lanes"),
            4,
            "conv: weights and activations were grouped differently",
        ),
        (("layers", 0, "layer"), "", "a layer's sparsity needs the layer's name"),
        (("source",), "", "say where the sparsity comes from"),
    ],
)
def test_a_file_that_is_none_is_refused(path: tuple[Any, ...], value: Any, message: str) -> None:
    with pytest.raises(DataError, match=message):
        NetworkSparsity.from_json(changed(NetworkSparsity((layer(),), "counted").to_json(), path, value))


def test_a_file_that_lacks_a_key_is_refused() -> None:
    with pytest.raises(DataError, match="this sparsity lacks the key 'layers'"):
        NetworkSparsity.from_json({"format": 1, "source": "counted"})


def test_rows_over_channels_ask_for_activations_counted_alike() -> None:
    weights = weight_sparsity(np.ones((2, 6)), row_length=3)
    with pytest.raises(RequestError, match=r"fc: a row of weights spans 3 input channels.*channels_in_row = 3"):
        layer("fc", weights=weights)


def test_bounds_keep_their_order() -> None:
    with pytest.raises(RequestError, match="free = 3 is more than lock_step = 2"):
        LineRows(lock_step=2, free=3)
    with pytest.raises(RequestError, match="free_cycles = 6 is more than lock_step_cycles = 5"):
        dataclasses.replace(PAIRED, free_cycles=6)
    with pytest.raises(RequestError, match="filters = 0"):
        Grouping(filters=0)


def test_layers_are_found_by_name_and_must_fit_the_workload() -> None:
    sparsity = NetworkSparsity((layer(),), "counted")
    fitting = LayerShape.conv(in_channels=1, out_channels=2, in_size=(5, 5), kernel=(3, 3))
    sparsity.check_covers(Workload((Layer("conv", fitting),)))
    with pytest.raises(RequestError, match=r"no sparsity of the layer 'fc'; there is of conv \(1 layers\)"):
        sparsity.of("fc")
    other = LayerShape.conv(in_channels=1, out_channels=3, in_size=(5, 5), kernel=(3, 3))
    with pytest.raises(RequestError, match="conv: the sparsity is of 18 weights in 2 filters, the layer has 27 in 3"):
        sparsity.check_covers(Workload((Layer("conv", other),)))
    with pytest.raises(RequestError, match="the sparsity of 'conv' is stated twice"):
        NetworkSparsity((layer(), layer()), "counted")

"""Layers are written as the loops and relations ZigZag reads, or refused by name."""

from dataclasses import replace
from typing import Any

import pytest
import yaml

from netchip.errors import RequestError
from netchip.export.zigzag_workload import zigzag_workload
from netchip.workload.encoding import Precision, StatedWeights
from netchip.workload.layer import Layer
from netchip.workload.network import Workload
from netchip.workload.shape import LayerShape


def written(workload: Workload) -> dict[str, dict[str, Any]]:
    return {entry["name"]: entry for entry in yaml.safe_load(zigzag_workload(workload))}


def test_a_convolution_is_written_with_its_window_and_its_own_input_size() -> None:
    shape = LayerShape.conv(
        batch=2, in_channels=6, out_channels=8, in_size=(20, 30), kernel=(3, 5), stride=(2, 1), padding=(1, 2),
        dilation=(2, 3), groups=2,
    )  # fmt: skip
    bits = Precision(weight_bits=4, input_bits=6, output_bits=7, accumulator_bits=24)
    assert written(Workload((Layer("c", shape, precision=bits),)))["c"] == {
        "id": 0,
        "name": "c",
        "operator_type": "Conv",
        "equation": "O[b][g][k][oy][ox]+=W[g][k][c][fy][fx]*I[b][g][c][iy][ix]",
        "dimension_relations": ["ix=1*ox+3*fx", "iy=2*oy+2*fy"],
        "loop_dims": ["B", "G", "K", "C", "OY", "OX", "FY", "FX"],
        "loop_sizes": [2, 2, 4, 3, 9, 22, 3, 5],
        "pr_loop_dims": ["IX", "IY"],
        "pr_loop_sizes": [30, 20],
        "padding": [[2, 2], [1, 1]],
        "operand_precision": {"W": 4, "I": 6, "O": 24, "O_final": 7},
        "operand_source": {"W": 0, "I": 0},
    }


def test_sources_follow_the_edges(network: Workload) -> None:
    found = written(network)
    assert {name: (entry["operand_source"]["W"], entry["operand_source"]["I"]) for name, entry in found.items()} == {
        "stem": (0, 0),
        "depthwise": (1, 0),
        "shortcut": (2, 1),
        "queries": (3, 2),
        "scores": (3, 3),
        "values": (4, 4),
    }
    assert [found[name]["operator_type"] for name in ("queries", "scores")] == ["Conv", "Gemm"]


def test_an_edge_that_goes_back_is_left_out() -> None:
    one = LayerShape.linear(in_features=4, out_features=4)
    found = written(Workload((Layer("a", one), Layer("b", one)), (("b", "a"), ("a", "b"))))
    assert [found[name]["operand_source"]["I"] for name in "ab"] == [0, 0]


def test_what_is_not_counted_is_named_in_a_comment() -> None:
    one = LayerShape.linear(in_features=4, out_features=4)
    assert zigzag_workload(Workload((Layer("a", one),), uncounted=("lstm (aten.lstm)",))).startswith(
        "# not counted: lstm (aten.lstm)\n"
    )


def test_layers_without_a_word_are_refused_by_name() -> None:
    plain = LayerShape.conv(in_channels=2, out_channels=2, in_size=(4, 4), kernel=(2, 2))
    up = LayerShape.conv(in_channels=2, out_channels=2, in_size=(4, 4), kernel=(2, 2), transposed=True)
    layer = Layer("c", plain)
    for wrong, message in (
        (replace(layer, shape=up), "c: ZigZag's workload file has no word for transposed; leave the layer out"),
        (replace(layer, execution_rate=0.5), r"no word for execution_rate = 0\.5"),
        (replace(layer, weights=StatedWeights(8)), "no word for weights of StatedWeights"),
    ):
        with pytest.raises(RequestError, match=message):
            zigzag_workload(Workload((wrong,)))

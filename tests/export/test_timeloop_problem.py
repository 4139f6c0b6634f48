"""A layer as Timeloop's problem: its loops, and nothing that Timeloop cannot state."""

from dataclasses import replace

import pytest
import yaml

from netchip.errors import RequestError
from netchip.export.timeloop_problem import timeloop_problem
from netchip.workload.encoding import StatedWeights
from netchip.workload.layer import Layer
from netchip.workload.shape import LayerShape

SHAPE = LayerShape.conv(
    in_channels=4, out_channels=6, groups=2, in_size=(9, 12), kernel=(3, 2), stride=(2, 1), dilation=(1, 2)
)
LAYER = Layer("grouped", SHAPE)


def test_loops_strides_and_dilations() -> None:
    problem = yaml.safe_load(timeloop_problem(LAYER))["problem"]
    assert problem["version"] == 0.4
    assert problem["instance"] == {
        "N": 1, "G": 2, "M": 3, "C": 2, "Q": 4, "P": 10, "S": 3, "R": 2,
        "Wstride": 1, "Hstride": 2, "Wdilation": 2, "Hdilation": 1,
    }  # fmt: skip
    spaces = {space["name"]: space for space in problem["shape"]["data_spaces"]}
    assert set(problem["shape"]["dimensions"]) == {"N", "G", "M", "C", "Q", "P", "S", "R"}
    assert [["R", "Wdilation"], ["P", "Wstride"]] in spaces["Inputs"]["projection"]
    assert spaces["Outputs"]["read_write"] is True


@pytest.mark.parametrize(
    ("layer", "message"),
    [
        (replace(LAYER, execution_rate=0.5), "grouped: Timeloop's problem file has no word for execution_rate = 0.5"),
        (replace(LAYER, weights=StatedWeights(10)), "no word for weights of StatedWeights"),
        (Layer("dot", LayerShape.matmul(rows=2, inner=2, columns=2)), "dot: .*a product of two activations"),
    ],
)
def test_what_it_cannot_state_is_refused(layer: Layer, message: str) -> None:
    with pytest.raises(RequestError, match=message):
        timeloop_problem(layer)

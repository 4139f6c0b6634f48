"""The page of a network on the five engines."""

import re

import pytest

from netchip.hardware.engines.compare import EngineComparison, compare_engines
from netchip.report.engines_page import build_engines_page
from netchip.workload.activation_statistics import assumed_activations
from netchip.workload.layer import Layer
from netchip.workload.network import Workload
from netchip.workload.shape import LayerShape
from netchip.workload.sparsity import LayerSparsity
from netchip.workload.sparsity_file import NetworkSparsity
from netchip.workload.weight_statistics import assumed_weights

SHAPE = LayerShape.conv(in_channels=64, out_channels=64, in_size=(16, 16), kernel=(3, 3), padding=(1, 1))
FOUND = NetworkSparsity(
    (LayerSparsity(layer="<conv>", weights=assumed_weights(SHAPE), activations=assumed_activations(SHAPE)),),
    "made & up",
)


@pytest.fixture
def comparison() -> EngineComparison:
    return compare_engines(Workload((Layer("<conv>", SHAPE),)), FOUND)


def test_it_says_that_it_is_an_estimate_and_on_what_it_rests(comparison: EngineComparison) -> None:
    page = build_engines_page("net", comparison, FOUND, ("lstm (aten.lstm)",))
    assert "an estimate, not measured" in page
    for words in (
        "estimate; constants: smart-exchange-28nm",
        "sparsity: made &amp; up",
        "Not counted",
        "dense 8-bit weights",
    ):
        assert words in page
    assert "<conv>" not in page
    assert "&lt;conv&gt;" in page
    assert len(re.findall(r"<figure", page)) == 7


def test_the_same_comparison_gives_the_same_bytes(comparison: EngineComparison) -> None:
    assert build_engines_page("net", comparison, FOUND) == build_engines_page("net", comparison, FOUND)

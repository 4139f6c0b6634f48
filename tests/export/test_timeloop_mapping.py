"""What a mapping file says is the mapping: read back by hand it costs the same; what it cannot say is refused."""

from typing import Any

import numpy as np
import pytest
import yaml

from netchip.errors import RequestError
from netchip.export.timeloop_grammar import DIMENSIONS
from netchip.export.timeloop_mapping import timeloop_mapping
from netchip.hardware.conventions import TIMELOOP4
from netchip.hardware.cost import evaluate
from netchip.hardware.hierarchy.problem import HierarchyProblem
from netchip.hardware.hierarchy.technology import load_technology
from netchip.hardware.mapping import Mapping
from netchip.hardware.mapping_batch import MappingBatch
from netchip.workload.layer import Layer
from netchip.workload.shape import LayerShape

LAYERS = tuple(
    Layer(name, LayerShape.conv(in_size=(16, 16), kernel=(3, 3), padding=(1, 1), **shape))
    for name, shape in (
        ("conv", {"in_channels": 8, "out_channels": 24, "stride": (2, 2)}),
        ("depthwise", {"in_channels": 12, "out_channels": 12, "groups": 12}),
        ("grouped", {"in_channels": 8, "out_channels": 16, "groups": 2}),
    )
)
PROBLEM = HierarchyProblem(LAYERS, load_technology("dosa-40nm"), {})
PICKS = PROBLEM.choices.drawn(np.random.default_rng(0), 4)
OURS = {name: dim for dim, name in DIMENSIONS.items()}


def read_back(text: str) -> Mapping:
    """A mapping file in our words, for memories that hold every operand."""
    loops: list[dict[str, Any]] = []
    spatial: dict[str, dict[str, int]] = {}
    entries = yaml.safe_load(text)["mapping"]
    for entry in reversed([each for each in entries if each["type"] == "temporal"]):
        bounds = dict(part.split("=") for part in entry["factors"].split())
        place = dict.fromkeys("WIO", entry["target"])
        loops += [
            {"dim": OURS[dim], "bound": int(bounds[dim]), "at": place}
            for dim in entry["permutation"]
            if bounds[dim] != "1"
        ]
    for entry in entries:
        if entry["type"] == "spatial":
            bounds = dict(part.split("=") for part in entry["factors"].split())
            name = entry["target"].removeprefix("inter_").removesuffix("_spatial")
            spatial[name] = {OURS[dim]: int(count) for dim, count in bounds.items() if count != "1"}
    return Mapping.parse({"loops": loops, "spatial": spatial})


@pytest.mark.parametrize("place", range(4))
def test_a_file_says_the_same_mapping(place: int) -> None:
    chip, mappings = PROBLEM.accelerator_of(PICKS[:, place]), PROBLEM.mappings_of(PICKS[:, place])
    files = [timeloop_mapping(layer, chip, mapping) for layer, mapping in zip(LAYERS, mappings, strict=True)]
    for layer, text in zip(LAYERS, files, strict=True):
        back = read_back(text)
        for dim, bound in layer.shape.loop_bounds.items():
            assert back.factor(dim) == bound
    own, said = (
        evaluate(LAYERS, chip, MappingBatch.of(each, chip, layers=range(3)), conventions=TIMELOOP4)
        for each in (mappings, [read_back(text) for text in files])
    )
    np.testing.assert_allclose(np.asarray(own.energy_pj), np.asarray(said.energy_pj))
    np.testing.assert_allclose(np.asarray(own.cycles), np.asarray(said.cycles))


def test_a_small_file_word_for_word() -> None:
    chip = PROBLEM.accelerator_of(PICKS[:, 0])
    mapping = Mapping.parse_text(
        "units: K 4 | OX 8: W=dram I=dram O=dram | OY 2: W=dram I=dram O=dram | C 8: W=buffer I=buffer O=buffer "
        "| FX 3: W=register I=register O=register"
    )
    entries = yaml.safe_load(timeloop_mapping(LAYERS[0], chip, mapping))["mapping"]
    assert [(each["target"], each["type"]) for each in entries] == [
        ("dram", "datatype"),
        ("dram", "temporal"),
        ("buffer", "datatype"),
        ("buffer", "temporal"),
        ("register", "datatype"),
        ("register", "temporal"),
        ("inter_units_spatial", "spatial"),
    ]
    assert entries[0] == {"target": "dram", "type": "datatype", "keep": ["Weights", "Inputs", "Outputs"], "bypass": []}
    order = [loop.dim for loop in mapping.loops if loop.at["W"] == "dram"]
    assert entries[1]["factors"] == "N=1 G=1 M=1 C=1 Q=2 P=8 S=1 R=1"
    assert entries[1]["permutation"] == "".join(DIMENSIONS[dim] for dim in order) + "NGMCSR"
    assert entries[6]["factors"] == "N=1 G=1 M=4 C=1 Q=1 P=1 S=1 R=1"
    assert entries[6]["split"] == 8


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "K 4: W=dram I=buffer O=dram",
            "conv: operands keep loop K 4.* in different memories, which Timeloop's levels cannot",
        ),
        (
            "K 2: W=dram I=dram O=dram | C 8: W=dram I=dram O=dram | K 3: W=dram I=dram O=dram",
            "conv: K loops twice at dram with another between",
        ),
        ("units: OX 13.75", "conv: OX 13.75 along units is no whole number of units; unroll another factor"),
    ],
)
def test_what_the_file_cannot_say_is_refused(text: str, message: str) -> None:
    with pytest.raises(RequestError, match=message):
        timeloop_mapping(LAYERS[0], PROBLEM.accelerator_of(PICKS[:, 0]), Mapping.parse_text(text))

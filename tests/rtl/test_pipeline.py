"""A small network on two chunks, image after image, gives the reference's outputs; a round is as long as its slowest chunk."""

from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("amaranth", reason="describing hardware needs Amaranth: pip install 'netchip[rtl]'")

from netchip.hardware.fpga.board import load_board
from netchip.hardware.fpga.chunk import Chunk
from netchip.rtl.design import ChipDesign, Floorplan
from netchip.rtl.levels import Levels
from netchip.rtl.pipeline import run_pipeline
from netchip.rtl.rounds import rounds_of
from netchip.rtl.simulation import simulate
from netchip.rtl.steps import IMAGE, ChipStep, IntegerNetwork, MoveStep, SumStep
from netchip.workload.shape import LayerShape
from tests.rtl.conftest import random_inputs, random_layer

TREE = Chunk(
    engine="tree", tile_out=4, tile_in=4, tile_rows=4, tile_columns=4, unroll_out=2, unroll_in=2, weight_bits=8,
    input_bits=8, output_bits=8,
)  # fmt: skip
DEEP = replace(TREE, engine="depthwise_rows", unroll_rows=2, shared_port=False)


def design() -> ChipDesign:
    """An expansion, a depthwise layer with a sum around it, numbers in another order, a classifier; the host has two steps."""
    random = np.random.default_rng(0)
    shapes = {
        "expand": LayerShape.conv(in_channels=1, out_channels=4, in_size=(4, 4), kernel=(1, 1)),
        "deep": LayerShape.conv(in_channels=4, out_channels=4, groups=4, in_size=(4, 4), kernel=(3, 3), padding=(1, 1)),
        "classify": LayerShape.linear(in_features=64, out_features=3),
    }
    layers = {name: random_layer(random, shape, relu=name == "expand") for name, shape in shapes.items()}
    levels = Levels(0.5, 3, 8)
    steps = (
        ChipStep("expand", IMAGE, layers["expand"]),
        ChipStep("deep", "expand", layers["deep"]),
        SumStep("sum", ("expand", "deep"), (Levels(0.25, 0, 8), Levels(0.5, 1, 8)), levels, relu=True),
        MoveStep("turned", "sum", swapped=(2, 3)),
        ChipStep("classify", "turned", layers["classify"]),
    )
    network = IntegerNetwork(steps, "classify", {"sum": levels})
    plan = Floorplan(load_board("pynq-z2"), ("any", "deep"), (TREE, DEEP), {"expand": 0, "deep": 1, "classify": 0})
    return ChipDesign(network, plan)


def test_images_one_after_the_other_give_the_reference() -> None:
    found, random = design(), np.random.default_rng(1)
    images = [random_inputs(random, found.steps[0].layer) for _ in range(2)]
    done: list[tuple[int, int]] = []
    rounds = rounds_of(found.network, found.owned, found.programs, images, lambda *counts: done.append(counts))
    ran = run_pipeline(found.owned, found.programs, rounds)
    for image, outputs in zip(images, ran.outputs, strict=True):
        assert outputs.tolist() == found.network.run(image).tolist()
    assert done == [(1, 4), (2, 4), (3, 4), (4, 4)]
    numbers = found.network.all_numbers(images[0])
    tree = simulate(
        [found.steps[0].layer, found.steps[2].layer], TREE, [images[0], found.steps[2].sized(numbers["turned"])]
    )
    deep = simulate([found.steps[1].layer], DEEP, [numbers["expand"]])
    assert ran.layers == {"expand": tree.cycles[0], "classify": tree.cycles[1], "deep": deep.cycles[0]}
    assert ran.cycles == (max(sum(tree.cycles), sum(deep.cycles)),) * 4

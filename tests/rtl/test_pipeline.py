"""A small network on two chunks, image after image, gives the reference's outputs; a round is as long as its slowest chunk."""

from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("amaranth", reason="describing hardware needs Amaranth: pip install 'netchip[rtl]'")

from netchip.errors import RequestError
from netchip.hardware.fpga.chunk import Chunk
from netchip.rtl.pipeline import run_pipeline
from netchip.rtl.reference import run
from netchip.rtl.simulation import simulate
from netchip.workload.shape import LayerShape
from tests.rtl.conftest import random_inputs, random_layer

TREE = Chunk(
    engine="tree", tile_out=4, tile_in=4, tile_rows=4, tile_columns=4, unroll_out=2, unroll_in=2, weight_bits=8,
    input_bits=8, output_bits=8,
)  # fmt: skip
DEEP = replace(TREE, engine="depthwise_rows", unroll_rows=2, shared_port=False)
SHAPES = [
    LayerShape.conv(in_channels=1, out_channels=4, in_size=(4, 4), kernel=(1, 1)),
    LayerShape.conv(
        in_channels=4, out_channels=4, groups=4, in_size=(4, 4), kernel=(3, 3), stride=(2, 2), padding=(1, 1)
    ),
    LayerShape.linear(in_features=16, out_features=3),
]


def test_images_one_after_the_other_give_the_reference() -> None:
    random = np.random.default_rng(0)
    layers = [random_layer(random, shape, relu=place < 2) for place, shape in enumerate(SHAPES)]
    images = [random_inputs(random, layers[0]) for _ in range(3)]
    found = run_pipeline(layers, [TREE, DEEP], [0, 1, 0], images)
    for image, outputs in zip(images, found.outputs, strict=True):
        maps = run(layers[1], run(layers[0], image))
        assert outputs.tolist() == run(layers[2], maps.reshape(16, 1, 1)).tolist()
    tree = simulate([layers[0], layers[2]], TREE, [images[0], images[0].reshape(16, 1, 1)])
    deep = simulate([layers[1]], DEEP, [run(layers[0], images[0])])
    assert found.cycles == (max(sum(tree.cycles), sum(deep.cycles)),) * (3 + 2)


def test_numbers_that_do_not_agree_are_refused() -> None:
    layers = [random_layer(np.random.default_rng(0), shape) for shape in SHAPES]
    for assignment in ([0, 1], [0, 0, 0], [0, 1, 2]):
        with pytest.raises(
            RequestError, match=r"do not belong together; give each layer a chunk that is there, and each"
        ):
            run_pipeline(layers, [TREE, DEEP], assignment, [])

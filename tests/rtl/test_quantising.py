"""Whole numbers stand for what the floats are; no sum overflows, at 8 bits and at 16."""

from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("amaranth", reason="describing hardware needs Amaranth: pip install 'netchip[rtl]'")

from netchip.errors import RequestError
from netchip.hardware.fpga.chunk import Chunk
from netchip.rtl.folding import folded
from netchip.rtl.levels import Levels
from netchip.rtl.quantising import LARGEST_SUM, integer_network, weight_steps
from netchip.rtl.steps import IMAGE, SumStep
from tests.rtl.test_folding import small

CHUNK = Chunk(tile_out=4, tile_in=4, tile_rows=4, tile_columns=4)
EIGHT = replace(CHUNK, weight_bits=8, input_bits=8, output_bits=8)
LAYERS = ("stem.0", "deep.0", "pool", "classifier")


def calibration() -> torch.Tensor:
    return torch.randn(64, 1, 6, 6, generator=torch.Generator().manual_seed(2))


@pytest.mark.parametrize(("chunk", "off"), [(CHUNK, 3e-4), (EIGHT, 0.06)])
def test_numbers_stand_for_the_values(chunk: Chunk, off: float) -> None:
    images = calibration()
    floats = folded(small(), images)
    found = integer_network(floats, images, dict.fromkeys(LAYERS, chunk))
    wanted = floats.values(images)[floats.output].reshape(len(images), 3)
    outputs = torch.stack([found.run(found.levels[IMAGE].numbers(image)).flatten() for image in images])
    assert (found.levels[found.output].values(outputs) - wanted).abs().max() <= off * wanted.abs().max()
    assert [step.name for step in found.chip] == list(LAYERS)
    assert {step.told for step in found.host} == {"a sum of maps", "numbers in another order, none changed"}


def test_a_map_between_chunks_of_other_bits_is_brought_to_them_by_the_host() -> None:
    images = calibration()
    chunks = {**dict.fromkeys(LAYERS, CHUNK), "classifier": EIGHT}
    found = integer_network(folded(small(), images), images, chunks)
    step = found.by_name["flatten at 8 bits"]
    assert isinstance(step, SumStep)
    assert step.told == "a map brought to 8 bits"
    read, written = step.read[0], step.levels
    assert (read.bits, written.bits) == (16, 8)
    assert (
        step.run(read.numbers(torch.tensor([0.0, 0.3]))).tolist() == written.numbers(torch.tensor([0.0, 0.3])).tolist()
    )


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 600), st.sampled_from((8, 16)), st.floats(1e-6, 1e3), st.floats(0, 1e3), st.integers(0, 9))
def test_no_inputs_make_a_sum_overflow(count: int, bits: int, spread: float, bias: float, seed: int) -> None:
    random = torch.Generator().manual_seed(seed)
    weight = torch.randn(3, count, 1, 1, generator=random, dtype=torch.float64) * spread
    weight[2] = 0
    biases = torch.full((3,), bias, dtype=torch.float64)
    read, written = Levels.of(-1.0, 2.0, bits), Levels.of(-1.0, 1.0, bits)
    steps = weight_steps(weight, biases, bits, read, written)
    numbers = torch.round(weight / steps[:, None, None, None])
    most = numbers.abs().sum((1, 2, 3)) * (2**bits - 1) + torch.round(biases / (steps * read.step)).abs()
    assert float(most.max()) <= LARGEST_SUM
    assert float(numbers.abs().max()) < 2 ** (bits - 1)
    assert (numbers * steps[:, None, None, None] - weight).abs().max() <= steps.max() / 2 * (1 + 1e-9)


def test_more_products_than_a_sum_holds_are_refused() -> None:
    levels = Levels.of(-1.0, 1.0, 16)
    with pytest.raises(
        RequestError, match="70000 products of 16 and 16 bits pass the 32 bits of a sum; give the layer fewer bits"
    ):
        weight_steps(torch.ones(1, 70_000, 1, 1, dtype=torch.float64), torch.zeros(1), 16, levels, levels)


def test_a_scale_that_no_chip_holds_names_its_layer() -> None:
    images = calibration()
    model = small()
    model.classifier.weight.data.zero_()
    model.classifier.weight.data[0, 0] = 1e-9
    model.classifier.bias.data.zero_()
    floats = folded(model, images)
    found = integer_network(floats, images, dict.fromkeys(LAYERS, EIGHT))
    assert found.run(found.levels[IMAGE].numbers(images[0])).shape == (3, 1, 1)

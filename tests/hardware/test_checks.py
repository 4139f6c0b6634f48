"""What `evaluate` refuses, each with its mend."""

from dataclasses import replace
from typing import Any

import array_api_compat.numpy as xp
import numpy as np
import pytest

from netchip.errors import RequestError
from netchip.hardware.accelerator import Accelerator
from netchip.hardware.cost import evaluate
from netchip.hardware.mapping import Mapping
from netchip.hardware.mapping_batch import MappingBatch
from netchip.workload.encoding import Precision, StatedWeights
from netchip.workload.layer import Layer
from netchip.workload.shape import LayerShape

LAYER = Layer("fc", LayerShape.linear(in_features=4, out_features=8))
TEXT = "D1: K 4\nC 4: W=dram I=dram O=dram\nK 2: W=dram I=dram O=dram"


def run(chip: Accelerator, text: str = TEXT, layer: Layer = LAYER) -> None:
    evaluate([layer], chip, MappingBatch.of([Mapping.parse_text(text)], chip), xp=xp)


def test_a_mapping_that_covers_its_layer_passes(tiny: Accelerator) -> None:
    run(tiny)
    run(tiny, "D1: K 2.6666666666666665\nC 4: W=dram I=dram O=dram\nK 3: W=dram I=dram O=dram")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (TEXT.replace("K 2", "K 3"), r"fc: the factors of K in mapping 0 multiply to 12, not to 8; change one of them"),
        (TEXT + "\nOX 2: W=dram I=dram O=dram", r"fc: the factors of OX in mapping 0 multiply to 2, not to 1"),
        (TEXT.replace("C 4", "K 1"), r"fc: mapping 0 maps C nowhere, but the layer has 4; give C a loop or unroll it"),
        (
            TEXT.replace("K 4", "K 8").replace("K 2", "K 1"),
            r"mapping 0 unrolls 8 along D1, which has 4 units; unroll less",
        ),
    ],
)
def test_mappings_that_do_not_cover_the_layer(tiny: Accelerator, text: str, message: str) -> None:
    with pytest.raises(RequestError, match=message):
        run(tiny, text)


def test_the_first_wrong_mapping_of_a_batch_is_named(tiny: Accelerator) -> None:
    batch = MappingBatch.of([Mapping.parse_text(text) for text in (TEXT, TEXT, TEXT.replace("K 2", "K 4"))], tiny)
    with pytest.raises(RequestError, match="factors of K in mapping 2 multiply to 16, not to 8"):
        evaluate([LAYER], tiny, batch, xp=xp)


def test_a_mapping_for_a_layer_that_is_not_there(tiny: Accelerator) -> None:
    batch = MappingBatch.of([Mapping.parse_text(TEXT)], tiny, layers=[1])
    with pytest.raises(RequestError, match="a mapping is for layer 1, but only 1 were given, counted from 0"):
        evaluate([LAYER], tiny, batch, xp=xp)
    with pytest.raises(RequestError, match="no layer was given; give at least one"):
        evaluate([], tiny, batch, xp=xp)


def test_mappings_for_another_accelerator(tiny: Accelerator) -> None:
    batch = MappingBatch.of([Mapping.parse_text(TEXT)], tiny)
    with pytest.raises(RequestError, match="cut has 2 memories an operand, but tiny has 3; make the mappings for this"):
        evaluate([LAYER], tiny, replace(batch, cut=batch.cut[:, 1:]), xp=xp)
    with pytest.raises(
        RequestError, match="spatial has 1 array dimensions, but tiny has 2; make the mappings for this"
    ):
        evaluate([LAYER], tiny, replace(batch, spatial=batch.spatial[:1]), xp=xp)


def test_a_memory_smaller_than_one_element(tiny_data: dict[str, Any]) -> None:
    tiny_data["memories"][0]["bits"] = 4
    with pytest.raises(
        RequestError, match=r"fc: 'reg_w' holds 4 bits, less than one weight of 8 bits; raise its bits or lower"
    ):
        run(Accelerator.parse(tiny_data))
    run(Accelerator.parse(tiny_data), layer=replace(LAYER, precision=Precision(weight_bits=4)))
    tiny_data["memories"][0] |= {"bits": 8, "double_buffered": True}
    with pytest.raises(
        RequestError, match=r"'reg_w' holds 8 bits, less than one weight of 8 bits twice, as it is double buffered"
    ):
        run(Accelerator.parse(tiny_data))


def test_room_for_an_output_but_not_for_a_partial_sum_is_a_matter_of_the_mapping(tiny_data: dict[str, Any]) -> None:
    """`reg_o` has room for an output of 8 bits; a sum of 32 bits that leaves it and comes back does not fit."""
    tiny_data["memories"][1]["bits"] = 16
    chip = Accelerator.parse(tiny_data)
    text = "D1: K 4\nC 4: W=dram I=dram O=dram\nK 2: W=dram I=dram O=dram"
    costs = evaluate([LAYER], chip, MappingBatch.of([Mapping.parse_text(text)], chip), xp=xp)
    assert not np.any(costs.fits)
    assert costs.row(0).too_small == ("reg_o holds 16 bits, but tiles of outputs 32 bits are to stay there",)


@pytest.mark.parametrize("bound", [np.inf, np.nan, 0.0, -2.0])
def test_bounds_that_are_no_counts_are_refused(tiny: Accelerator, bound: float) -> None:
    batch = MappingBatch.of([Mapping.parse_text(TEXT)], tiny)
    bounds = batch.bound.copy()
    bounds[0] = bound
    with pytest.raises(RequestError, match=r"bound of mapping 0 is not possible|multiply to (inf|nan), not to"):
        evaluate([LAYER], tiny, replace(batch, bound=bounds), xp=xp)


@pytest.mark.parametrize(
    ("shape", "kind"),
    [
        (LayerShape.matmul(rows=1, inner=4, columns=8), "matmul"),
        (LayerShape.conv(in_channels=4, out_channels=8, in_size=(1, 1), kernel=(1, 1), transposed=True), "transposed"),
    ],
)
def test_a_layer_that_the_accelerator_cannot_run(tiny: Accelerator, shape: LayerShape, kind: str) -> None:
    run(tiny, layer=Layer("special", shape))
    with pytest.raises(
        RequestError, match=f"special is a {kind} layer, and tiny runs conv; choose another accelerator"
    ):
        run(tiny.changed(kinds=("conv",)), layer=Layer("special", shape))


def test_an_encoding_whose_work_has_no_price(tiny: Accelerator) -> None:
    layer = replace(LAYER, weights=StatedWeights(bits=8, actions={"shift_add": 3}))
    with pytest.raises(
        RequestError, match=r"fc: its weights are rebuilt by 'shift_add', for which tiny has no energy; add it to"
    ):
        run(tiny, layer=layer)


def test_unchecked_mappings_are_taken_at_their_word(tiny: Accelerator) -> None:
    batch = MappingBatch.of([Mapping.parse_text(TEXT.replace("K 2", "K 3"))], tiny)
    costs = evaluate([LAYER], tiny, batch, check=False, xp=xp)
    assert np.all(np.isfinite(costs.energy_pj))

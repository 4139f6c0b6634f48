"""A line of SmartExchange's array from a compressed file to sums: bit for bit the plain convolution, in the cycles of the model."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

pytest.importorskip("amaranth", reason="describing hardware needs Amaranth: pip install 'netchip[rtl]'")

from netchip.errors import DataError, RequestError
from netchip.hardware.engines.resources import load_resources
from netchip.hardware.engines.simulation import simulate
from netchip.methods.smart_exchange.decomposition.decompose import decompose
from netchip.methods.smart_exchange.decomposition.sparsity import without_share
from netchip.methods.smart_exchange.decomposition.tiling import Tiling
from netchip.methods.smart_exchange.file.reading import read
from netchip.methods.smart_exchange.file.writing import write
from netchip.methods.smart_exchange.packing.packed import Packed, pack
from netchip.methods.smart_exchange.packing.rebuild import rebuild
from netchip.rtl.components.line_size import LineSize
from netchip.rtl.smart_exchange_line import LineResult, run_line
from netchip.rtl.smart_exchange_program import PackedRows, line_program
from netchip.workload.shape import LayerShape

conv = LayerShape.conv
ONE_LINE = load_resources().changed(array={"slices": 1, "lines": 1, "lanes": 8}).array


def packed_of(
    shape: LayerShape, folder: Path, *, slices: int = 1, zero_rows: float = 0.5, threshold: float = 0.05
) -> Packed:
    """Random weights, without so many rows, decomposed, packed, written to a file and read again."""
    size = (shape.out_channels, shape.in_channels, shape.kernel_height, shape.kernel_width)
    tiling = Tiling(size, shape.kernel_width, slices)
    weight = torch.randn(size, generator=torch.Generator().manual_seed(0))
    mask = without_share(weight, tiling, zero_rows)
    made = decompose(weight, tiling, row_mask=mask.kept, iterations=2, element_threshold=threshold)
    write(folder / "layer.safetensors", {"weight": pack(made)}, {})
    return read(folder / "layer.safetensors").packed["weight"]


def rows_of(packed: Packed) -> PackedRows:
    tiling, elements = packed.tiling, packed.element_bitmap
    return PackedRows(
        filters=tiling.filters,
        filter_rows=tiling.filter_rows,
        block_rows=tiling.rows,
        codes=packed.codes.numpy(),
        row_bitmap=packed.row_bitmap.numpy(),
        basis=packed.basis.numpy(),
        element_bitmap=None if elements is None else elements.numpy(),
    )


def inputs_for(shape: LayerShape, *, signed: bool = False, zero_rows: float = 0.3) -> np.ndarray:
    random, size = np.random.default_rng(1), (shape.in_channels, shape.in_height, shape.in_width)
    values = random.integers(-128, 128, size) if signed else random.integers(0, 256, size)
    return values * (random.random(size) < 0.6) * (random.random(size[:2]) >= zero_rows)[..., None]


def plain(packed: Packed, shape: LayerShape, inputs: np.ndarray) -> np.ndarray:
    """The weight's whole numbers in a plain convolution of whole numbers."""
    weight = torch.round(rebuild(replace(packed, dtype=torch.float64)) / packed.unit)
    image = torch.from_numpy(inputs)[None].to(torch.float64)
    found = torch.nn.functional.conv2d(image, weight, stride=shape.stride, padding=shape.padding)
    return found[0].to(torch.int64).numpy()


CASES = {
    "one block": (conv(in_channels=5, out_channels=3, in_size=(4, 9), kernel=(3, 3), padding=(1, 1)), 1, False),
    "blocks of one row in words": (
        conv(in_channels=4, out_channels=2, in_size=(3, 8), kernel=(3, 3), padding=(1, 1)),
        12,
        True,
    ),
    "5x5, stride 2": (
        conv(in_channels=2, out_channels=2, in_size=(6, 11), kernel=(5, 5), stride=(2, 2), padding=(2, 2)),
        2,
        False,
    ),
    "kernel higher than the map": (
        conv(in_channels=3, out_channels=2, in_size=(2, 4), kernel=(5, 2), padding=(2, 1)),
        1,
        True,
    ),
}


@pytest.mark.parametrize(("shape", "slices", "signed"), CASES.values(), ids=CASES)
def test_sums_are_the_plain_convolution_and_cycles_the_models(
    tmp_path: Path, shape: LayerShape, slices: int, signed: bool
) -> None:
    packed, inputs = packed_of(shape, tmp_path, slices=slices), inputs_for(shape, signed=signed)
    rows = rows_of(packed)
    size = LineSize(length=shape.kernel_width, stride=shape.stride[1], signed_inputs=signed)
    program = line_program(rows, shape, inputs, size)
    found, model = run_line(program), simulate(shape, rows.coefficients(), inputs, ONE_LINE)
    assert found.sums.tolist() == plain(packed, shape, inputs).tolist()
    assert found.sums.tolist() == model.outputs.tolist()
    assert found.sums.any()
    assert found.cycles - found.fill_cycles == model.cycles
    assert found.fill_cycles <= 7 + size.length + program.words  # words until the first row


def test_zeros_that_a_bitmap_tells(tmp_path: Path) -> None:
    shape = conv(in_channels=6, out_channels=2, in_size=(3, 8), kernel=(3, 3), padding=(1, 1))
    packed, inputs = packed_of(shape, tmp_path, threshold=1.0, zero_rows=0.0), inputs_for(shape)
    assert packed.zeros == "bitmap"
    found = run_line(line_program(rows_of(packed), shape, inputs, LineSize()))
    assert found.sums.tolist() == plain(packed, shape, inputs).tolist()


def bubbles(zero_rows: float, rows_in_word: int, folder: Path) -> tuple[LineResult, int]:
    shape = conv(in_channels=24, out_channels=1, in_size=(3, 8), kernel=(3, 3), padding=(1, 1))
    packed, inputs = packed_of(shape, folder, zero_rows=zero_rows), inputs_for(shape)
    found = run_line(line_program(rows_of(packed), shape, inputs, LineSize(rows_in_word=rows_in_word)))
    assert found.sums.tolist() == plain(packed, shape, inputs).tolist()
    return found, found.cycles - found.fill_cycles - simulate(
        shape, rows_of(packed).coefficients(), inputs, ONE_LINE
    ).cycles


def test_narrow_words_are_looked_at_too_slowly_for_sparse_filters(tmp_path: Path) -> None:
    assert bubbles(0.98, 32, tmp_path)[1] <= 2
    assert bubbles(0.98, 2, tmp_path)[1] > 20


def test_a_tile_without_work_takes_a_cycle_a_word(tmp_path: Path) -> None:
    found, more = bubbles(1.0, 16, tmp_path)
    assert (
        more == 3 * 5 - found.fill_cycles + 8
    )  # three tiles of five words, and what the line takes to show the last sums
    assert not found.sums.any()


def test_what_cannot_run_is_refused(tmp_path: Path) -> None:
    shape = conv(in_channels=5, out_channels=3, in_size=(4, 9), kernel=(3, 3), padding=(1, 1))
    rows, inputs = rows_of(packed_of(shape, tmp_path)), inputs_for(shape)
    for bad, message in (
        (
            conv(in_channels=5, out_channels=3, in_size=(4, 9), kernel=(5, 5), padding=(1, 1)),
            "kernels 3 wide; this one has a kernel 5 wide",
        ),
        (
            conv(in_channels=5, out_channels=3, in_size=(4, 9), kernel=(3, 3), stride=(2, 2)),
            "built for stride 1, the layer has 2",
        ),
        (
            conv(in_channels=5, out_channels=4, in_size=(4, 9), kernel=(3, 3)),
            "3 filters of 15 rows of 3, the layer 4 of 15 of 3",
        ),
    ):
        with pytest.raises(RequestError, match=message):
            line_program(rows, bad, inputs, LineSize())
    with pytest.raises(RequestError, match=r"from 0 to 2.*the line reads whole numbers -128 to 127"):
        line_program(rows, shape, inputs, LineSize(signed_inputs=True))
    with pytest.raises(RequestError, match=r"words do not fit into address_bits = 3; give the line more"):
        line_program(rows, shape, inputs, LineSize(address_bits=3))


def test_a_file_that_was_cut_off_is_refused(tmp_path: Path) -> None:
    shape = conv(in_channels=5, out_channels=3, in_size=(4, 9), kernel=(3, 3))
    rows = rows_of(packed_of(shape, tmp_path))
    for name in ("codes", "row_bitmap"):
        with pytest.raises(
            DataError, match=rf"{name} holds \d+ bytes of uint8, but \d+ of uint8 belong.*is the file whole"
        ):
            replace(rows, **{name: getattr(rows, name)[:-1]})
    with pytest.raises(DataError, match="2 bases for 3 blocks with rows"):
        replace(rows, basis=rows.basis[:2])

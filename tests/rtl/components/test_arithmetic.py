"""Products, adder trees and the array of multipliers: what comes out, and after how many cycles."""

from collections.abc import Callable
from itertools import product

import numpy as np
import pytest

pytest.importorskip("amaranth", reason="describing hardware needs Amaranth: pip install 'netchip[rtl]'")

from netchip.hardware.fpga.board import load_board
from netchip.hardware.fpga.chunk import ENGINES, Chunk, ChunkBatch
from netchip.hardware.fpga.units import units_of as model_of
from netchip.hardware.fpga.unrolls import unrolls_of
from netchip.rtl.components.adder_tree import AdderTree
from netchip.rtl.components.mac_array import MacArray, slices_of, units_of
from netchip.rtl.components.products import PairedProduct, Product
from netchip.rtl.plan import EngineSize

EDGES = (-128, -127, -1, 0, 1, 2, 127)


def test_two_products_of_8_bits_share_a_wide_one(clocked: Callable[..., None]) -> None:
    part = PairedProduct()

    async def bench(context) -> None:
        for low, high, shared in product(EDGES, EDGES, EDGES):
            context.set(part.low, low)
            context.set(part.high, high)
            context.set(part.shared, shared)
            await context.tick()
            assert (context.get(part.low_result), context.get(part.high_result)) == (low * shared, high * shared)

    clocked(part, bench)


def test_a_product_of_16_bits(clocked: Callable[..., None]) -> None:
    part = Product(16, 16)

    async def bench(context) -> None:
        for first, second in product((-(2**15), -1, 0, 7, 2**15 - 1), repeat=2):
            context.set(part.first, first)
            context.set(part.second, second)
            await context.tick()
            assert context.get(part.result) == first * second

    clocked(part, bench)


@pytest.mark.parametrize("count", [1, 2, 3, 5, 8])
def test_a_tree_loses_nothing_and_takes_its_levels(clocked: Callable[..., None], count: int) -> None:
    part = AdderTree(count, 4)
    assert part.levels == int(np.ceil(np.log2(count)))

    async def bench(context) -> None:
        for terms in ([-8] * count, [7] * count, list(range(-count // 2, -count // 2 + count))):
            for signal, term in zip(part.terms, terms, strict=True):
                context.set(signal, term)
            if part.levels:
                await context.tick().repeat(part.levels)
            assert context.get(part.result) == sum(terms)

    clocked(part, bench)


def chunk_of(engine: str, bits: int, *unrolls: int) -> Chunk:
    names = ("unroll_out", "unroll_in", "unroll_rows", "unroll_columns")
    return Chunk(
        engine=engine, tile_out=8, tile_in=8, tile_rows=8, tile_columns=8, weight_bits=bits, input_bits=bits,
        output_bits=bits, **dict(zip(names, unrolls, strict=True)),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("engine", "bits", "unrolls"),
    [
        ("free", 8, (3, 2, 2, 1)),
        ("free", 16, (2, 3, 1, 2)),
        ("depthwise_free", 8, (2, 1, 3, 2)),
        ("rows", 8, (1, 1, 4, 1)),
    ],
)
def test_the_array_sums_products_from_one_first_to_the_next(
    clocked: Callable[..., None], engine: str, bits: int, unrolls: tuple[int, ...]
) -> None:
    size = EngineSize(chunk_of(engine, bits, *unrolls))
    part, random, half = MacArray(size), np.random.default_rng(0), 2 ** (bits - 1)
    lanes = len(part.inputs)
    inputs = random.integers(-half, half, (3, lanes, size.rows, size.columns))
    weights = random.integers(-half, half, (3, size.out, size.inputs))
    if size.engine.depthwise:
        expected = np.einsum("tmij,tm->mij", inputs, weights[:, :, 0])
    else:
        expected = np.einsum("tnij,tmn->mij", inputs, weights)

    async def bench(context) -> None:
        for cycle in range(-1, 3 + part.latency - 1):
            context.set(part.first, cycle == 0)
            for lane, i, j in product(range(lanes), range(size.rows), range(size.columns)):
                context.set(part.inputs[lane][i][j], int(inputs[min(max(cycle, 0), 2), lane, i, j]))
            for signal, value in zip(part.weights, weights[min(max(cycle, 0), 2)].reshape(-1), strict=True):
                context.set(signal, int(value))
            if cycle >= 0:
                await context.tick()
        found = [[[context.get(each) for each in row] for row in rows] for rows in part.sums]
        wrapped = (expected + 2**31) % 2**32 - 2**31
        late = part.latency - 1  # the last inputs stood still for the cycles of the latency but one
        assert late == 1 + (size.inputs - 1).bit_length()
        assert found == wrapped.tolist()

    clocked(part, bench)


@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize("engine", [engine.name for engine in ENGINES])
def test_slices_are_as_many_as_the_model_counts(engine: str, bits: int) -> None:
    for unrolls in product((1, 3), (1, 2), (2, 3), (1, 4)):
        chunk = chunk_of(engine, bits, *unrolls)
        size, batch = EngineSize(chunk), ChunkBatch.of([chunk])
        slices = slices_of(size)
        assert sorted(unit for each in slices for unit in each) == units_of(size)
        counted = model_of(batch, unrolls_of(batch, np), load_board("zc706").family, np).dsp[0]
        assert len(slices) == counted - 2 * 64 // bits  # two of each requantiser

"""From sums to words: the requantiser against the reference, the store's walk, pooling."""

from collections.abc import Callable

import numpy as np
import pytest
import torch

pytest.importorskip("amaranth", reason="describing hardware needs Amaranth: pip install 'netchip[rtl]'")

from netchip.hardware.fpga.chunk import Chunk
from netchip.rtl.components.output_buffer import OutputBuffer
from netchip.rtl.components.pooling import Pooling
from netchip.rtl.components.requantiser import Requantiser
from netchip.rtl.components.store import StoreBits, StoreControl
from netchip.rtl.plan import EngineSize
from netchip.rtl.program import Scaling
from netchip.rtl.reference import IntegerLayer, requantised, wrapped
from netchip.workload.shape import LayerShape


@pytest.mark.parametrize(("bits", "relu"), [(8, False), (8, True), (16, False)])
def test_the_requantiser_is_the_reference(clocked: Callable[..., None], bits: int, relu: bool) -> None:
    random, count = np.random.default_rng(bits), 60
    shape = LayerShape.conv(in_channels=1, out_channels=count, in_size=(1, 1), kernel=(1, 1))
    bias = torch.from_numpy(random.integers(-(2**31), 2**31, count))
    scales = torch.from_numpy(2.0 ** -random.uniform(0.1, 31, count)).float()
    scales[:20] = 2.0 ** -torch.arange(1, 21)  # so that there are ties
    layer = IntegerLayer.scaled(
        shape, torch.ones(count, 1, 1, 1), bias, scales, output_bits=bits, output_zero_point=-5, relu=relu
    )
    sums = torch.from_numpy(random.integers(-(2**31), 2**31, count))
    sums[:20] = wrapped(torch.from_numpy(random.integers(-64, 64, 20)) * 2 ** torch.arange(20) - bias[:20], 32)
    expected = requantised(layer, wrapped(sums + bias, 32)[:, None, None])[:, 0, 0].tolist()
    scaling = Scaling(
        tuple(bias.tolist()), tuple(layer.multipliers.tolist()), tuple(layer.shifts.tolist()), -5, layer.lowest
    )
    part, found = Requantiser(bits), []

    async def bench(context) -> None:
        context.set(part.zero_point, -5)
        context.set(part.lowest, layer.lowest)
        for place in range(count + part.latency - 1):
            context.set(part.sum, int(sums[min(place, count - 1)]))
            context.set(part.parameters, scaling.word(min(place, count - 1)))
            context.set(part.enable, 0)
            await context.tick()  # what is under way stands still
            context.set(part.enable, 1)
            await context.tick()
            found.append(context.get(part.result))

    clocked(part, bench)
    assert found[part.latency - 1 :] == expected


def test_sums_are_added_and_the_store_reads_them_all(clocked: Callable[..., None]) -> None:
    chunk = Chunk(
        engine="free", tile_out=4, tile_in=1, tile_rows=4, tile_columns=4, unroll_out=3, unroll_rows=2, port_bits=32
    )
    size = EngineSize(chunk)  # 3 channels, 4 as the port sees them, in 2 rows: 4 words of 2 sums
    part = OutputBuffer(size, 2)

    async def send(context, address: int, keep: int, sums: list[int] | None) -> None:
        for signal, value in ((part.address, address), (part.keep, keep), (part.last, 1)):
            context.set(signal, value)
        await context.tick()
        for signal, value in zip(part.sums, sums or [], strict=False):
            context.set(signal, value)

    async def bench(context) -> None:
        for keep, address in ((0, 0), (0, 1), (1, 0), (1, 1)):
            await send(context, address, keep, [100 * keep + 10 * address + place for place in range(6)])
        context.set(part.last, 0)
        await context.tick()
        context.set(part.full, 1)
        context.set(part.advance, 1)
        for address in range(2):
            context.set(part.store_address, address)
            await context.tick()
            slots = [context.get(each) for each in part.slots]
            sums = [100 + 20 * address + 2 * place for place in range(6)]
            assert slots == [*sums[:3], 0, *sums[3:], 0]

    clocked(part, bench)


def test_the_store_walks_through_words_and_begins_anew_at_each_place(clocked: Callable[..., None]) -> None:
    chunk = Chunk(
        engine="free", tile_out=8, tile_in=1, tile_rows=4, tile_columns=4, unroll_out=4, unroll_rows=2, port_bits=32
    )
    part = StoreControl(EngineSize(chunk), StoreBits(address=3, parameter=5, depth=2, out=2, inner=2, blocks=3))
    read: list[tuple[int, int]] = []

    async def bench(context) -> None:
        for signal, value in (
            (part.blocks, 4), (part.first_parameter, 3), (part.depth_end, 1), (part.out_end, 1), (part.inner_end, 1),
            (part.advance, 1), (part.start, 1),
        ):  # fmt: skip
            context.set(signal, value)
        await context.tick()
        context.set(part.start, 0)
        for block in range(4):
            context.set(part.landed, 1 << block % 2)
            await context.tick()
            context.set(part.landed, 0)
            for _ in range(20):
                if context.get(part.full) & (1 << block % 2):
                    read.append((context.get(part.address), context.get(part.parameter)))
                await context.tick()
        assert context.get(part.left) == 0

    clocked(part, bench)
    # A block: 2 passes of 2 addresses of 2 rows of 2 words. The words of a row take the parameters in turn.
    block = [
        (2 * out + depth, 2 * out + low) for out in range(2) for depth in range(2) for _ in range(2) for low in range(2)
    ]
    starts = [3, 3, 7, 7]
    expected = [(address, start + parameter) for start in starts for address, parameter in block]
    walked = [read[block * 17 : block * 17 + 16] for block in range(4)]  # the half is free a cycle after its last word
    assert [each for words in walked for each in words] == expected


@pytest.mark.parametrize("summing", [False, True])
def test_pooling_over_windows(clocked: Callable[..., None], summing: bool) -> None:
    part = Pooling(2, 8)
    values = np.random.default_rng(2).integers(-128, 128, (3, 4, 2))
    expected = values.sum(1) if summing else values.max(1)

    async def bench(context) -> None:
        context.set(part.summing, summing)
        for window in range(3):
            for place in range(4):
                context.set(part.enable, 0)
                await context.tick()
                context.set(part.enable, 1)
                context.set(part.first, place == 0)
                for lane in range(2):
                    context.set(part.values[lane], int(values[window, place, lane]))
                await context.tick()
            assert [context.get(each) for each in part.results] == expected[window].tolist()

    clocked(part, bench)

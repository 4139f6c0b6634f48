"""The ping-pong memory, the loader that fills it, and the walk of the controller and the store over them."""

from collections.abc import Callable
from itertools import product

import numpy as np
import pytest

pytest.importorskip("amaranth", reason="describing hardware needs Amaranth: pip install 'netchip[rtl]'")

from netchip.rtl.components.controller import LOOPS, Controller, LoopBits
from netchip.rtl.components.lane_memory import LaneMemory
from netchip.rtl.components.loader import Loader, TileBounds
from netchip.rtl.plan import Packing


@pytest.mark.parametrize(("lanes", "per_word"), [(1, 4), (2, 4), (3, 8), (4, 4), (6, 4), (1, 1)])
def test_a_word_holds_addresses_or_an_address_takes_words(
    clocked: Callable[..., None], lanes: int, per_word: int
) -> None:
    packing, depth, bits = Packing(lanes, per_word), 3, 8
    part = LaneMemory(packing, bits, depth)
    values = np.random.default_rng(1).integers(-128, 128, (2, depth * packing.positions, lanes))

    async def fill(context, half: int, address: int, group: int) -> None:
        flat = values[half, address * packing.positions : (address + 1) * packing.positions].reshape(-1)
        elements = flat[group * per_word : (group + 1) * per_word]
        context.set(part.write_word, sum((int(value) % 256) << 8 * place for place, value in enumerate(elements)))
        for signal, value in ((part.write_half, half), (part.write_address, address), (part.write_group, group)):
            context.set(signal, value)
        await context.tick()

    async def bench(context) -> None:
        context.set(part.write_enable, 1)
        for half, address, group in product(range(2), range(depth), range(packing.words)):
            await fill(context, half, address, group)
        context.set(part.write_enable, 0)
        for half, element in product(range(2), range(depth * packing.positions)):
            context.set(part.read_half, half)
            context.set(part.read_address, element)
            await context.tick()
            assert [context.get(each) for each in part.read] == values[half, element].tolist()

    clocked(part, bench)


def test_lines_that_two_banks_share_go_to_both(clocked: Callable[..., None]) -> None:
    # Planes of 4 lines of 2 words; bank 0 takes the lines 0 to 2, bank 1 the lines 1 to 3.
    part = Loader(8, 1, 2, 1, TileBounds(words=2, lines=3, planes=2, address=4, tiles=4))
    written: list[tuple[int, int, int, int]] = []

    async def bench(context) -> None:
        for signal, value in (
            (part.tiles, 3), (part.words_end, 1), (part.lines_end, 3), (part.planes_end, 1), (part.last_word[0], 1),
            (part.last_line[0], 2), (part.first_line[1], 1), (part.last_line[1], 3), (part.start, 1),
        ):  # fmt: skip
            context.set(signal, value)
        await context.tick()
        context.set(part.start, 0)
        context.set(part.stream.valid, 1)
        word = 0
        for cycle in range(60):
            context.set(part.stream.payload, word)
            context.set(part.release, cycle == 50)
            word += context.get(part.stream.ready)
            await context.tick()
            for bank in range(2):
                if context.get(part.enable[bank][0]):
                    written.append(
                        (bank, context.get(part.half), context.get(part.address[bank][0]), context.get(part.word))
                    )
            if cycle == 40:
                assert context.get(part.full) == 3
                assert word == 32  # two tiles of 16 words, and no more

    clocked(part, bench)
    for bank, lines in ((0, (0, 1, 2)), (1, (1, 2, 3))):
        words = [8 * plane + 2 * line + word for plane in range(2) for line in lines for word in range(2)]
        for tile in range(2):
            expected = [(tile, address, 16 * tile + word) for address, word in enumerate(words)]
            assert [each[1:] for each in written if each[0] == bank and each[3] // 16 == tile] == expected
    assert any(word == 32 and half == 0 for _, half, _, word in written)  # the released half is filled again


def test_the_controller_is_a_nest_of_loops(clocked: Callable[..., None]) -> None:
    bounds = dict(zip(LOOPS, (3, 2, 2, 2, 1, 2), strict=True))
    strides = dict(zip(LOOPS, (1, 5, 20, 2, 10, 0), strict=True))
    part = Controller(LoopBits([2] * 6, 6, 6, 4, 1), positions=1)
    found: list[tuple[int, ...]] = []

    async def bench(context) -> None:
        for loop in LOOPS:
            context.set(part.end[loop], bounds[loop] - 1)
            context.set(part.stride[loop], strides[loop])
        context.set(part.steps_end, 1)
        context.set(part.inputs_full, 3)
        context.set(part.weights_full, 1)
        for cycle in range(120):
            if cycle == 60:
                assert len(found) == 48  # the second step waits for its weights
                context.set(part.weights_full, 3)
            await context.tick()
            if context.get(part.valid):
                signals = (
                    part.input_address,
                    part.weight_address,
                    part.output_address,
                    part.first,
                    part.last,
                    part.keep,
                )
                found.append(tuple(context.get(each) for each in (*signals, part.block_ends, part.output_half)))
            if len(found) == 96:
                context.set(part.inputs_full, 0)

    clocked(part, bench)
    expected = []
    for step in range(2):
        for out, row, column, channel, line, place in product(*(range(bounds[loop]) for loop in reversed(LOOPS))):
            values = (out, row, column, channel, line, place)
            address = sum(value * strides[loop] for value, loop in zip(values, reversed(LOOPS), strict=True))
            inner = (channel * 2 + line) * 3 + place
            ends = (step, out, column, inner) == (1, 1, 1, 11)
            expected.append((address, out * 12 + inner, out * 2 + column, inner == 0, inner == 11, step, ends, 0))
    assert found == expected

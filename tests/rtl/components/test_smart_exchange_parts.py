"""The parts of SmartExchange's line: shift-and-add, Booth digits one after another, the rows that both indexes leave."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("amaranth", reason="describing hardware needs Amaranth: pip install 'netchip[rtl]'")

from netchip.errors import RequestError
from netchip.rtl import language
from netchip.rtl.components.index_selector import IndexSelector
from netchip.rtl.components.line_size import LineSize
from netchip.rtl.components.plain_line import PlainLine
from netchip.rtl.components.rebuild_engine import RebuildEngine
from netchip.rtl.components.serial_macs import SerialMacs
from netchip.workload.booth import booth_steps

words = st.tuples(*[st.integers(0, 15)] * 6)
BASIS = ((127, -128, 3), (-1, 0, 64), (5, -77, -128))


def joined(values: list[int], bits: int) -> int:
    return sum(int(value) % 2**bits << place * bits for place, value in enumerate(values))


@pytest.mark.parametrize(
    ("codes", "coefficients"),
    [
        ((1, 9, 1), (64, -64, 64)),
        ((7, 0, 15), (1, 0, -1)),
        ((0, 0, 0), (0, 0, 0)),
        ((9, 9, 9), (-64,) * 3),
        ((2, 13, 6), (32, -4, 2)),
    ],
)
def test_a_row_is_coefficients_times_basis(
    clocked: Callable[..., None], codes: tuple[int, ...], coefficients: tuple[int, ...]
) -> None:
    part = RebuildEngine(LineSize())

    async def bench(context) -> None:
        context.set(part.load, 1)
        for row, values in enumerate(BASIS):
            context.set(part.load_row, row)
            context.set(part.load_values, joined(list(values), 8))
            await context.tick()
        context.set(part.load, 0)
        context.set(part.run, 1)
        for _ in range(2):  # the second row begins anew
            for place, code in enumerate(codes):
                context.set(part.place, place)
                context.set(part.first, place == 0)
                context.set(part.code, code)
                found = [context.get(weight) for weight in part.weights]
                await context.tick()
            assert found == (np.array(coefficients) @ np.array(BASIS)).tolist()

    clocked(part, bench)


@pytest.mark.parametrize(("signed", "stride"), [(False, 1), (True, 2)])
def test_lanes_sum_and_take_the_longest_of_their_digits(
    clocked: Callable[..., None], signed: bool, stride: int
) -> None:
    size = LineSize(lanes=3, stride=stride, signed_inputs=signed)
    part, random = SerialMacs(size), np.random.default_rng(0)
    low, high = (-128, 128) if signed else (0, 256)
    inputs = random.integers(low, high, (4, size.window)) * (random.random((4, size.window)) < 0.7)
    inputs[3] = [low, high - 1, *[0] * (size.window - 2)]  # both ends of their range
    weights, enabled = random.integers(-(2**15), 2**15, (4, 3)), (7, 7, 3, 7)
    under = np.array(
        [[inputs[row, lane * stride :][:3] * (enabled[row] >> lane & 1) for lane in range(3)] for row in range(4)]
    )
    expected = np.einsum("rls,rs->l", under, weights)
    steps = np.maximum(booth_steps(under).max(1), 1).sum()

    async def bench(context) -> None:
        context.set(part.load, 1)
        taken, cycles = 0, 0
        while not context.get(part.valid):
            row = min(taken, 3)
            for signal, weight in zip(part.weights, weights[row], strict=True):
                context.set(signal, int(weight))
            context.set(part.window, joined(inputs[row].tolist(), 8) | enabled[row] << 8 * size.window)
            context.set(part.first, row == 0)
            context.set(part.last, row == 3)
            context.set(part.load, taken < 4)
            taken += context.get(part.ready) and taken < 4
            cycles += 1
            await context.tick()
        assert [context.get(each) for each in part.sums] == expected.tolist()
        assert cycles == 1 + steps + 2 - 1

    clocked(part, bench)


def test_an_empty_row_shows_zeros(clocked: Callable[..., None]) -> None:
    part = SerialMacs(LineSize(lanes=2))

    async def bench(context) -> None:
        for signal, value in (
            (part.load, 1),
            (part.window, 2**34 - 1),
            (part.weights[0], 5),
            (part.first, 1),
            (part.last, 1),
        ):
            context.set(signal, value)
        context.set(part.empty, 1)
        await context.tick()
        context.set(part.load, 0)
        await context.tick().repeat(2)
        assert context.get(part.valid)
        assert [context.get(each) for each in part.sums] == [0, 0]

    clocked(part, bench)


ROWS = (0b1011, 0b0000, 0b0110, 0b1000, 0b0001, 0b0000)  # two filters of three words, the first two of each a block
INPUTS = (0b1111, 0b1111, 0b1010, 0b0100, 0b0000, 0b0001)  # two tiles
BY_HAND = [  # coefficients, inputs, block, fresh, empty, last: of a row's bits the first is the lowest
    (0, 0, 0, 1, 0, 0), (1, 1, 0, 0, 0, 0), (2, 3, 0, 0, 0, 0), (3, 9, 1, 1, 0, 1),
    (None, None, None, 0, 1, 1),
    (5, 3, 2, 1, 0, 0), (6, 4, 2, 0, 0, 1),
    (None, None, None, 0, 1, 1),
]  # fmt: skip


def selected(rows: tuple[int, ...], inputs: tuple[int, ...], patience: int) -> tuple[list[tuple[int | None, ...]], int]:
    """What the selector shows with memories of a cycle beside it, each taken after some patience; and the cycles."""
    from amaranth.lib.memory import Memory

    size = LineSize(rows_in_word=4, address_bits=6)
    top, part = language.Module(), IndexSelector(size)
    top.submodules.part = part
    for name, words, address, word in (
        ("rows", rows, part.weight_address, part.weight_word),
        ("inputs", inputs, part.input_address, part.input_word),
    ):
        top.submodules[name] = memory = Memory(shape=4, depth=len(words), init=words)
        port = memory.read_port()
        top.d.comb += [port.en.eq(part.read), port.addr.eq(address), word.eq(port.data)]
    found: list[tuple[int | None, ...]] = []
    cycles = 0

    async def bench(context) -> None:
        nonlocal cycles
        for name, end in (("words", 2), ("block", 1), ("tiles", 1), ("filters", 1)):
            context.set(getattr(part, f"{name}_end"), end)
        context.set(part.start, 1)
        await context.tick()
        context.set(part.start, 0)
        waits = patience
        while sum(bool(each[-1]) for each in found) < 4:
            takes = context.get(part.valid) and waits == 0
            if takes:
                *places, fresh, empty, last = (context.get(each) for each in part.row.signals)
                found.append((*([None] * 3 if empty else places), fresh, empty, last))
            waits = patience if takes else max(0, waits - 1)
            context.set(part.take, takes)
            await context.tick()
            cycles += 1

    simulator = language.amaranth.sim.Simulator(top)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()
    return found, cycles


@pytest.mark.parametrize("patience", [0, 2])
def test_rows_with_coefficients_that_meet_inputs_are_found_in_order(patience: int) -> None:
    assert selected(ROWS, INPUTS, patience)[0] == BY_HAND


def in_order(rows: tuple[int, ...], inputs: tuple[int, ...]) -> list[tuple[int | None, ...]]:
    """The same as plain loops."""
    found: list[tuple[int | None, ...]] = []
    for filter_, tile in ((0, 0), (0, 1), (1, 0), (1, 1)):
        stored, blocks, made = sum(each.bit_count() for each in rows[: 3 * filter_]), _blocks(rows[: 3 * filter_]), []
        for block in ((0, 1), (2,)):
            fresh = 1
            for word in block:
                weights, other = rows[3 * filter_ + word], inputs[3 * tile + word]
                for bit in range(4):
                    if weights & other & 1 << bit:
                        place = stored + (weights & (1 << bit) - 1).bit_count()
                        made.append((place, 4 * (3 * tile + word) + bit, blocks, fresh, 0, 0))
                        fresh = 0
                stored += weights.bit_count()
            blocks += any(rows[3 * filter_ + word] for word in block)
        found += [*made[:-1], (*made[-1][:-1], 1)] if made else [(None, None, None, 0, 1, 1)]
    return found


def _blocks(rows: tuple[int, ...]) -> int:
    return sum(
        any(part) for first in range(0, len(rows), 3) for part in (rows[first : first + 2], rows[first + 2 : first + 3])
    )


@settings(max_examples=15, deadline=None)
@given(rows=words, inputs=words, patience=st.integers(0, 3))
def test_rows_are_those_of_plain_loops(rows: tuple[int, ...], inputs: tuple[int, ...], patience: int) -> None:
    assert selected(rows, inputs, patience)[0] == in_order(rows, inputs)


def test_a_word_takes_a_cycle_for_each_row_and_at_least_one() -> None:
    full, cycles = selected((15,) * 6, (15,) * 6, 0)
    assert (len(full), cycles) == (48, 48 + 3)  # and three until the first is shown
    none, cycles = selected((0,) * 6, (15,) * 6, 0)
    assert (len(none), cycles) == (4, 12 + 3)


@pytest.mark.parametrize("paired", [False, True])
def test_the_plain_line_does_every_row(clocked: Callable[..., None], paired: bool) -> None:
    size = LineSize(lanes=4, signed_inputs=True)
    part, random = PlainLine(size, paired=paired), np.random.default_rng(0)
    weights, inputs = (
        random.integers(-128, 128, (2, 3, 3)),
        random.integers(-128, 128, (2, 3, size.window)),
    )  # rows of filter, tile
    under = np.stack([inputs[:, :, lane : lane + 3] for lane in range(4)], axis=1)
    expected = np.einsum("fru,tlru->ftl", weights, under).reshape(4, 4)
    found: list[list[int]] = []

    async def bench(context) -> None:
        for name, end in (("rows", 2), ("tiles", 1), ("filters", 1)):
            context.set(getattr(part, f"{name}_end"), end)
        context.set(part.start, 1)
        await context.tick()
        context.set(part.start, 0)
        for _ in range(2 * 2 * 3 * 3 + 6):
            ports = [
                (port, context.get(port.enable), context.get(port.address)) for port in (part.weights, part.inputs)
            ]
            if context.get(part.valid):
                found.append([context.get(each) for each in part.sums])
            await context.tick()
            for (port, enable, address), words in zip(ports, (weights, inputs), strict=True):
                if enable:
                    context.set(port.word, joined(words.reshape(6, -1)[address].tolist(), 8))

    clocked(part, bench)
    assert found == expected.tolist()


def test_what_no_line_can_be() -> None:
    with pytest.raises(RequestError, match="rows of 1 weights: the line slides its inputs under rows of at least 2"):
        LineSize(length=1)
    with pytest.raises(RequestError, match="lanes, stride and address_bits are whole numbers of at least 1"):
        LineSize(lanes=0)
    with pytest.raises(RequestError, match="rows_in_word = 12: give a power of two"):
        LineSize(rows_in_word=12)

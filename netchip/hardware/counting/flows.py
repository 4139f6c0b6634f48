"""Traffic: every move of every memory, as elements a tile, tiles, and instances. Still without prices."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from netchip.hardware.accelerator import Accelerator, Memory
from netchip.hardware.conventions import Conventions
from netchip.hardware.counting.arithmetic import Arithmetic, Number, product
from netchip.hardware.counting.columns import Columns
from netchip.hardware.counting.levels import Level
from netchip.hardware.dimensions import Move, Operand


class Action(NamedTuple):
    """What is counted: a move of an operand at a memory, by name."""

    memory: str
    operand: Operand
    move: Move


@dataclass(frozen=True)
class Flow:
    """One action: in each of `instances` instances of its memory, `tiles` times `elements` of `bits` bits each."""

    action: Action
    elements: Number
    tiles: Number
    instances: Number
    bits: Number

    @property
    def total(self) -> Number:
        """Elements that the action moves in all instances."""
        return product((self.elements, self.tiles, self.instances))


@dataclass(frozen=True)
class Widths:
    """Bits of an element where it lies: encoded weights above the point of rebuilding, sums until they are finished."""

    accelerator: Accelerator
    layers: Columns
    arithmetic: Arithmetic

    def of(self, operand: Operand, index: int, unfinished: Number = False) -> Number:
        """Bits that an element takes in memory `index`."""
        bits = self.layers.bits
        if operand == "W":
            width = bits["stored" if index >= self._rebuilds_at() else "weight"]
        elif operand == "I":
            width = bits["input"]
        else:
            width = self.arithmetic.where(unfinished, bits["accumulator"], bits["output"])
        word = self.accelerator.memories[index].word_bits
        return width if word is None else self.arithmetic.ceil(width / word) * word

    def _rebuilds_at(self) -> int:
        names = [memory.name for memory in self.accelerator.memories]
        return (
            self.accelerator.chain("W")[-1]
            if self.accelerator.rebuilds_at is None
            else names.index(self.accelerator.rebuilds_at)
        )


def flows_of(operand: Operand, levels: list[Level], widths: Widths, conventions: Conventions) -> Iterator[Flow]:
    """All moves of `operand` along its chain, whose `levels` are given from the MAC up."""
    accelerator = widths.accelerator
    chain = accelerator.chain(operand)
    for place, index in enumerate(chain):
        memory, below, own = accelerator.memories[index], levels[place], levels[place + 1]
        if operand == "O":
            yield from _sums_below(
                memory, below, widths.of("O", index, below.unfinished), conventions, widths.arithmetic
            )
        else:
            yield _read(memory, operand, below, widths.of(operand, index))
        if place < len(chain) - 1 and operand == "O":
            yield from _sums_above(memory, own, widths.of("O", index, own.unfinished), conventions, widths.arithmetic)
        elif place < len(chain) - 1:
            loaded = product((own.tile, own.slide))
            yield Flow(Action(memory.name, operand, "fill"), loaded, own.loads, own.below, widths.of(operand, index))


def is_charged(action: Action, conventions: Conventions) -> bool:
    """Whether the memory pays for the action, in energy and in time."""
    if action.operand != "O":
        return conventions.fills_paid or action.move != "fill"
    unpaid = {"both": (), "return": ("drain",), "leave": ("fill",), "neither": ("drain", "fill")}
    return action.move not in unpaid[conventions.outputs_above]


def _sent(memory: Memory, operand: Operand, below: Level) -> Number:
    """Elements that one instance exchanges at once with the units it serves."""
    units = below.copies if memory.network(operand) == "unicast" else below.children
    return product((below.tile, units, below.slide))


def _read(memory: Memory, operand: Operand, below: Level, bits: Number) -> Flow:
    return Flow(Action(memory.name, operand, "read"), _sent(memory, operand, below), below.loads, below.above, bits)


def _sums_below(
    memory: Memory, below: Level, bits: Number, conventions: Conventions, arithmetic: Arithmetic
) -> Iterator[Flow]:
    sent = _sent(memory, "O", below)
    again = _loads_again(below, conventions, arithmetic)
    yield Flow(Action(memory.name, "O", "update"), sent, below.loads, below.above, bits)
    yield Flow(Action(memory.name, "O", "read"), sent, again, below.above, bits)


def _sums_above(
    memory: Memory, own: Level, bits: Number, conventions: Conventions, arithmetic: Arithmetic
) -> Iterator[Flow]:
    yield Flow(Action(memory.name, "O", "drain"), own.tile, own.loads, own.below, bits)
    yield Flow(Action(memory.name, "O", "fill"), own.tile, _loads_again(own, conventions, arithmetic), own.below, bits)


def _loads_again(level: Level, conventions: Conventions, arithmetic: Arithmetic) -> Number:
    """Loads of outputs that bring back an earlier sum."""
    if conventions.first_sum_is_read:
        return arithmetic.where(level.unfinished, level.loads, 0.0)
    return arithmetic.most(level.loads - level.firsts, 0.0)

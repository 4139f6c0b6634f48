"""What each memory must hold at once."""

from collections.abc import Mapping

from netchip.hardware.accelerator import Accelerator
from netchip.hardware.counting.arithmetic import Number, product
from netchip.hardware.counting.flows import Widths
from netchip.hardware.counting.levels import Level
from netchip.hardware.dimensions import OPERANDS, Operand


def held_bits(
    accelerator: Accelerator, levels: Mapping[Operand, list[Level]], widths: Widths
) -> dict[tuple[str, Operand], Number]:
    """Bits that a tile takes in one instance, by memory and operand; twice as many where the memory is double buffered."""
    held: dict[tuple[str, Operand], Number] = {}
    for operand in OPERANDS:
        for place, index in enumerate(accelerator.chain(operand)):
            memory, level = accelerator.memories[index], levels[operand][place + 1]
            bits = product((level.tile, widths.of(operand, index, level.unfinished)))
            held[memory.name, operand] = product((bits, 2.0 if memory.double_buffered else 1.0))
    return held

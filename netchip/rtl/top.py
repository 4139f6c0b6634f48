"""The top of an accelerator as Verilog: its chunks side by side, each with stream ports of its own."""

from collections.abc import Sequence

from netchip.rtl.program import Program

TOP = """\
// accelerator: {count} chunks that begin a round together, each at layers of its own; busy until the last has ended.
// Ports are streams: a word passes in the cycles in which valid and ready are both up. One clock, one synchronous reset.
module accelerator (
  input clk, input rst, input start, output busy,
{ports}
);
{instances}
  assign busy = {busy};
endmodule
"""


def top_of(modules: Sequence[str], names: Sequence[str], programs: Sequence[Program]) -> str:
    """The text of the module `accelerator` over the chunks' modules."""
    each = list(zip(modules, names, programs, strict=True))
    return TOP.format(
        count=len(each),
        ports=",\n".join(_ports(module, program) for module, _, program in each),
        instances="\n".join(_instance(module, name, program) for module, name, program in each),
        busy=" | ".join(f"{module}_busy" for module in modules),
    )


def _ports(module: str, program: Program) -> str:
    word = f"[{program.plans[0].size.chunk.port_bits - 1}:0] "
    lines = [f"  output {module}_busy, output [{program.layer_bits - 1}:0] {module}_layer"]
    lines += [
        f"  input {word}{module}_{name}_payload, input {module}_{name}_valid, output {module}_{name}_ready"
        for name in _inputs(program)
    ]
    lines.append(
        f"  output {word}{module}_outputs_payload, output {module}_outputs_valid, input {module}_outputs_ready"
    )
    return ",\n".join(lines)


def _inputs(program: Program) -> tuple[str, ...]:
    return ("inputs",) if program.plans[0].size.chunk.shared_port else ("inputs", "weights")


def _instance(module: str, name: str, program: Program) -> str:
    streams = (*_inputs(program), "outputs")
    own = ["busy", "layer", *(f"{stream}_{part}" for stream in streams for part in ("payload", "valid", "ready"))]
    ports = [".clk(clk)", ".rst(rst)", ".start(start)", *(f".{port}({module}_{port})" for port in own)]
    lines = ",\n".join(f"    {port}" for port in ports)
    return f"  // {name}: {len(program.plans)} layers\n  {module} {module}_chunk (\n{lines}\n  );"

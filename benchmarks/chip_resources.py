"""Resources of random small chunks: what the model says, and what Yosys counts before place and route.

python benchmarks/chip_resources.py --chunks 8
A chunk takes Yosys a minute or two; `--points FOLDER` keeps each in a file, and takes those that are there. `--large` synthesises a
chunk of 64 multipliers instead. `--csv FILE` writes look-up tables and flip-flops as `netchip cost --calibration` reads them.
"""

import argparse
import json
import platform
import resource
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch

from netchip.hardware.fpga.board import load_board
from netchip.hardware.fpga.chunk import ENGINES, Chunk, ChunkBatch
from netchip.hardware.fpga.layer_table import LayerTable
from netchip.hardware.fpga.predictor import RESOURCES, FpgaPredictor
from netchip.rtl.reference import IntegerLayer
from netchip.rtl.simulation import program_of
from netchip.rtl.synthesis import synthesise
from netchip.rtl.verilog import verilog_of
from netchip.workload.encoding import Precision
from netchip.workload.layer import Layer
from netchip.workload.shape import LayerShape

PORTS, NARROW = (32, 64, 128), 21
FITTED = 30
LARGE = Chunk(
    engine="tree", tile_out=16, tile_in=16, tile_rows=8, tile_columns=8, unroll_out=8, unroll_in=8, weight_bits=8,
    input_bits=8, output_bits=8,
)  # fmt: skip


def one_of(random: np.random.Generator, *options: Any) -> Any:
    return options[random.integers(len(options))]


def random_chunk(random: np.random.Generator, engine: str, ports: tuple[int, ...]) -> Chunk:
    few = engine.endswith("free")
    unrolls = {
        "out": one_of(random, 1, 2) if few else one_of(random, 2, 4, 8),
        "in": one_of(random, 1, 2, 4),
        "rows": 2 if few else one_of(random, 2, 4),
        "columns": one_of(random, 1, 2),
    }
    tiles = {name: max(unroll, one_of(random, 4, 8, 16)) for name, unroll in unrolls.items()}
    bits = one_of(random, 8, 16)
    widths = {"weight_bits": bits, "input_bits": bits, "output_bits": bits}
    return Chunk(
        engine=engine, port_bits=one_of(random, *ports), shared_port=one_of(random, True, False), **widths,
        **{f"tile_{name}": tile for name, tile in tiles.items()},
        **{f"unroll_{name}": unroll for name, unroll in unrolls.items()},
    )  # fmt: skip


def shapes_of(depthwise: bool) -> list[LayerShape]:
    groups = 16 if depthwise else 1
    return [
        LayerShape.conv(
            in_channels=16, out_channels=16, groups=groups, in_size=(size, size), kernel=(kernel, kernel),
            padding=(kernel // 2, kernel // 2),
        )
        for size, kernel in ((16, 3), (7, 5))
    ]  # fmt: skip


def random_layer(random: np.random.Generator, shape: LayerShape, bits: int) -> IntegerLayer:
    """Biases and scales of all their bits, since Yosys leaves out memory that holds constants; weights come through the port."""
    filters = shape.total_out_channels
    weights = torch.ones(filters, shape.in_channels, shape.kernel_height, shape.kernel_width)
    widths = {"weight_bits": bits, "input_bits": bits, "output_bits": bits}
    bias = torch.from_numpy(random.integers(-(2**31), 2**31, filters))
    scales = torch.from_numpy(2.0 ** -random.uniform(0.1, 31, filters))
    return IntegerLayer.scaled(shape, weights, bias, scales, **widths)


def predicted(shapes: list[LayerShape], chunk: Chunk) -> dict[str, float]:
    precision = Precision(weight_bits=chunk.weight_bits, input_bits=chunk.input_bits)
    table = LayerTable.of([Layer(f"layer{place}", shape, precision=precision) for place, shape in enumerate(shapes)])
    found = FpgaPredictor(load_board("zc706"))(table, ChunkBatch.of([chunk]))
    return {name: float(value[0]) for name, value in found.usage.items()}


def synthesised(chunk: Chunk, layers: list[IntegerLayer]) -> dict[str, Any]:
    """What Yosys counts, and the seconds it took: of a clock, and of a core."""
    start, used = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
    with tempfile.TemporaryDirectory() as folder:
        counted = synthesise(verilog_of(program_of(layers, chunk)), Path(folder))
    core = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - used
    return {
        "chunk": asdict(chunk), "counted": asdict(counted), "seconds": time.perf_counter() - start, "core_seconds": core,
    }  # fmt: skip


def point_of(chunk: Chunk, layers: list[IntegerLayer], file: Path | None) -> dict[str, Any]:
    """The point as it is in its file, else made and kept there."""
    if file is not None and file.exists():
        kept = json.loads(file.read_text())
        if kept["chunk"] == asdict(chunk):
            return kept
    point = synthesised(chunk, layers)
    if file is not None:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(point))
    return point


def chunks_of(count: int, seed: int, *, large: bool) -> Iterator[tuple[str, Chunk, np.random.Generator]]:
    """Names, chunks, and what draws their layers; the first rounds have ports of 32 and 64 bits."""
    random = np.random.default_rng(seed)
    if large:
        yield "large", LARGE, random
        return
    for place in range(count):
        ports = PORTS[:2] if place < NARROW else PORTS
        yield f"{seed}-{place}", random_chunk(random, ENGINES[place % len(ENGINES)].name, ports), random


def line_of(chunk: Chunk, said: dict[str, float], point: dict[str, Any]) -> str:
    counted = point["counted"]
    pairs = ", ".join(f"{name} {said[name]:,.0f} / {counted[name]:,}" for name in RESOURCES if name in counted)
    units = f"{chunk.unroll_out}x{chunk.unroll_in}x{chunk.unroll_rows}x{chunk.unroll_columns}"
    path = counted.get("critical_path")
    slowest = f"; critical path {path['delay_ps'] / 1000:.2f} ns before place and route" if path else ""
    seconds = f"{point['seconds']:.0f} s ({point['core_seconds']:.0f} s of a core)"
    return f"{chunk.engine} {units}, {chunk.input_bits} bits, port {chunk.port_bits}: {pairs}{slowest}; {seconds}"


def csv_of(rows: list[dict[str, Any]]) -> str:
    """The points as measured ones, under the larger of the two layers."""
    lines = []
    for row in rows:
        shape = shapes_of(row["chunk"]["engine"].startswith("depthwise"))[0]
        layer = [
            shape.total_in_channels,
            shape.total_out_channels,
            shape.in_height,
            shape.in_width,
            shape.kernel_height,
            shape.groups,
        ]
        chunk = [int(value) if isinstance(value, bool) else value for value in row["chunk"].values()]
        lines.append([*layer, *chunk, row["counted"]["lut"], row["counted"]["ff"]])
    layer_names = ["in_channels", "out_channels", "height", "width", "kernel", "groups"]
    head = [*layer_names, *rows[0]["chunk"], "measured_lut", "measured_ff"]
    return "".join(",".join(map(str, line)) + "\n" for line in (head, *lines))


def errors_percent(rows: list[dict[str, Any]], name: str) -> list[float]:
    return [abs(row["predicted"][name] / row["counted"][name] - 1) * 100 for row in rows]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--chunks", type=int, default=8)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--fitted", type=int, default=FITTED, help="how many of the first chunks the constants are fitted to"
    )
    parser.add_argument("--points", type=Path)
    parser.add_argument("--csv", type=Path)
    parser.add_argument("--large", action="store_true")
    arguments = parser.parse_args()
    rows: list[dict[str, Any]] = []
    for name, chunk, random in chunks_of(arguments.chunks, arguments.seed, large=arguments.large):
        shapes = shapes_of(chunk.engine.startswith("depthwise"))
        layers = [random_layer(random, shape, chunk.input_bits) for shape in shapes]
        point = point_of(chunk, layers, arguments.points and arguments.points / f"{name}.json")
        rows.append({**point, "predicted": predicted(shapes, chunk)})
        print(line_of(chunk, rows[-1]["predicted"], point), flush=True)
    if arguments.csv:
        arguments.csv.write_text(csv_of(rows))
    for title, part in (("fitted", rows[: arguments.fitted]), ("held out", rows[arguments.fitted :])):
        for name in ("lut", "ff") if part else ():
            errors = errors_percent(part, name)
            print(
                f"{title}, {len(part)} chunks: {name} off by {np.mean(errors):.1f} % on average, {max(errors):.1f} % at most"
            )
    print(f"predicted / counted, {len(rows)} chunks on {platform.machine()}")


if __name__ == "__main__":
    main()

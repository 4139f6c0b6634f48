"""Resources of random small chunks: what the model says, and what Yosys counts before place and route.

python benchmarks/chip_resources.py --chunks 8
A chunk takes Yosys about a minute. `--json FILE` keeps the rows.
"""

import argparse
import json
import platform
import tempfile
import time
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


def one_of(random: np.random.Generator, *options: Any) -> Any:
    return options[random.integers(len(options))]


def random_chunk(random: np.random.Generator, engine: str) -> Chunk:
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
        engine=engine, port_bits=one_of(random, 32, 64), shared_port=one_of(random, True, False), **widths,
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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--chunks", type=int, default=8)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    random, rows = np.random.default_rng(arguments.seed), []
    for place in range(arguments.chunks):
        chunk, start = random_chunk(random, ENGINES[place % len(ENGINES)].name), time.perf_counter()
        shapes = shapes_of(chunk.engine.startswith("depthwise"))
        program = program_of([random_layer(random, shape, chunk.input_bits) for shape in shapes], chunk)
        with tempfile.TemporaryDirectory() as folder:
            counted = synthesise(verilog_of(program), Path(folder))
        said = predicted(shapes, chunk)
        pairs = ", ".join(f"{name} {said[name]:,.0f} / {getattr(counted, name):,}" for name in RESOURCES)
        units = f"{chunk.unroll_out}x{chunk.unroll_in}x{chunk.unroll_rows}x{chunk.unroll_columns}"
        print(f"{chunk.engine} {units}, {chunk.input_bits} bits, port {chunk.port_bits}: {pairs}", flush=True)
        seconds = time.perf_counter() - start
        rows.append({"chunk": asdict(chunk), "predicted": said, "counted": asdict(counted), "seconds": seconds})
        if arguments.json:
            arguments.json.write_text(json.dumps(rows))
    print(
        f"predicted / counted, {len(rows)} chunks, {sum(row['seconds'] for row in rows):.0f} s on {platform.machine()}"
    )


if __name__ == "__main__":
    main()

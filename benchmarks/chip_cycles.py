"""Cycles of random layers on random chunks: what the model says, and what the chunk's Verilog takes under Verilator.

python benchmarks/chip_cycles.py --chunks 8 --layers 7
Each chunk is generated, built and run once with all its layers; outputs are compared with the integer reference, so a chunk that
computes anything else stops the table. `--json FILE` keeps the pairs.
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
from netchip.hardware.fpga.chunk import Chunk, ChunkBatch
from netchip.hardware.fpga.layer_table import LayerTable
from netchip.hardware.fpga.predictor import FpgaPredictor
from netchip.rtl.bench import chip_files
from netchip.rtl.reference import IntegerLayer
from netchip.rtl.verilator import simulate_bench
from netchip.workload.encoding import Precision
from netchip.workload.layer import Layer
from netchip.workload.shape import LayerShape

ENGINES = ("tree", "broadcast", "rows", "free", "depthwise_channels", "depthwise_rows", "depthwise_free", "tree")


def one_of(random: np.random.Generator, *options: Any) -> Any:
    return options[random.integers(len(options))]


def random_chunk(random: np.random.Generator, engine: str) -> Chunk:
    few = engine.endswith("free")
    unrolls = {
        "out": one_of(random, 2, 4) if few else one_of(random, 4, 8),
        "in": one_of(random, 1, 2) if few else one_of(random, 2, 4),
        "rows": 2 if few else one_of(random, 4, 7),
        "columns": one_of(random, 1, 2),
    }
    tiles = {name: max(unroll, one_of(random, 4, 8, 14, 16)) for name, unroll in unrolls.items()}
    bits = one_of(random, 8, 16)
    widths = {"weight_bits": bits, "input_bits": bits, "output_bits": bits}
    return Chunk(
        engine=engine, port_bits=one_of(random, 64, 128), shared_port=one_of(random, True, False), **widths,
        **{f"tile_{name}": tile for name, tile in tiles.items()},
        **{f"unroll_{name}": unroll for name, unroll in unrolls.items()},
    )  # fmt: skip


def random_shape(random: np.random.Generator, depthwise: bool) -> LayerShape:
    size, kernel, stride = one_of(random, 4, 7, 8, 14, 16, 20), one_of(random, 1, 3, 3, 5), one_of(random, 1, 1, 2)
    channels = one_of(random, 3, 8, 16, 24, 40), one_of(random, 8, 10, 16, 32, 40)
    groups = channels[1] if depthwise else one_of(random, 1, 1, 1, 2)
    if not depthwise and random.random() < 0.15:
        size, kernel, stride = 1, 1, 1
    inputs = channels[1] if depthwise else channels[0] * groups
    return LayerShape.conv(
        in_channels=inputs, out_channels=channels[1], groups=groups, in_size=(size, size), kernel=(kernel, kernel),
        stride=(stride, stride), padding=(kernel // 2, kernel // 2),
    )  # fmt: skip


def random_layer(random: np.random.Generator, shape: LayerShape, bits: int) -> IntegerLayer:
    half, filters = 2 ** (bits - 1), shape.total_out_channels
    size = (filters, shape.in_channels, shape.kernel_height, shape.kernel_width)
    weights = torch.from_numpy(random.integers(-half, half, size))
    scales = torch.full((1,), float(1.5 / half / np.sqrt(np.prod(size[1:]))))
    widths = {"weight_bits": bits, "input_bits": bits, "output_bits": bits}
    bias = torch.from_numpy(random.integers(-1000, 1000, filters))
    return IntegerLayer.scaled(shape, weights, bias, scales, relu=True, **widths)


def predicted(shape: LayerShape, chunk: Chunk) -> float:
    precision = Precision(weight_bits=chunk.weight_bits, input_bits=chunk.input_bits)
    table = LayerTable.of([Layer("layer", shape, precision=precision)])
    return float(FpgaPredictor(load_board("zc706"))(table, ChunkBatch.of([chunk])).cycles[0, 0])


def measured(random: np.random.Generator, chunk: Chunk, shapes: list[LayerShape]) -> tuple[int, ...]:
    layers = [random_layer(random, shape, chunk.input_bits) for shape in shapes]
    half = 2 ** (chunk.input_bits - 1)
    inputs = [
        torch.from_numpy(random.integers(-half, half, (each.total_in_channels, each.in_height, each.in_width)))
        for each in shapes
    ]
    with tempfile.TemporaryDirectory() as folder:
        result = simulate_bench(chip_files(layers, chunk, [inputs]), Path(folder))
    if not result.passed:
        raise SystemExit(f"{result.wrong} words are not those of the reference on {chunk}")
    return result.cycles


def row_of(shape: LayerShape, chunk: Chunk, cycles: int) -> str:
    kind = f"{shape.total_in_channels}->{shape.total_out_channels} g{shape.groups} {shape.kernel_height}x{shape.kernel_width}"
    units = f"{chunk.unroll_out}x{chunk.unroll_in}x{chunk.unroll_rows}x{chunk.unroll_columns}"
    said, port = predicted(shape, chunk), f"port {chunk.port_bits}{' shared' if chunk.shared_port else ''}"
    return (
        f"| {chunk.engine} {units}, {chunk.input_bits} bits, {port} | {kind} on "
        f"{shape.in_height}x{shape.in_width}, stride {shape.stride[0]} | {said:,.0f} | {cycles:,} | {said / cycles - 1:+.1%} |"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--chunks", type=int, default=8)
    parser.add_argument("--layers", type=int, default=7)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    random, pairs, start = np.random.default_rng(arguments.seed), [], time.perf_counter()
    for place in range(arguments.chunks):
        chunk = random_chunk(random, ENGINES[place % len(ENGINES)])
        shapes = [random_shape(random, chunk.engine.startswith("depthwise")) for _ in range(arguments.layers)]
        found = measured(random, chunk, shapes)
        for shape, cycles in zip(shapes, found, strict=True):
            pairs.append((shape, chunk, cycles))
            print(row_of(shape, chunk, cycles), flush=True)
        if arguments.json:
            rows = [
                {"shape": asdict(shape), "chunk": asdict(chunk), "cycles": cycles} for shape, chunk, cycles in pairs
            ]
            arguments.json.write_text(json.dumps(rows))
    errors = np.array([predicted(shape, chunk) / cycles - 1 for shape, chunk, cycles in pairs])
    print(
        f"{len(pairs)} pairs: mean of the differences' sizes {abs(errors).mean():.2%}, largest {abs(errors).max():.2%}; "
        f"{sum(cycles for *_, cycles in pairs):,} cycles; {time.perf_counter() - start:.0f} s on {platform.machine()}"
    )


if __name__ == "__main__":
    main()

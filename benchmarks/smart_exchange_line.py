"""A line of SmartExchange's array in hardware: its cycles beside the engine model's, its cells beside a plain 8-bit line's.

python benchmarks/smart_exchange_line.py --synthesise
Layers have random weights, of which each filter lost rows of its own, decomposed and packed as for a compressed file; their inputs
are noise through a ReLU. Signed inputs for the cells, since the plain line multiplies int8.
"""

import argparse
import platform
import tempfile
from pathlib import Path

import numpy as np
import torch

from netchip.hardware.engines.resources import load_resources
from netchip.hardware.engines.simulation import simulate
from netchip.methods.smart_exchange.decomposition.decompose import decompose
from netchip.methods.smart_exchange.decomposition.sparsity import without_share
from netchip.methods.smart_exchange.decomposition.tiling import Tiling
from netchip.methods.smart_exchange.packing.packed import pack
from netchip.rtl.components.exchange_line import ExchangeLine
from netchip.rtl.components.index_selector import IndexSelector
from netchip.rtl.components.line_size import LineSize
from netchip.rtl.components.plain_line import PlainLine
from netchip.rtl.components.rebuild_engine import RebuildEngine
from netchip.rtl.components.serial_macs import SerialMacs
from netchip.rtl.language import Value
from netchip.rtl.smart_exchange_line import run_line
from netchip.rtl.smart_exchange_program import PackedRows, line_program
from netchip.rtl.synthesis import synthesise
from netchip.rtl.verilog import part_verilog
from netchip.workload.shape import LayerShape

conv = LayerShape.conv
LAYERS = (
    (conv(in_channels=16, out_channels=4, in_size=(8, 8), kernel=(3, 3), padding=(1, 1)), (0.0, 0.5, 0.9, 0.99)),
    (conv(in_channels=32, out_channels=2, in_size=(14, 14), kernel=(3, 3), stride=(2, 2), padding=(1, 1)), (0.5, 0.9)),
    (conv(in_channels=6, out_channels=4, in_size=(14, 14), kernel=(5, 5), padding=(2, 2)), (0.5,)),
)


def packed_rows(shape: LayerShape, zero_rows: float) -> PackedRows:
    """A weight packed; its rows are one block a filter."""
    size = (shape.out_channels, shape.in_channels, shape.kernel_height, shape.kernel_width)
    tiling, weight = Tiling(size, shape.kernel_width), torch.randn(size, generator=torch.Generator().manual_seed(0))
    packed = pack(decompose(weight, tiling, row_mask=without_share(weight, tiling, zero_rows).kept))
    elements = packed.element_bitmap
    return PackedRows(
        filters=tiling.filters, filter_rows=tiling.filter_rows, block_rows=tiling.rows, codes=packed.codes.numpy(),
        row_bitmap=packed.row_bitmap.numpy(), basis=packed.basis.numpy(),
        element_bitmap=None if elements is None else elements.numpy(),
    )  # fmt: skip


def cycles(shape: LayerShape, zero_rows: float) -> str:
    """A row of the table; the sums are compared on the way."""
    rows, random = packed_rows(shape, zero_rows), np.random.default_rng(1)
    noise = random.normal(0, 60, (shape.in_channels, shape.in_height, shape.in_width))
    inputs = np.clip(noise, 0, 255).astype(np.int64)
    size = LineSize(length=shape.kernel_width, stride=shape.stride[1])
    found = run_line(line_program(rows, shape, inputs, size))
    array = load_resources().changed(array={"slices": 1, "lines": 1, "lanes": size.lanes}).array
    model = simulate(shape, rows.coefficients(), inputs, array)
    if not np.array_equal(found.sums, model.outputs):
        raise SystemExit(f"the sums of {shape} are not the reference's")
    kernel, size_in = f"{shape.kernel_height}x{shape.kernel_width}", f"{shape.in_height}x{shape.in_width}"
    name = f"{shape.in_channels}->{shape.out_channels} {kernel} on {size_in}"
    bubbles = found.cycles - found.fill_cycles - model.cycles
    off = (model.cycles / found.cycles - 1) * 100
    return (
        f"| {name}, stride {shape.stride[0]} | {zero_rows:.0%} | {model.cycles:,} | {found.cycles:,} | {off:+.2f} % | "
        f"{found.fill_cycles} | {bubbles} |"
    )


def ports(part: object) -> list[Value]:
    """Every signal that a part has as an attribute."""
    found = [each for value in vars(part).values() for each in (value if isinstance(value, list) else [value])]
    return [each for each in found if isinstance(each, Value)]


def cells() -> None:
    size = LineSize(signed_inputs=True)
    line, selector = ExchangeLine(size), IndexSelector(size)
    plain, of_luts = PlainLine(size), PlainLine(size, paired=False)
    parts = {
        "line, as built": (line, line.ports, True),
        "its index selector": (selector, [*ports(selector), *selector.row.signals], True),
        "one of its two rebuild engines": (engine := RebuildEngine(size), ports(engine), True),
        "its serial multipliers": (macs := SerialMacs(size), ports(macs), True),
        "plain line, DSP slices": (plain, plain.ports, True),
        "plain line, multipliers of look-up tables": (of_luts, of_luts.ports, False),
    }
    for name, (part, signals, slices) in parts.items():
        with tempfile.TemporaryDirectory() as folder:
            made = synthesise(part_verilog(part, signals, "line"), Path(folder), name="line", slices=slices)
        path = f"{made.critical_path.delay_ps / 1000:.2f}" if made.critical_path else "-"
        print(f"| {name} | {made.dsp} | {made.lut:,} | {made.ff:,} | {path} |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--synthesise", action="store_true")
    arguments = parser.parse_args()
    print("| layer | rows pruned | model | line | difference | fill | bubbles |\n|---|---|---|---|---|---|---|")
    for shape, shares in LAYERS:
        for share in shares:
            print(cycles(shape, share), flush=True)
    if arguments.synthesise:
        print("\n| part | DSP | LUT | FF | slowest path, ns |\n|---|---|---|---|---|")
        cells()
    print(f"on {platform.machine()}")


if __name__ == "__main__":
    main()

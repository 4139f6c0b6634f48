"""Mappings a second that `evaluate` prices on one core: lists of loops and factors, NumPy and eager torch, float32 and float64.

python benchmarks/evaluate.py [--mappings 16384] [--rounds 9] [--profile] [--compile] [--threads 1] [--device cpu]
Random mappings of a 3x3 convolution (64 -> 64 channels on 56x56) onto 16x16 MACs with a register each, a buffer and a DRAM. The
rates are those of the median round, by wall clock and by the processor's time; `--profile` lists where the time goes, `--compile`
compiles the even form with torch (half a minute and more, told apart). The last lines draw even mappings and price them.
`--device cuda` puts torch's tensors there, and takes 262,144 mappings and more a call to be worth it.
"""

import argparse
import cProfile
import os
import platform
import pstats
import statistics
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from typing import Any

import array_api_compat.numpy
import array_api_compat.torch
import numpy as np
import torch

from netchip.hardware.accelerator import Accelerator
from netchip.hardware.backend import as_tensors, drawn_evenly, pricer
from netchip.hardware.cost import evaluate
from netchip.hardware.dimensions import DIMS
from netchip.hardware.even_batch import EvenBatch
from netchip.hardware.mapping_batch import MappingBatch
from netchip.workload.layer import Layer
from netchip.workload.shape import LayerShape

SOURCE = "made up for this benchmark"
LAYER = Layer("conv", LayerShape.conv(in_channels=64, out_channels=64, in_size=(56, 56), kernel=(3, 3), padding=(1, 1)))
UNROLLED = {"K": 16, "C": 16}
NAMESPACES = {"numpy": array_api_compat.numpy, "torch": array_api_compat.torch}


def accelerator() -> Accelerator:
    """16x16 MACs: a weight register in each, a sum register a column, a buffer of 256 KiB, a DRAM."""
    rw = [{"name": "rw", "kind": "read_write", "bits_per_cycle": 64, "least_bits": 8}]
    both = {"operands": ["W", "I", "O"], "serves": ["K", "C"], "ports": rw}
    return Accelerator.parse(
        {
            "name": "array",
            "source": SOURCE,
            "frequency_hz": 1e9,
            "array": UNROLLED,
            "memories": [
                {"name": "reg_w", "bits": 8, "operands": ["W"], "ports": rw},
                {"name": "reg_o", "bits": 32, "operands": ["O"], "serves": ["C"], "ports": rw},
                {"name": "buffer", "bits": 2**21, **both},
                {"name": "dram", **both},
            ],
            "energy": {
                "mac": {"pj": 0.5, "source": SOURCE},
                "memories": {
                    name: {"read_pj": pj, "write_pj": pj, "source": SOURCE}
                    for name, pj in (("reg_w", 0.1), ("reg_o", 0.2), ("buffer", 5.0), ("dram", 100.0))
                },
            },
        }
    )


def primes() -> list[tuple[int, int]]:
    """(dimension, prime) of every factor that is not unrolled."""
    found: list[tuple[int, int]] = []
    for index, dim in enumerate(DIMS):
        rest = LAYER.shape.loop_bounds[dim] // UNROLLED.get(dim, 1)
        for prime in (2, 3, 5, 7):
            while rest % prime == 0:
                found, rest = [*found, (index, prime)], rest // prime
    return found


def unrolled() -> np.ndarray:
    """The same factors for all mappings."""
    spatial = np.ones((2, len(DIMS), 1))
    for row, (dim, factor) in enumerate(UNROLLED.items()):
        spatial[row, DIMS.index(dim), 0] = factor
    return spatial


def lists_of_loops(count: int, xp: Any, dtype: str) -> MappingBatch:
    """Every factor a loop of its own, in a random order, with random cuts."""
    random, factors = np.random.default_rng(0), primes()
    order = np.argsort(random.random((len(factors), count)), axis=0)
    dim, bound = (np.array([pair[place] for pair in factors])[order] for place in (0, 1))
    cut = np.sort(random.integers(0, len(factors) + 1, size=(3, 3, count)), axis=1)
    cut[:, 2] = cut[1, 1:] = len(factors)  # W reg, buffer, dram; I buffer, dram; O reg, buffer, dram
    return MappingBatch(
        dim=xp.asarray(dim),
        bound=xp.asarray(bound.astype(dtype)),
        cut=xp.asarray(cut),
        spatial=xp.asarray(unrolled()),
        layer=xp.asarray(np.zeros(1, dtype=np.int64)),
    )


def factors_and_order(count: int, xp: Any, dtype: str) -> EvenBatch:
    """Every factor at a random level, the loops of each level in a random order."""
    drawn = drawn_evenly(LAYER, accelerator(), unrolled(), count, seed=0, dtype=dtype)
    return replace(drawn, **{name: xp.asarray(array.numpy()) for name, array in drawn.arrays().items()})


def rates(work: Callable[[], object], count: int, rounds: int, device: str = "cpu") -> tuple[float, float]:
    """Mappings per wall second and per processor second, of the median round."""

    def done() -> None:
        work()
        if device != "cpu":
            torch.cuda.synchronize()

    done()
    walls: list[float] = []
    processors: list[float] = []
    for _ in range(rounds):
        wall, processor = time.perf_counter(), time.process_time()
        done()
        walls.append(time.perf_counter() - wall)
        processors.append(time.process_time() - processor)
    return count / statistics.median(walls), count / statistics.median(processors)


def searched(chip: Accelerator, given: argparse.Namespace, *, compile_it: bool) -> None:
    """Lines: what compiling takes, the rate after it, and the rate of drawing and pricing, capacity included."""
    count = max(given.mappings, 2**18)

    def draw() -> EvenBatch:
        return drawn_evenly(LAYER, chip, unrolled(), count, seed=0, device=given.device)

    batch = draw()
    begun, priced = time.perf_counter(), pricer([LAYER], chip, batch, compiled=compile_it)
    priced(batch)
    seconds = time.perf_counter() - begun
    how = f"torch.compile, compiled in {seconds:.0f} s" if priced.compiled else "torch, eager"
    print(f"factors (even)            bound  {how}, float32 on {given.device}, {count:,} a call")
    for what, work in (("priced", lambda: priced(batch)), ("drawn and priced", lambda: priced(draw()))):
        wall, processor = rates(work, count, given.rounds, given.device)
        print(f"  {what:44} {wall:12,.0f} /s  {processor:12,.0f} /CPU-s", flush=True)


def main() -> None:
    """Prints one line a form, latency, namespace and type, then the profile of one."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mappings", type=int, default=16384)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--profile", action="store_true")
    parser.add_argument("--compile", action="store_true")
    parser.add_argument("--device", default="cpu", help="where torch's tensors lie: cpu, cuda")
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    place = f"{platform.machine()}, {os.cpu_count()} cores, {given.threads} thread{'s' if given.threads > 1 else ''}"
    print(
        f"{date.today()}  {place}, numpy {np.__version__}, torch {torch.__version__}, {given.mappings:,} mappings a call"
    )
    chip = accelerator()
    for form, make in (("loops and cuts (general)", lists_of_loops), ("factors (even)", factors_and_order)):
        for latency in ("bound", "stalls"):
            for name, xp in NAMESPACES.items():
                for dtype in ("float32", "float64"):
                    batch = make(given.mappings, xp, dtype)
                    if name == "torch":
                        batch = as_tensors(batch, device=given.device, dtype=dtype)

                    def work(batch: Any = batch, latency: Any = latency, xp: Any = xp) -> object:
                        return evaluate([LAYER], chip, batch, latency=latency, check=False, xp=xp)

                    wall, processor = rates(work, given.mappings, given.rounds, given.device)
                    print(
                        f"{form:25} {latency:6} {name:5} {dtype}  {wall:12,.0f} /s  {processor:12,.0f} /CPU-s",
                        flush=True,
                    )
    searched(chip, given, compile_it=False)
    if given.compile:
        searched(chip, given, compile_it=True)
    if given.profile:
        batch, profile = lists_of_loops(given.mappings, array_api_compat.numpy, "float32"), cProfile.Profile()
        profile.runcall(evaluate, [LAYER], chip, batch, check=False, xp=array_api_compat.numpy)
        pstats.Stats(profile).sort_stats("tottime").print_stats(12)


if __name__ == "__main__":
    main()

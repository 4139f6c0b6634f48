"""The decomposition of VGG-19 (CIFAR) and ResNet-50, beside a loop over blocks in the original's form.

    python benchmarks/decompose.py [--iterations 30] [--threads 1] [--sample 200] [--compiled]

The loop is NumPy, one block after the other: nearest powers of two, `lstsq` for the basis, `lstsq` for the coefficients, small
ones and rows of small ones to zero, until nothing changes. It runs on a sample of VGG-19's blocks of 192 x 3, in the same process
and on as many threads, and its time is scaled to all blocks by their values. Weights are fresh ones. Times are core-seconds of the
process (others may use the machine) and seconds by the clock, the least of three; the time to compile is told apart.
"""

import argparse
import datetime
import platform
import time
from collections.abc import Callable
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from netchip.methods.smart_exchange.decomposition.choosing import gains, tiling_for
from netchip.methods.smart_exchange.decomposition.decompose import Settings, decompose_traced
from netchip.models.build import build
from netchip.models.spec import ModelSpec

_LARGEST, _TOLERANCE, _RCOND = 32.0, 1e-10, 1e-10  # max_C, tol and rcond of the original


def original(weight: NDArray[np.float64], iterations: int, theta: float) -> tuple[NDArray[np.float64], int]:
    """One block in the form of the first code, and its iterations: C = W, B = I; quantise, fit B, fit C, cut small coefficients."""
    coefficients, before = weight.copy(), np.zeros_like(weight)
    done = 0
    while done < iterations:
        done += 1
        rounded = powers_of_two(np.clip(coefficients, -_LARGEST, _LARGEST))
        if np.linalg.norm(rounded - before) <= _TOLERANCE:
            break
        before = rounded
        basis = np.linalg.lstsq(rounded, weight, rcond=_RCOND)[0]
        coefficients = np.linalg.lstsq(basis.T, weight.T, rcond=_RCOND)[0].T
        coefficients[np.abs(coefficients).sum(axis=1) < 5 * theta] = 0.0
        coefficients[np.abs(coefficients) < theta] = 0.0
    rounded = powers_of_two(coefficients)
    return rounded @ np.linalg.lstsq(rounded, weight, rcond=_RCOND)[0], done


def powers_of_two(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """The nearest signed power of two of each value, zeros kept."""
    sizes = np.abs(values)
    lower = np.exp2(np.floor(np.log2(np.where(sizes > 0, sizes, 1.0))))
    return np.sign(values) * np.where(sizes > 1.5 * lower, 2.0 * lower, lower)


def weights_of(name: str, classes: int) -> dict[str, Tensor]:
    """The weights of a fresh network that are worth packing."""
    torch.manual_seed(0)
    named = build(ModelSpec(name=name, classes=classes)).named_parameters()
    found = {key: value.detach() for key, value in named if value.dim() > 1}
    return {key: value for key, value in found.items() if gains(tiling_for(value.shape)).worth}


def timed(work: Callable[[], object]) -> tuple[float, float]:
    """Core-seconds and seconds by the clock."""
    cores, clock = time.process_time(), time.perf_counter()
    work()
    return time.process_time() - cores, time.perf_counter() - clock


def loop_over_sample(weights: dict[str, Tensor], sample: int, iterations: int) -> tuple[float, float, str]:
    """Core-seconds and seconds a block of 192 x 3, and what else there is to say."""
    weight = next(value for value in weights.values() if value.shape[1:] == (512, 3, 3))
    blocks = tiling_for(weight.shape).to_blocks(weight)[:sample].to(torch.float64).numpy()
    theta = 0.05 * float(np.sqrt(np.mean(blocks**2)))
    found: list[tuple[NDArray[np.float64], int]] = []
    cores, clock = timed(lambda: found.extend(original(block, iterations, theta) for block in blocks))
    error = np.linalg.norm(np.stack([each for each, _ in found]) - blocks) / np.linalg.norm(blocks)
    done = np.mean([count for _, count in found])
    return cores / sample, clock / sample, f"{done:.1f} iterations on average, relative error {error:.4f}"


def all_of(weights: dict[str, Tensor], iterations: int, compiled: bool) -> dict[str, float]:
    """Decompose every weight; each one's relative error."""
    settings = Settings(iterations=iterations, compiled=compiled)
    traces = {name: decompose_traced(weight, tiling_for(weight.shape), settings)[1] for name, weight in weights.items()}
    return {name: trace.errors[-1] for name, trace in traces.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--iterations", type=int, default=30)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--sample", type=int, default=200, help="blocks that the loop works on")
    parser.add_argument("--compiled", action="store_true", help="also compiled by torch")
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    today, machine = datetime.date.today().isoformat(), platform.processor() or platform.machine()
    print(f"{today}, {machine}, {given.threads} threads, torch {torch.__version__}, {given.iterations} iterations")
    vgg = weights_of("vgg19_bn", 10)
    cores, clock, said = loop_over_sample(vgg, given.sample, given.iterations)
    values = sum(weight.numel() for weight in vgg.values())
    blocks = values / (192 * 3)
    print(f"loop: {1e3 * cores:.2f} core-ms a block of 192 x 3 ({1e3 * clock:.2f} ms), {said}")
    print(f"{'network':12}{'form':10}{'core-s':>9}{'s':>9}{'ms a block':>12}{'against the loop':>18}")
    print(f"{'vgg19_bn':12}{'loop':10}{cores * blocks:>9.2f}{clock * blocks:>9.2f}{1e3 * cores:>12.4f}{1:>18}")
    for form in ("eager", "compiled") if given.compiled else ("eager",):
        work = partial(all_of, vgg, given.iterations, form == "compiled")
        first = timed(work)
        own = min(timed(work) for _ in range(3))
        ratio = f"x{cores * blocks / own[0]:.1f}"
        print(f"{'vgg19_bn':12}{form:10}{own[0]:>9.2f}{own[1]:>9.2f}{1e3 * own[0] / blocks:>12.4f}{ratio:>18}")
        if form == "compiled":
            print(f"compiling: {first[1] - own[1]:.1f} s")
    own = timed(partial(all_of, weights_of("resnet50", 1000), given.iterations, False))
    print(f"{'resnet50':12}{'eager':10}{own[0]:>9.2f}{own[1]:>9.2f}")


if __name__ == "__main__":
    main()

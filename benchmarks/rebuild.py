"""Rebuild on load: every weight of a ResNet-50 from its packed form, beside the naive form of each layer.

    python benchmarks/rebuild.py [--model resnet50] [--threads 2] [--row-sparsity 0.0] [--repeats 3]

The factors are random: what is timed does not depend on their values. Naive is a product of small matrices for each block:
levels unpacked as int8, powers of two, `torch.bmm`, times the scale.
"""

import argparse
import platform
import time

import torch
from torch import Tensor

from netchip.methods.smart_exchange.decomposition.alphabet import Alphabet
from netchip.methods.smart_exchange.decomposition.factored import Factored
from netchip.methods.smart_exchange.decomposition.tiling import Tiling
from netchip.methods.smart_exchange.packing.packed import Packed, pack, unpack
from netchip.methods.smart_exchange.packing.rebuild import rebuild
from netchip.models.build import build
from netchip.models.catalogue import native_size
from netchip.models.spec import ModelSpec

_SLOWEST_SHOWN = 5


def factors(shape: tuple[int, ...], row_sparsity: float) -> Factored:
    """Random factors of a weight, in blocks of at most 64 rows for each weight of a row."""
    width = shape[-1] if len(shape) > 2 and shape[-1] > 1 else 3
    tiling = Tiling(shape, width)
    tiling = Tiling(shape, width, slices=-(-tiling.filter_rows // (64 * width)))
    kept = tiling.row_is_real() & (torch.rand(tiling.blocks, tiling.rows) >= row_sparsity)
    levels = torch.randint(-7, 8, (tiling.blocks, tiling.rows, width)) * kept[:, :, None]
    basis = torch.randint(-127, 128, (tiling.blocks, width, width)) * kept.any(dim=1)[:, None, None]
    return Factored(tiling, Alphabet(4, -2), levels.to(torch.int8), basis.to(torch.int8), 2.0**-7)


def naive(packed: Packed) -> Tensor:
    """The weight by a small product for each block."""
    factored = unpack(packed)
    coefficients = factored.alphabet.values_of(factored.levels)
    return factored.tiling.from_blocks(torch.bmm(coefficients, factored.basis.to(torch.float32) * factored.basis_scale))


def seconds(work, packed: Packed, repeats: int) -> float:
    """The shortest of several times."""
    times = []
    for _ in range(repeats):
        began = time.perf_counter()
        work(packed)
        times.append(time.perf_counter() - began)
    return min(times)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="resnet50")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--row-sparsity", type=float, default=0.0)
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    classes = 1000 if native_size(options.model) == 224 else 10
    model = build(ModelSpec(name=options.model, classes=classes))
    weights = {name: value for name, value in model.named_parameters() if value.dim() >= 2}
    print(f"{platform.processor() or platform.machine()}, {options.threads} threads, torch {torch.__version__}, "
          f"{time.strftime('%Y-%m-%d')}; {options.model}, rows zero {options.row_sparsity:.0%}")  # fmt: skip
    rows = []
    for name, value in weights.items():
        packed = pack(factors(tuple(value.shape), options.row_sparsity))
        rows.append(
            (name, value.numel(), seconds(rebuild, packed, options.repeats), seconds(naive, packed, options.repeats))
        )
    rows.sort(key=lambda row: -row[2])
    for name, count, ours, plain in rows[:_SLOWEST_SHOWN]:
        print(f"{name:36} {count:>12,} weights  {ours * 1e3:8.1f} ms  naive {plain * 1e3:8.1f} ms")
    ours, plain = (sum(row[column] for row in rows) for column in (2, 3))
    count = sum(row[1] for row in rows)
    print(
        f"{'all layers':36} {count:>12,} weights  {ours * 1e3:8.1f} ms  naive {plain * 1e3:8.1f} ms  ({plain / ours:.1f}x)"
    )


if __name__ == "__main__":
    main()

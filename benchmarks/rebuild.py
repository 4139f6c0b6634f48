"""Rebuild on load, and in every forward pass: a ResNet-50 from its packed form, beside the naive form and beside dense weights.

    python benchmarks/rebuild.py [--model resnet50] [--threads 2] [--row-sparsity 0.0] [--repeats 3] [--batches 1,32]

The factors are random: what is timed does not depend on their values. Naive is a product of small matrices for each block:
levels unpacked as int8, powers of two, `torch.bmm`, times the scale. For each size of batch, the network with its weights rebuilt
once and the network that holds packed codes only take forward passes in turns; `--batches 0` leaves this out.
Core-seconds are what counts where others use the machine too.
"""

import argparse
import platform
import time

import torch
from torch import Tensor, nn

from netchip.methods.smart_exchange.decomposition.alphabet import Alphabet
from netchip.methods.smart_exchange.decomposition.factored import Factored
from netchip.methods.smart_exchange.decomposition.tiling import Tiling
from netchip.methods.smart_exchange.modules.compressed import compressed
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


def forward_in_turns(networks: list[nn.Module], x: Tensor, repeats: int) -> list[tuple[float, float]]:
    """The least seconds and core-seconds of several forward passes of each network, in turns after one each to warm up."""
    passes: list[list[tuple[float, float]]] = [[] for _ in networks]
    with torch.no_grad():
        for turn in range(repeats + 1):
            for network, taken in zip(networks, passes, strict=True):
                began, began_core = time.perf_counter(), time.process_time()
                network(x)
                if turn:
                    taken.append((time.perf_counter() - began, time.process_time() - began_core))
    return [(min(wall for wall, _ in taken), min(core for _, core in taken)) for taken in passes]


def held_bytes(network: nn.Module) -> int:
    """Bytes of all parameters and buffers."""
    return sum(value.numel() * value.element_size() for value in (*network.parameters(), *network.buffers()))


def show_forward(model: nn.Module, packed: dict[str, Packed], batches: list[int], side: int, repeats: int) -> None:
    """A line for each size of batch: dense, from packed codes, and their ratio; what each holds."""
    dense, light = (compressed(model, packed, rebuild).eval() for rebuild in ("load", "forward"))
    print(f"held: dense {held_bytes(dense) / 1e6:.1f} MB, packed {held_bytes(light) / 1e6:.1f} MB")
    for batch in batches:
        x = torch.randn(batch, 3, side, side)
        dense_times, light_times = forward_in_turns([dense, light], x, repeats)
        for unit, plain, rebuilt in zip(("s", "core-s"), dense_times, light_times, strict=True):
            times = f"dense {plain:7.3f} {unit}, rebuilt in each pass {rebuilt:7.3f} {unit}"
            print(f"forward, batch {batch:3}: {times}  ({rebuilt / plain:.2f}x)")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="resnet50")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--row-sparsity", type=float, default=0.0)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--batches", default="1,32", help="sizes of batch for the forward pass, 0 for none")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    classes = 1000 if native_size(options.model) == 224 else 10
    model = build(ModelSpec(name=options.model, classes=classes))
    weights = {name: value for name, value in model.named_parameters() if value.dim() >= 2}
    print(f"{platform.processor() or platform.machine()}, {options.threads} threads, torch {torch.__version__}, "
          f"{time.strftime('%Y-%m-%d')}; {options.model}, rows zero {options.row_sparsity:.0%}")  # fmt: skip
    packed = {name: pack(factors(tuple(value.shape), options.row_sparsity)) for name, value in weights.items()}
    rows = [
        (name, weights[name].numel(), seconds(rebuild, each, options.repeats), seconds(naive, each, options.repeats))
        for name, each in packed.items()
    ]
    rows.sort(key=lambda row: -row[2])
    for name, count, ours, plain in rows[:_SLOWEST_SHOWN]:
        print(f"{name:36} {count:>12,} weights  {ours * 1e3:8.1f} ms  naive {plain * 1e3:8.1f} ms")
    ours, plain = (sum(row[column] for row in rows) for column in (2, 3))
    count = sum(row[1] for row in rows)
    print(
        f"{'all layers':36} {count:>12,} weights  {ours * 1e3:8.1f} ms  naive {plain * 1e3:8.1f} ms  ({plain / ours:.1f}x)"
    )
    batches = [int(size) for size in options.batches.split(",") if int(size)]
    if batches:
        show_forward(model, packed, batches, native_size(options.model), options.repeats)


if __name__ == "__main__":
    main()

"""The five sparse engines on the paper's networks, beside its ranges of 2.0x - 6.7x energy and 8.8x - 19.2x speed over DianNao.

python benchmarks/paper_engines.py
python benchmarks/paper_engines.py --models vgg19_bn preresnet164 --rows own
Weights are fresh (no trained network of these is at hand), pruned to the paper's row sparsity, decomposed, packed and counted; so
bits, rows and bases are real, but which rows are zero is as good as random. Rows are pruned in groups of 64 filters (the array can
skip those) or, with `--rows own`, filter by filter. Activations are assumed as the paper's figures say (1.36 Booth digits on
average); "mean lanes" takes them as if no lane waited for a longer one, which is the paper's own arithmetic.
"""

import argparse
import copy
import platform
import time
from dataclasses import dataclass, replace

from netchip.hardware.engines.compare import ENGINES, EngineComparison, compare_engines
from netchip.hardware.engines.figures import NAMES
from netchip.methods.smart_exchange.engines.network import Weighed, network_sparsity, weighed
from netchip.methods.smart_exchange.training.smart_exchange import SmartExchange
from netchip.models.build import build, example_input
from netchip.models.spec import ModelSpec
from netchip.workload.network import Workload
from netchip.workload.sparsity import ActivationSparsity, LayerSparsity
from netchip.workload.sparsity_file import NetworkSparsity


@dataclass(frozen=True)
class Case:
    """A network of the paper and the share of zero rows that its results table states (from memory)."""

    model: str
    side: int
    classes: int
    zero_rows: float


CASES = {
    each.model: each
    for each in (
        Case("timm:vgg11", 224, 1000, 0.86),
        Case("resnet50", 224, 1000, 0.45),
        Case("mobilenet_v2", 224, 1000, 0.0),
        Case("timm:efficientnet_b0", 224, 1000, 0.0),
        Case("vgg19_bn", 32, 10, 0.928),
        Case("preresnet164", 32, 10, 0.376),
    )
}


def sparsity_of(case: Case, lock_step: int, iterations: int) -> tuple[Weighed, NetworkSparsity]:
    """The layers with real factors of fresh weights. Linear layers of VGG-11 (124 M) are left dense, to spare memory."""
    spec = ModelSpec(name=case.model, image_size=case.side, classes=case.classes)
    model = build(spec).eval()
    network = copy.deepcopy(model)
    skip = ("pre_logits*",) if case.model == "timm:vgg11" else ()
    exchange = SmartExchange(
        network, row_sparsity=case.zero_rows, lock_step=lock_step, iterations=iterations, skip=skip
    )
    exchange.project()
    seen = weighed(network, example_input(spec))
    return seen, network_sparsity(network, exchange.packed(), network=seen)


def convolutions(workload: Workload) -> Workload:
    """Without layers of one output position: the paper leaves classifiers out; squeeze-and-excitation goes with them."""
    return Workload(tuple(each for each in workload.layers if each.shape.out_height * each.shape.out_width > 1))


def with_mean_lanes(sparsity: NetworkSparsity) -> NetworkSparsity:
    """As if each lane took the mean number of digits, 1.36, at least one each."""

    def changed(each: ActivationSparsity) -> ActivationSparsity:
        lanes = each.lane_groups * max(1.0, each.mean_booth_digits)
        return replace(each, booth=replace(each.booth, lanes=lanes))

    def layer(each: LayerSparsity) -> LayerSparsity:
        return replace(each, activations=changed(each.activations))

    return NetworkSparsity(tuple(map(layer, sparsity.layers)), f"{sparsity.source}; mean lanes")


def bounds(comparison: EngineComparison, engine: str, *, compute_only: bool = False) -> str:
    low, high = (
        f"{comparison.speed_gain(engine, lock_step=together, compute_only=compute_only):.2f}"
        for together in (True, False)
    )
    return low if low == high else f"{low} - {high}"


def row(engine: str, found: EngineComparison, mean: EngineComparison) -> str:
    low, high = (found.energy_gain(engine, factor) for factor in (0.5, 2.0))
    cost = found.costs[engine]
    cells = [
        NAMES[engine],
        f"{cost.energy_pj / 1e9:.3f} mJ",
        f"{cost.latency_s * 1e3:.3f} ms",
        f"{found.energy_gain(engine):.2f} ({low:.2f}, {high:.2f})",
        f"{found.dram_gain(engine):.2f}",
        bounds(found, engine),
        bounds(found, engine, compute_only=True),
        bounds(mean, engine, compute_only=True) if engine == "smart_exchange" else "",
    ]
    return f"| {' | '.join(cells)} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", nargs="+", choices=CASES, default=list(CASES))
    parser.add_argument("--rows", choices=("shared", "own"), default="shared")
    parser.add_argument("--layers", choices=("convolutions", "all"), default="convolutions")
    parser.add_argument("--baseline-weights", choices=("own", "same_sparsified"), default="own")
    parser.add_argument("--iterations", type=int, default=3, help="of the decomposition: they move errors, not counts")
    given = parser.parse_args()
    print(
        f"rows {given.rows}, layers: {given.layers}, the others' weights: {given.baseline_weights}; {platform.machine()}"
    )
    for name in given.models:
        start, case = time.perf_counter(), CASES[name]
        seen, sparsity = sparsity_of(case, 64 if given.rows == "shared" else 1, given.iterations)
        workload = convolutions(seen.workload) if given.layers == "convolutions" else seen.workload
        found, mean = (
            compare_engines(workload, each, baseline_weights=given.baseline_weights)
            for each in (sparsity, with_mean_lanes(sparsity))
        )
        size = (
            f"{len(workload.layers)} layers, {workload.macs / 1e6:,.0f} M MACs, {case.zero_rows:.1%} of the rows zero"
        )
        print(f"\n{name} at {case.side}: {size} ({time.perf_counter() - start:.0f} s)")
        print(
            "| engine | energy | latency | energy over DianNao (DRAM x0.5, x2) | DRAM | speed | compute alone | with mean lanes |"
        )
        print("|---|---|---|---|---|---|---|---|")
        for engine in ENGINES:
            print(row(engine, found, mean))
    print(f"\n{found.text().splitlines()[0]}\n{sparsity.source}")


if __name__ == "__main__":
    main()

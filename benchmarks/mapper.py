"""The whole mapping search: mappings a second, quality against ZigZag's LOMA layer by layer, a network's best energy x latency.

python benchmarks/mapper.py [--samples 100000] [--network resnet50] [--chip eyeriss] [--network-samples 20000]
python benchmarks/mapper.py --cold [--network mobilenet_v2]: only the network, by evolution, in a process of its own
LOMA's results and seconds are those recorded in shared/hw_reference (ZigZag 3.9.1, at most 5 loop factors, the same unrolling).
A second counts all of the search: draws, allocation, capacity check, costs. The network is captured and searched without a cache.
"""

import argparse
import datetime
import math
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from netchip.graph.to_workload import to_workload
from netchip.hardware.chips import load_chip
from netchip.hardware.conventions import ZIGZAG
from netchip.hardware.mapper.constraints import Constraints
from netchip.hardware.mapper.mappers import EvolutionaryMapper, Mapper, RandomMapper
from netchip.hardware.mapper.problem import problem_of
from netchip.hardware.network_cost import cost
from netchip.measure.device import device_description
from netchip.models.build import build, example_input
from netchip.models.spec import ModelSpec

ROOT = Path(__file__).resolve().parents[1]
REFERENCE = ROOT.parent / "shared" / "hw_reference" / "zigzag"
sys.path.insert(0, str(ROOT / "tests" / "hardware"))
import recorded  # noqa: E402


@dataclass(frozen=True)
class Seconds:
    """Time of a piece of work: by the clock, and of all cores together."""

    wall: float
    cores: float


def main() -> None:
    """Prints the machine, then both comparisons and the network."""
    options = _options()
    if options.cold:
        _network(options, EvolutionaryMapper(samples=options.network_samples))
        return
    place = device_description()
    print(f"{datetime.date.today()}  {place.name}, {place.cores} cores, Python {place.python}")
    for name in recorded.ZIGZAG_MACHINES:
        for mapper in (RandomMapper(samples=options.samples), EvolutionaryMapper(samples=options.samples // 5)):
            _against_loma(name, mapper)
    _network(options, RandomMapper(samples=options.network_samples))
    again = [sys.executable, __file__, *sys.argv[1:], "--cold"]
    took = _timed(lambda: subprocess.run(again, check=True))
    print(f"  a process of its own for the last one: {took.wall:.1f} s from its start to its end")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--samples", type=int, default=100_000)
    parser.add_argument("--network", default="resnet50")
    parser.add_argument("--chip", default="eyeriss")
    parser.add_argument("--network-samples", type=int, default=20_000)
    parser.add_argument(
        "--cold", action="store_true", help="only the network, by evolution: what is run in a process of its own"
    )
    return parser.parse_args()


def _against_loma(machine: str, mapper: RandomMapper | EvolutionaryMapper) -> None:
    """Energy of each layer's best mapping over LOMA's, and the time for all 12."""
    chip = recorded.zigzag_accelerator(REFERENCE / "inputs" / recorded.ZIGZAG_MACHINES[machine])
    known, ratios, texts = recorded.loma_searches(REFERENCE, machine), list[float](), list[str]()

    def search() -> None:
        for each in known:
            problem = problem_of(each.layer, chip, ZIGZAG, Constraints(spatial=each.spatial))
            ratio = mapper.search(problem, lambda energy, cycles: energy).energy_pj[0] / each.energy_pj
            ratios.append(float(ratio))
            texts.append(f"{each.layer.name} {ratio:.4f}")

    took, theirs = _timed(search), recorded.loma_seconds(REFERENCE, machine)
    tried = mapper.samples * len(known)
    mean = math.exp(sum(map(math.log, ratios)) / len(ratios))
    print(f"\n{machine}, {type(mapper).__name__}, {mapper.samples:,} mappings a layer; energy over LOMA's:")
    print("  " + "  ".join(texts))
    print(f"  geometric mean {mean:.4f}, worst {max(ratios):.4f}")
    print(f"  {tried / took.wall:.3g} mappings/s by the clock, {tried / took.cores:.3g} a core-second")
    print(
        f"  {took.cores:.2f} core-s, {took.wall:.2f} s; LOMA took {theirs:.1f} core-s: {took.cores / theirs:.3f} of it"
    )


def _network(options: argparse.Namespace, mapper: Mapper) -> None:
    """Captures the network and searches its best product of energy and latency, without a cache."""
    started = time.perf_counter()
    spec = ModelSpec.parse({"name": options.network})
    workload = to_workload(build(spec).eval(), example_input(spec))
    chip = load_chip(options.chip)
    captured = time.perf_counter() - started
    print(
        f"\n{options.network} on {chip.name}, {options.network_samples:,} mappings a layer; captured in {captured:.1f} s",
        flush=True,
    )
    _best_edp(lambda: cost(workload, chip, mapper=mapper, cached=False, latency="bound").totals(), mapper)


def _best_edp(search: Callable[[], dict[str, float]], mapper: Mapper) -> None:
    found: list[dict[str, float]] = []
    took = _timed(lambda: found.append(search()))
    totals = found[0]
    print(
        f"  {type(mapper).__name__}: {totals['edp_pj_s']:.5g} pJ s = {totals['energy_pj']:.4g} pJ x {totals['latency_s']:.4g} s"
        f"; searched in {took.wall:.2f} s, {took.cores:.2f} core-s",
        flush=True,
    )


def _timed(work: Callable[[], None]) -> Seconds:
    wall, cores = time.perf_counter(), time.process_time()
    work()
    return Seconds(time.perf_counter() - wall, time.process_time() - cores)


if __name__ == "__main__":
    main()

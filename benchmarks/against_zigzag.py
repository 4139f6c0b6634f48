"""ZigZag's search and ours beside each other, in one run: 12 layers, the same unrollings and conventions, least energy.

python benchmarks/against_zigzag.py [--machines r3_shared eyeriss_like] [--samples 20000] [--lpf 5]
Needs zigzag-dse (pip install 'netchip[hw]') and shared/hw_reference beside the project. ZigZag searches with LOMA, loops merged
until at most --lpf are left. Every winner of ours is handed to ZigZag with its cuts and costed there too. ZigZag's cost
model counts sums that are finished inside a memory at their final width there, its allocation as wide as the accumulator: the last
line keeps to the latter.
"""

import argparse
import datetime
import logging
import math
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from netchip.hardware.accelerator import Accelerator
from netchip.hardware.conventions import ZIGZAG
from netchip.hardware.mapper.constraints import Constraints
from netchip.hardware.mapper.mappers import EvolutionaryMapper, RandomMapper
from netchip.hardware.mapper.problem import problem_of
from netchip.hardware.mapping import Mapping
from netchip.measure.device import device_description
from netchip.workload.layer import Layer

ROOT = Path(__file__).resolve().parents[1]
INPUTS = ROOT.parent / "shared" / "hw_reference" / "zigzag" / "inputs"
MAPPINGS = {"eyeriss_like": "map_eyeriss_oyfy.yaml", "r3_shared": "map_r3_kc.yaml"}
sys.path[:0] = [str(ROOT / "tests" / "hardware"), str(ROOT / "tests" / "export")]
import recorded  # noqa: E402
from zigzag_costing import costed_by_zigzag, fullest, unrolling  # noqa: E402

Searcher = RandomMapper | EvolutionaryMapper


@dataclass(frozen=True)
class Took:
    """Seconds by the clock and of all cores together, and the mappings costed in them, by layer."""

    wall: float
    cores: float
    mappings: tuple[int, ...]

    def told(self) -> str:
        """In one line."""
        tried = sum(self.mappings)
        return (
            f"{self.wall:.2f} s, {self.cores:.2f} core-s, {tried:,} mappings: "
            f"{tried / self.wall:,.0f} /s, {tried / self.cores:,.0f} a core-second"
        )


def main() -> None:
    """Prints the machine, then the comparison on every machine."""
    options = _options()
    try:
        import zigzag.api  # noqa: F401
    except ImportError:
        sys.exit("zigzag-dse is not installed: pip install 'netchip[hw]'")
    logging.disable(logging.CRITICAL)
    place = device_description()
    print(f"{datetime.date.today()}  {place.name}, {place.cores} cores, Python {place.python}")
    for machine in options.machines:
        _compare(machine, options)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--machines", nargs="+", choices=sorted(MAPPINGS), default=sorted(MAPPINGS))
    parser.add_argument("--samples", type=int, default=20_000, help="mappings a layer, at random; by evolution half")
    parser.add_argument("--lpf", type=int, default=5, help="ZigZag's loma_lpf_limit")
    return parser.parse_args()


def _compare(machine: str, options: argparse.Namespace) -> None:
    best, theirs = _loma(machine, options.lpf)
    layers = recorded.zigzag_layers(INPUTS / "workload_ref12.yaml")
    counts = "  ".join(f"{cme.layer.name} {count}" for cme, count in zip(best, theirs.mappings, strict=True))
    print(f"\n{machine}\n  ZigZag, LOMA, at most {options.lpf} loops: {theirs.told()}\n    {counts}", flush=True)
    for mapper in (RandomMapper(samples=options.samples), EvolutionaryMapper(samples=options.samples // 2)):
        _ours(machine, mapper, [(layers[cme.layer.name], cme) for cme in best], theirs)


def _loma(machine: str, lpf: int) -> tuple[list[Any], Took]:
    """ZigZag's evaluation of the best mapping of each layer."""
    from zigzag.mapping.temporal_mapping import TemporalMappingType
    from zigzag.stages.evaluation.cost_model_evaluation import CostModelStage
    from zigzag.stages.main import MainStage
    from zigzag.stages.mapping.spatial_mapping_generation import SpatialMappingGeneratorStage
    from zigzag.stages.mapping.temporal_mapping_generator_stage import TemporalMappingGeneratorStage
    from zigzag.stages.parser.accelerator_parser import AcceleratorParserStage
    from zigzag.stages.parser.workload_parser import WorkloadParserStage
    from zigzag.stages.results.reduce_stages import MinimalEnergyStage
    from zigzag.stages.workload_iterator import WorkloadStage

    counts: dict[str, int] = {}

    class Counted(CostModelStage):
        """ZigZag's cost model; tells how often it is asked."""

        def run(self) -> Any:
            counts[self.layer.name] = counts.get(self.layer.name, 0) + 1
            yield from super().run()

    reads = [WorkloadParserStage, AcceleratorParserStage, WorkloadStage]
    searches = [MinimalEnergyStage, SpatialMappingGeneratorStage, MinimalEnergyStage, TemporalMappingGeneratorStage]
    run = MainStage(
        [*reads, *searches, Counted],
        accelerator=str(INPUTS / recorded.ZIGZAG_MACHINES[machine]),
        workload=str(INPUTS / "workload_ref12.yaml"),
        mapping=str(INPUTS / MAPPINGS[machine]),
        loma_lpf_limit=lpf,
        loma_show_progress_bar=False,
        nb_mappings_generated=3,
        enable_mix_spatial_mapping_generation=False,
        access_same_data_considered_as_no_access=True,
        temporal_mapping_type=TemporalMappingType.UNEVEN,
    )
    answers, wall, cores = _timed(run.run)
    best = [cme for cme, _ in answers]
    return best, Took(wall, cores, tuple(counts[cme.layer.name] for cme in best))


def _ours(machine: str, mapper: Searcher, known: list[tuple[Layer, Any]], theirs: Took) -> None:
    """Our search of the same layers on the unrollings ZigZag took, and what ZigZag says of what it found."""
    chip = recorded.zigzag_accelerator(INPUTS / recorded.ZIGZAG_MACHINES[machine])
    found, wall, cores = _timed(lambda: [_least(layer, cme, chip, mapper) for layer, cme in known])
    took = Took(wall, cores, (mapper.samples,) * len(known))
    print(f"  netchip, {type(mapper).__name__}: {took.told()}")
    _tell_ratios(known, [energy for energy, _ in found], took, theirs)
    off = [energy / _in_zigzag(cme, chip, each) - 1 for (energy, each), (_, cme) in zip(found, known, strict=True)]
    print(
        f"    our {len(off)} winners costed by ZigZag: energies differ by at most {max(map(abs, off)):.1e}", flush=True
    )
    wide = [_least(_at_full_width(layer), cme, chip, mapper)[1] for layer, cme in known]
    ratios = [_in_zigzag(cme, chip, each) / cme.energy_total for each, (_, cme) in zip(wide, known, strict=True)]
    print(
        f"    with room for sums at full width: geometric mean {_mean(ratios):.4f}, worst {max(ratios):.4f}", flush=True
    )


def _least(layer: Layer, cme: Any, chip: Accelerator, mapper: Searcher) -> tuple[float, Mapping]:
    """The least energy in pJ on the unrolling of a result of ZigZag's, and its mapping."""
    problem = problem_of(layer, chip, ZIGZAG, Constraints(spatial=unrolling(cme)))
    front = mapper.search(problem, lambda energy, cycles: energy)
    return float(front.energy_pj[0]), front.mappings[0]


def _at_full_width(layer: Layer) -> Layer:
    """The layer with outputs as wide as its sums."""
    return replace(layer, precision=replace(layer.precision, output_bits=layer.precision.accumulator_bits))


def _tell_ratios(known: list[tuple[Layer, Any]], energies: list[float], took: Took, theirs: Took) -> None:
    ratios = [energy / cme.energy_total for energy, (_, cme) in zip(energies, known, strict=True)]
    print("    " + "  ".join(f"{layer.name} {ratio:.4f}" for (layer, _), ratio in zip(known, ratios, strict=True)))
    print(
        f"    energy over LOMA's: geometric mean {_mean(ratios):.4f} (goal 1.00), worst {max(ratios):.4f} (goal 1.01)"
    )
    pace = (sum(took.mappings) / took.cores) / (sum(theirs.mappings) / theirs.cores)
    print(
        f"    {pace:,.0f} x its mappings a core-second (goal 1,000), {took.cores / theirs.cores:.3f} of its core-seconds "
        f"(goal 0.1), {took.wall / theirs.wall:.3f} of its seconds"
    )


def _in_zigzag(cme: Any, chip: Accelerator, mapping: Mapping) -> float:
    """Energy in pJ that ZigZag gives our mapping."""
    again = costed_by_zigzag(cme, chip, mapping)
    if fullest(again) > 1:
        raise SystemExit(f"{cme.layer.name}: ZigZag says our mapping fills a memory to {fullest(again):.3f}")
    return again.energy_total


def _mean(ratios: list[float]) -> float:
    """The geometric one."""
    return math.exp(sum(map(math.log, ratios)) / len(ratios))


def _timed(work: Callable[[], Any]) -> tuple[Any, float, float]:
    wall, cores = time.perf_counter(), time.process_time()
    found = work()
    return found, time.perf_counter() - wall, time.process_time() - cores


if __name__ == "__main__":
    main()

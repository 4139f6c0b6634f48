"""Hardware for a network: how many layer-designs a second are priced, and search engines against each other at equal calls.

python benchmarks/dna.py --calls 20000 --seeds 3
`released` is the space and predictor of the released DNA code on its example network (CIFAR, 16 bits), `zc706` the same lists
with our predictor on that board, `hierarchy` the generic one (eyeriss-65nm). A call is one whole design (the continuous engine's
has its gradient besides); the exact engine's are single chunks. The Bayesian engine takes part in up to 2,000 calls.
"""

import argparse
import platform
import time

import numpy as np

from netchip.hardware.fpga.assignment import by_map_size
from netchip.hardware.fpga.board import load_board
from netchip.hardware.fpga.layer_table import LayerTable
from netchip.hardware.fpga.predictor import ChunkPredictor, FpgaPredictor
from netchip.hardware.fpga.problem import PipelineProblem
from netchip.hardware.hierarchy.problem import HierarchyProblem
from netchip.hardware.hierarchy.technology import load_technology
from netchip.hardware.search.annealing import Annealing
from netchip.hardware.search.bayesian import Bayesian
from netchip.hardware.search.exact import solve
from netchip.hardware.search.genetic import Genetic
from netchip.hardware.search.gumbel import Gumbel, released
from netchip.hardware.search.problem import Problem
from netchip.hardware.search.random_draws import RandomDraws
from netchip.hardware.search.searching import Engine, Found, search
from netchip.methods.dna.continuous import Continuous
from netchip.methods.dna.legacy.network import example_layers
from netchip.methods.dna.legacy.predictor import FREQUENCY_HZ, LIMITS, LegacyPredictor
from netchip.methods.dna.legacy.space import released_spaces

BAYESIAN_MOST = 2000
"""Calls up to which the Bayesian engine (extra `hpo`) takes part: its own arithmetic grows with every design it has seen."""

MARKS = (100, 500, 2000, 5000, 20_000, 100_000)


def pipeline(name: str, *, free: bool) -> PipelineProblem:
    table = LayerTable.of(example_layers())
    spaces, rule = released_spaces(fixed_engine=not free), by_map_size(table)
    if name == "released":
        return PipelineProblem(table, spaces, rule, LegacyPredictor(), LIMITS)
    board = load_board("zc706")
    limits = {each: board.limits[each] for each in ("dsp", "bram18", "lut", "ff")}
    return PipelineProblem(table, spaces, rule, FpgaPredictor(board), limits, board.bandwidth_bits_per_cycle)


def problem_of(name: str, *, free: bool) -> Problem:
    if name == "hierarchy":
        return HierarchyProblem(example_layers(), load_technology("eyeriss-65nm"), {})
    return pipeline(name, free=free)


def figure(name: str, cost: float) -> str:
    return f"{cost / 1e6:9.3g}" if name == "hierarchy" else f"{FREQUENCY_HZ / cost:9.2f}"


def rate(label: str, count: int, work: object) -> None:
    wall, core = time.perf_counter(), time.process_time()
    work()  # type: ignore[operator]
    wall, core = time.perf_counter() - wall, time.process_time() - core
    print(f"{label:32} {count / wall / 1e6:7.2f} M a second by the clock, {count / core / 1e6:7.2f} M a core-second")


def predictors() -> None:
    table = LayerTable.of(example_layers())
    space = released_spaces(fixed_engine=False)[0]
    batch = space.batch(space.choices.all(100_000))
    engines: list[tuple[str, ChunkPredictor]] = [
        ("ours", FpgaPredictor(load_board("zc706"))),
        ("released", LegacyPredictor()),
    ]
    print(f"layer-designs, {len(table)} layers on {len(batch):,} chunks")
    for name, predictor in engines:
        rate(name, len(table) * len(batch), lambda predictor=predictor: predictor(table, batch))
    generic = problem_of("hierarchy", free=False)
    picks = generic.choices.drawn(np.random.default_rng(0), 4096)
    rate("hierarchy, tiling included", len(table) * 4096, lambda: generic.score(picks))


def engines_of(name: str, problem: Problem, calls: int) -> list[Engine]:
    own: list[Engine] = [RandomDraws(), Annealing(), Genetic(), Gumbel()]
    if calls <= BAYESIAN_MOST:
        own.append(Bayesian())
    if isinstance(problem, PipelineProblem):
        own.append(Continuous(problem))
    return [*own, released(1 / FREQUENCY_HZ)] if name == "released" else own


def best_at(found: Found, calls: int) -> float:
    return min((cost for at, cost in found.trace if at <= calls), default=float("inf"))


def engines(name: str, *, free: bool, calls: int, seeds: int, png: str | None) -> None:
    problem = problem_of(name, free=free)
    marks = [mark for mark in MARKS if mark <= calls]
    unit = "EDP in uJ s" if name == "hierarchy" else "frames a second"
    print(
        f"\n{name}: {len(problem.choices)} choices, {problem.choices.count:.3g} designs; best {unit} after so many calls"
    )
    print(f"{'engine':12} seed " + " ".join(f"{mark:>9,}" for mark in marks) + "   seconds  core-s")
    traces: dict[str, list[Found]] = {}
    for engine in engines_of(name, problem, calls):
        for seed in range(seeds):
            wall, core = time.perf_counter(), time.process_time()
            found = search(problem, engine, calls=calls, seed=seed).require()
            wall, core = time.perf_counter() - wall, time.process_time() - core
            row = " ".join(figure(name, best_at(found, mark)) for mark in marks)
            print(f"{engine.name:12} {seed:4} {row} {wall:9.1f} {core:7.1f}", flush=True)
            traces.setdefault(engine.name, []).append(found)
    exact = None
    if isinstance(problem, PipelineProblem):
        wall, core = time.perf_counter(), time.process_time()
        exact = solve(problem)
        wall, core = time.perf_counter() - wall, time.process_time() - core
        best = figure(name, exact.cost).strip()
        print(f"exact: {best} after {exact.calls:,} chunks, {wall:.2f} s, {core:.2f} core-s; uses {exact.usage}")
    if png is not None:
        draw(name, traces, None if exact is None else exact.cost, calls, png)


def draw(name: str, traces: dict[str, list[Found]], exact: float | None, calls: int, png: str) -> None:
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure_, axes = pyplot.subplots(figsize=(7, 4.5))
    at = np.unique(np.geomspace(10, calls, 200).astype(int))
    for label, found in traces.items():
        costs = np.median([[best_at(each, mark) for mark in at] for each in found], axis=0)
        axes.step(at, costs if name == "hierarchy" else FREQUENCY_HZ / costs, where="post", label=label)
    if exact is not None:
        axes.axhline(FREQUENCY_HZ / exact, color="black", linestyle="--", label="exact")
    axes.set(
        xscale="log",
        xlabel="predictor calls",
        ylabel="EDP in pJ s" if name == "hierarchy" else "frames a second",
        title=name,
    )
    if name == "hierarchy":
        axes.set_yscale("log")
    axes.legend()
    figure_.savefig(png, dpi=150, bbox_inches="tight")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--problem", choices=("released", "zc706", "hierarchy", "all"), default="all")
    parser.add_argument("--free", action="store_true", help="engine templates are chosen too")
    parser.add_argument("--calls", type=int, default=20_000)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--png", help="a file for the plot; with one problem only")
    given = parser.parse_args()
    print(f"{platform.machine()}, {platform.system()}, Python {platform.python_version()}, {time.strftime('%Y-%m-%d')}")
    predictors()
    names = ("released", "zc706", "hierarchy") if given.problem == "all" else (given.problem,)
    for name in names:
        engines(name, free=given.free, calls=given.calls, seeds=given.seeds, png=given.png if len(names) == 1 else None)


if __name__ == "__main__":
    main()

"""How the time of a mapping search grows: with the number of layers, unlike and alike, and with the mappings tried for each.

python benchmarks/scaling.py [--chip eyeriss] [--layers 1 4 16 64] [--samples 2560 ... 81920] [--json FILE] [--png FILE]
Searches 3x3 convolutions on 28x28 positions, each with another number of input channels (or all with the same), for least energy x
latency, by evolution and without a cache. Core-seconds of the whole of `cost`, the least of three runs; nothing is captured.
"""

import argparse
import datetime
import json
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from netchip.hardware.accelerator import Accelerator
from netchip.hardware.chips import load_chip
from netchip.hardware.mapper.mappers import EvolutionaryMapper
from netchip.hardware.network_cost import cost
from netchip.measure.device import device_description
from netchip.workload.layer import Layer
from netchip.workload.network import Workload
from netchip.workload.shape import LayerShape

RUNS = 3


@dataclass(frozen=True)
class Point:
    """One search: how many layers, whether all alike, mappings tried for each kind, and core-seconds."""

    layers: int
    alike: bool
    samples: int
    core_s: float

    @property
    def mappings(self) -> int:
        """Mappings that were tried."""
        return self.samples * (1 if self.alike else self.layers)


def main() -> None:
    """Prints the machine and one line a search, then writes what was asked for."""
    options = _options()
    place, chip = device_description(), load_chip(options.chip)
    head = f"{datetime.date.today()}  {place.name}, {place.cores} cores, Python {place.python}; {chip.name}"
    print(f"{head}\n\n| layers | mappings a kind | core-s | core-s a kind | mappings a core-s |\n|---|---|---|---|---|")
    points = [_point(chip, count, alike, options.fixed) for alike in (False, True) for count in options.layers]
    points += [_point(chip, 4, False, samples) for samples in options.samples]
    if options.json is not None:
        found = {"machine": head, "points": [asdict(point) for point in points]}
        options.json.write_text(json.dumps(found, indent=1) + "\n")
    if options.png is not None:
        _draw(points, options)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--chip", default="eyeriss")
    parser.add_argument("--layers", type=int, nargs="+", default=[1, 4, 16, 64])
    parser.add_argument("--fixed", type=int, default=5120, help="mappings a kind of layer while layers grow")
    parser.add_argument(
        "--samples", type=int, nargs="+", default=[2560, 5120, 10240, 20480, 40960, 81920], help="with 4 unlike layers"
    )
    parser.add_argument("--json", type=Path)
    parser.add_argument("--png", type=Path)
    return parser.parse_args()


def _point(chip: Accelerator, count: int, alike: bool, samples: int) -> Point:
    workload, mapper = _network(chip, count, alike), EvolutionaryMapper(samples=samples)
    took = min(_core_seconds(workload, chip, mapper) for _ in range(RUNS))
    point = Point(count, alike, samples, took)
    kinds = 1 if alike else count
    print(
        f"| {count} {'alike' if alike else 'unlike'} | {samples:,} | {took:.2f} | {took / kinds:.3f} "
        f"| {point.mappings / took:,.0f} |",
        flush=True,
    )
    return point


def _network(chip: Accelerator, count: int, alike: bool) -> Workload:
    shapes = [
        LayerShape.conv(
            in_channels=64 + 8 * (0 if alike else place),
            out_channels=64,
            in_size=(28, 28),
            kernel=(3, 3),
            padding=(1, 1),
        )
        for place in range(count)
    ]
    return Workload(tuple(Layer(f"conv{place}", shape, precision=chip.precision) for place, shape in enumerate(shapes)))


def _core_seconds(workload: Workload, chip: Accelerator, mapper: EvolutionaryMapper) -> float:
    begun = time.process_time()
    cost(workload, chip, mapper=mapper, cached=False)
    return time.process_time() - begun


def _draw(points: list[Point], options: argparse.Namespace) -> None:
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot

    figure, (left, right) = pyplot.subplots(1, 2, figsize=(9, 3.5), layout="constrained")
    grown = points[: 2 * len(options.layers)]
    for alike, label in ((False, "all unlike"), (True, "all alike")):
        _line(left, [(point.layers, point.core_s) for point in grown if point.alike == alike], label)
    _line(right, [(point.samples, point.core_s) for point in points[len(grown) :]], "4 unlike layers")
    left.set(xlabel=f"layers, {options.fixed:,} mappings a kind", ylabel="core-seconds", ylim=(0, None))
    right.set(xlabel="mappings a layer", ylabel="core-seconds", ylim=(0, None))
    for axes in (left, right):
        axes.legend(frameon=False)
    figure.suptitle(f"Search of 3x3 convolutions on {options.chip}")
    figure.savefig(options.png, dpi=150)


def _line(axes: Any, pairs: list[tuple[int, float]], label: str) -> None:
    axes.plot([x for x, _ in pairs], [y for _, y in pairs], marker="o", label=label)


if __name__ == "__main__":
    main()

"""Training wall-clock of finished early-bird runs, from steps taken in turns: `python benchmarks/run_wallclock.py RUN...`.

A run's own seconds are those of hours in which the machine may have done other things. Here every arm's network is loaded from
its run folder, all take training steps in turns on the same batch, and an arm's training is its epochs (dense until the draw,
then what was cut) times the median step: what the run takes on a machine that does nothing else, validation left out.
"""

import argparse
import datetime
import statistics
import time
from pathlib import Path
from typing import Any

import torch
from torch import nn

from netchip.data.batches import training_batches
from netchip.data.loading import load as load_data
from netchip.files import read_json
from netchip.graph.saved import load
from netchip.measure.device import device_description
from netchip.methods.early_bird.config import EarlyBirdConfig


def main() -> None:
    """Prints a line an arm, and the mean share of dense training over the runs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("runs", nargs="+", type=Path)
    parser.add_argument("--repeats", type=int, default=15)
    given = parser.parse_args()
    place = device_description()
    print(f"{datetime.date.today()}  {place.name}, {torch.get_num_threads()} thread(s), torch {place.torch}")
    shares: dict[str, list[float]] = {}
    for run in given.runs:
        for name, share in _run(run, given.repeats).items():
            shares.setdefault(name, []).append(share)
    for name, found in shares.items():
        spread = f" +- {statistics.stdev(found):.1f}" if len(found) > 1 else ""
        print(f"{name:10} {statistics.mean(found):6.1f}{spread} % of dense training, {len(found)} run(s)")


def _run(run: Path, repeats: int) -> dict[str, float]:
    """Shares of dense training in per cent, by arm."""
    config = EarlyBirdConfig.parse(read_json(run / "config.json")["config"])
    result = read_json(run / "result.json")
    drawn, epochs = result["metrics"]["ticket_epoch"], config.epochs
    names = [arm["name"] for arm in result["arms"]]
    networks = {name: load(run if name == "ticket" else run / name) for name in names}
    data = load_data(config.data)
    batches = training_batches(data, config.data, seed=config.seed)
    times = _times(networks, next(iter(batches.epoch(0))), repeats)
    steps = len(batches)
    trained = {name: _seconds(name, times, steps, drawn, epochs) for name in names}
    for name in names:
        share = 100 * trained[name] / trained["dense"]
        print(
            f"{run.parent.name} {run.name} {name:8} step {times[name] * 1e3:7.1f} ms  "
            f"training {trained[name]:7.1f} s  {share:6.1f} %"
        )
    return {name: 100 * trained[name] / trained["dense"] for name in names}


def _seconds(name: str, times: dict[str, float], steps: int, drawn: int, epochs: int) -> float:
    before = {"dense": 0, "uniform": 0, "late": epochs}.get(name, drawn)
    after = epochs if before == 0 else epochs - drawn
    return steps * (before * times["dense"] + after * times[name])


def _times(networks: dict[str, nn.Module], batch: tuple[Any, ...], repeats: int) -> dict[str, float]:
    """Median seconds of a training step of each, in turns; the first round is not counted."""
    images, labels = batch
    optimizers = {name: torch.optim.SGD(net.parameters(), lr=1e-3, momentum=0.9) for name, net in networks.items()}
    spent: dict[str, list[float]] = {name: [] for name in networks}
    for turn in range(repeats + 1):
        for name, network in networks.items():
            network.train()
            begin = time.perf_counter()
            optimizers[name].zero_grad()
            nn.functional.cross_entropy(network(images), labels).backward()
            optimizers[name].step()
            if turn:
                spent[name].append(time.perf_counter() - begin)
    return {name: statistics.median(times) for name, times in spent.items()}


if __name__ == "__main__":
    main()

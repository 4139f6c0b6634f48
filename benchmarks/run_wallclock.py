"""Training wall-clock of finished early-bird runs, from steps taken in turns: `python benchmarks/run_wallclock.py RUN...`.

A run's own seconds are those of hours in which the machine may have done other things. Here every arm's network is loaded from
its run folder, all take training steps in turns on the same batch, and an arm's training is its epochs (dense until the draw,
then what was cut) times the median step: what the run takes on a machine that does nothing else, validation left out.
"""

import argparse
import datetime
import statistics
from pathlib import Path

import torch
from ticket_wallclock import step_times

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
    images, labels = next(iter(batches.epoch(0)))
    times = step_times(networks, images, labels, repeats)
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


if __name__ == "__main__":
    main()

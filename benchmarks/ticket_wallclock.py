"""Does training wall-clock fall as the MAC ledger says? `python benchmarks/ticket_wallclock.py` (`--help` for the networks).

Dense network and ticket take training steps in turns, on the same batches; from the medians follows what search and retraining take
against dense training when the ticket is drawn after a fifth of the epochs. Ratio of savings: dense time over ticket time,
measured, divided by dense MACs over ticket MACs, counted; 1 means that wall-clock falls as MACs do.
"""

import argparse
import copy
import datetime
import statistics
import time

import torch
from torch import nn

from netchip.graph.to_workload import to_workload
from netchip.measure.device import device_description
from netchip.methods.early_bird.search import TicketSearch
from netchip.methods.early_bird.stages.ledger import Ledger
from netchip.models.build import build, example_input
from netchip.models.spec import ModelSpec

BATCH, EPOCHS, DRAWN = 64, 160, 32


def main() -> None:
    """Prints a line a network and ratio."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("networks", nargs="*", default=["vgg16_bn", "resnet20"])
    parser.add_argument("--ratios", nargs="+", type=float, default=[0.3, 0.5, 0.7])
    parser.add_argument("--round-to", type=int, default=1)
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--width", type=float, default=1.0)
    parser.add_argument("--image-size", type=int, default=32)
    parser.add_argument("--in-channels", type=int, default=3)
    given = parser.parse_args()
    place = device_description()
    print(
        f"{datetime.date.today()}  {place.name}, {torch.get_num_threads()} thread(s), torch {place.torch}; batch {BATCH}"
    )
    for name in given.networks:
        spec = ModelSpec(name=name, image_size=given.image_size, width=given.width, in_channels=given.in_channels)
        _rows(spec, given.ratios, given.round_to, given.repeats)


def _rows(spec: ModelSpec, ratios: list[float], round_to: int, repeats: int) -> None:
    torch.manual_seed(0)
    dense, images = build(spec), example_input(spec, BATCH)
    with torch.no_grad():
        for module in dense.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.weight.uniform_(0.0, 1.0)
    search = TicketSearch(dense, images[:2], ratio=ratios, round_to=round_to, min_movement=0)
    search.end_epoch()
    search.draw()
    networks = {"dense": dense}
    for label, ticket in search.tickets.items():
        networks[label] = copy.deepcopy(dense)
        ticket.cut(networks[label])
    times = step_times(networks, images, torch.arange(BATCH) % 10, repeats)
    macs = {label: int(to_workload(network.eval(), images[:1]).macs) for label, network in networks.items()}
    for label in search.tickets:
        ledger = Ledger(macs["dense"], macs[label], 1, EPOCHS, DRAWN, EPOCHS - DRAWN)
        took = (times["dense"] * DRAWN + times[label] * (EPOCHS - DRAWN)) / (times["dense"] * EPOCHS)
        print(
            f"{spec.name:10} ratio {label:4} step {times['dense'] * 1e3:7.1f} -> {times[label] * 1e3:7.1f} ms  MACs x"
            f"{macs[label] / macs['dense']:.3f}  ledger {ledger.share_percent:5.1f} %  wall-clock {100 * took:5.1f} %  "
            f"ratio of savings {(1 / took) / (100 / ledger.share_percent):.2f}"
        )


def step_times(
    networks: dict[str, nn.Module], images: torch.Tensor, labels: torch.Tensor, repeats: int
) -> dict[str, float]:
    """Median seconds of a training step of each, in turns; the first round is not counted."""
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

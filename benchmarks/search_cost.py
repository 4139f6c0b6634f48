"""What an early-bird search adds to an epoch of training: `python benchmarks/search_cost.py` (`--help` for the networks).

Per step the pull on the scales (one fused operation, and one norm at a time beside it), per epoch the mask and its
distances; an epoch has as many steps as 45,000 CIFAR-10 images in batches of 128. One thread unless OMP_NUM_THREADS says otherwise.
"""

import argparse
import datetime
import statistics
import time
import warnings
from collections.abc import Callable

import torch
from torch import nn

from netchip.errors import NetchipWarning
from netchip.measure.device import device_description
from netchip.methods.early_bird.search import TicketSearch
from netchip.models.build import build, example_input
from netchip.models.spec import ModelSpec

BATCH, IMAGES = 128, 45_000


def main() -> None:
    """Prints a line a network."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("networks", nargs="*", default=["resnet20", "vgg16_bn", "preresnet101"])
    parser.add_argument("--repeats", type=int, default=5)
    given = parser.parse_args()
    place = device_description()
    print(
        f"{datetime.date.today()}  {place.name}, {torch.get_num_threads()} thread(s), torch {place.torch}; batch {BATCH}"
    )
    for name in given.networks:
        _row(name, given.repeats)


def _row(name: str, repeats: int) -> None:
    spec = ModelSpec(name=name, image_size=32)
    network, images, labels = build(spec), example_input(spec, BATCH), torch.arange(BATCH) % 10
    optimizer = torch.optim.SGD(network.parameters(), lr=1e-3, momentum=0.9)

    def step() -> None:
        optimizer.zero_grad()
        nn.functional.cross_entropy(network(images), labels).backward()
        optimizer.step()

    search = TicketSearch(network, images[:2], ratio=(0.3, 0.5, 0.7), min_movement=0)
    step()
    step_s = _median(step, repeats)
    pull_s, naive_s = _median(search.regularize, 50), _median(lambda: _one_by_one(network), 50)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NetchipWarning)
        for _ in range(3):
            search.end_epoch()  # a window that is not full yet: the same work, no draw
        mask_s = _median(lambda: _mask(search), 20)
    steps = IMAGES // BATCH
    epoch_s, added_s = steps * step_s, steps * pull_s + mask_s
    print(
        f"{name:13} step {step_s * 1e3:7.1f} ms  pull {pull_s * 1e3:6.3f} ms (one by one {naive_s * 1e3:6.3f} ms)  "
        f"masks of 3 ratios {mask_s * 1e3:6.2f} ms an epoch  adds {100 * added_s / epoch_s:5.2f} % to an epoch of {epoch_s:.0f} s"
    )


def _mask(search: TicketSearch) -> None:
    """Scores, one sort, three masks and their distances, and the history as it was."""
    state = search.histories
    search.end_epoch()
    for history in state:
        history.masks.pop()
        history.counts.pop()


def _one_by_one(network: nn.Module) -> None:
    """The naive form, as the released code has it."""
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d) and module.weight.grad is not None:
            module.weight.grad.add_(1e-4 * torch.sign(module.weight.detach()))


def _median(work: Callable[[], object], repeats: int) -> float:
    times = []
    for _ in range(repeats):
        begin = time.perf_counter()
        work()
        times.append(time.perf_counter() - begin)
    return statistics.median(times)


if __name__ == "__main__":
    main()

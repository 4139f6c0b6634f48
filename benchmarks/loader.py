"""Images a second: the loader, next to a ResNet-20 training step and to a per-sample dataset, on this machine.

python benchmarks/loader.py [--batch-size 128] [--threads 2] [--seconds 5]
Shapes as CIFAR-10 (3x32x32), crop-flip. The three are timed in turns, so that a slow minute hits all alike.
"""

import argparse
import os
import platform
import time
from collections.abc import Callable, Iterator
from datetime import date

import numpy as np
import torch
from PIL import Image, ImageOps
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

from netchip.data.augment import PADDING
from netchip.data.batches import Batches
from netchip.data.images import Split
from netchip.models.build import build
from netchip.models.spec import ModelSpec

MEAN, STD = (0.4914, 0.4822, 0.4465), (0.2470, 0.2435, 0.2616)
ROUNDS = 3

Step = Callable[[], int]  # does one batch, returns its images


class PerSample(Dataset):
    """The usual form: one image at a time through Pillow, then a tensor, then normalised."""

    def __init__(self, split: Split) -> None:
        self.images = [Image.fromarray(image.transpose(1, 2, 0)) for image in split.images]
        self.labels = split.labels
        self.mean, self.std = (torch.tensor(values).view(3, 1, 1) for values in (MEAN, STD))

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        image = ImageOps.expand(self.images[index], PADDING)
        left, top, mirror = (int(torch.randint(high, ())) for high in (2 * PADDING + 1, 2 * PADDING + 1, 2))
        image = image.crop((left, top, left + 32, top + 32))
        image = ImageOps.mirror(image) if mirror else image
        pixels = torch.from_numpy(np.array(image)).permute(2, 0, 1).float().div(255)
        return (pixels - self.mean) / self.std, int(self.labels[index])


def forever(loader: Batches) -> Iterator[tuple[Tensor, Tensor]]:
    epoch = 0
    while True:
        yield from loader.epoch(epoch)
        epoch += 1


def loading(batches: Iterator[tuple[Tensor, Tensor]]) -> Step:
    return lambda: len(next(batches)[1])


def repeated(loader: DataLoader) -> Iterator[tuple[Tensor, Tensor]]:
    while True:
        yield from loader


def training(images: Tensor, labels: Tensor) -> Step:
    """A whole step (forward, backward, SGD) of ResNet-20 on one batch that is already loaded."""
    model = build(ModelSpec.parse({"name": "resnet20"})).train()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)

    def step() -> int:
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(images), labels).backward()
        optimizer.step()
        return len(labels)

    return step


def images_per_second(step: Step, seconds: float) -> float:
    step()  # warm-up
    done, start = 0, time.perf_counter()
    while time.perf_counter() - start < seconds:
        done += step()
    return done / (time.perf_counter() - start)


def measured(batch_size: int, seconds: float) -> dict[str, float]:
    generator = np.random.default_rng(0)
    images = generator.integers(0, 256, (45_000, 3, 32, 32), dtype=np.uint8)
    split = Split(images, generator.integers(0, 10, 45_000))
    loader = Batches(split, batch_size=batch_size, seed=0, mean=MEAN, std=STD, augment="crop-flip")
    steps = {
        "netchip loader": loading(forever(loader)),
        "per-sample dataset": loading(repeated(DataLoader(PerSample(split), batch_size, shuffle=True, drop_last=True))),
        "ResNet-20 training step": training(*next(loader.epoch(0))),
    }
    rounds = [{name: images_per_second(step, seconds / ROUNDS) for name, step in steps.items()} for _ in range(ROUNDS)]
    return {name: float(np.median([found[name] for found in rounds])) for name in steps}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--batch-size", type=int, default=128)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=6.0, help="for each of the three, in all")
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    machine = f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores"
    print(f"{machine}, {given.threads} threads, torch {torch.__version__}, {date.today()}")
    rates = measured(given.batch_size, given.seconds)
    for name, rate in rates.items():
        ratio = rates["netchip loader"] / rate
        print(f"{name:<24}{rate:>12,.0f} images/s   the loader is {ratio:,.1f} times as fast")
    share = rates["ResNet-20 training step"] / rates["netchip loader"]
    print(f"loading takes {100 * share:.2f} % of the time that a training step takes")


if __name__ == "__main__":
    main()

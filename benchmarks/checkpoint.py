"""What a checkpoint costs, against an epoch: ResNet-20, batches of 128 images of CIFAR's size.

    python benchmarks/checkpoint.py [--threads 2]

The images are random numbers (the time of a step does not depend on what they show); the epoch is CIFAR-10's 45,000
training images, its time the median step times its steps. A checkpoint is timed as `fit` writes it, flushed to disk.
"""

import argparse
import os
import platform
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path

import torch

from netchip.models.build import build
from netchip.models.spec import ModelSpec
from netchip.train.accelerating import make_accelerator
from netchip.train.checkpoint import NAME, Position
from netchip.train.keeping import Keeper
from netchip.train.metrics import RunningMeans
from netchip.train.phase import Classification, Step
from netchip.train.spec import OptimizerSpec, TrainSpec

BATCH, IMAGES, LIMIT_PERCENT = 128, 45_000, 2.0
STEPS = IMAGES // BATCH


def seconds(work: Callable[[], object], repeats: int) -> list[float]:
    """Wall-clock seconds of `repeats` calls."""
    times: list[float] = []
    for _ in range(repeats):
        begun = time.perf_counter()
        work()
        times.append(time.perf_counter() - begun)
    return times


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--threads", type=int, default=2)
    torch.set_num_threads(arguments.parse_args().threads)
    phase = Classification(build(ModelSpec(name="resnet20")), OptimizerSpec())
    accelerator = make_accelerator(TrainSpec(device="cpu"))
    phase.setup(accelerator)
    batch = (torch.randn(BATCH, 3, 32, 32), torch.randint(10, (BATCH,)))
    step = Step(epoch=0, index=0, steps_per_epoch=STEPS, epochs=1)
    phase.train_step(batch, step)
    step_seconds = statistics.median(seconds(lambda: phase.train_step(batch, step), 8))
    with tempfile.TemporaryDirectory(dir=".") as folder:
        keeper = Keeper(phase, accelerator, Path(folder), {})
        written = seconds(lambda: keeper.save(Position(epoch=0), RunningMeans(), None), 10)
        size = (Path(folder) / NAME).stat().st_size
    epoch, checkpoint = step_seconds * STEPS, statistics.median(written)
    share = 100 * checkpoint / epoch
    machine = f"{platform.machine()}, {os.cpu_count()} cores, {torch.get_num_threads()} threads"
    print(f"{date.today()}, {machine}, torch {torch.__version__}")
    print(
        f"step {1e3 * step_seconds:.0f} ms ({BATCH / step_seconds:.0f} images/s), epoch of {STEPS} steps {epoch:.1f} s"
    )
    print(f"checkpoint {1e3 * checkpoint:.1f} ms (slowest of 10: {1e3 * max(written):.1f} ms), {size:,} bytes")
    print(f"a checkpoint costs {share:.3f} % of an epoch (limit {LIMIT_PERCENT:g} %)")
    return 0 if share < LIMIT_PERCENT else 1


if __name__ == "__main__":
    sys.exit(main())

"""Kills a training of a ResNet-8 on the digits at random moments, resumes it, and compares the files byte by byte.

    python benchmarks/kill_resume.py --kills 20

Each trial is killed (SIGKILL) at a random moment, run again to its end, and its model.safetensors held against that of
a training nothing disturbed. Every second trial writes a checkpoint after each step, so that kills fall into writes.
One torch thread; ends with exit code 1 when a file differs.
"""

import argparse
import multiprocessing
import os
import platform
import random
import sys
import tempfile
import time
from datetime import date
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import torch

from netchip.data.batches import evaluation_batches, training_batches
from netchip.data.loading import load
from netchip.data.spec import DatasetSpec
from netchip.models.build import build
from netchip.models.spec import ModelSpec
from netchip.train.checkpoint import NAME
from netchip.train.fit import fit
from netchip.train.phase import Classification
from netchip.train.saving import save_model
from netchip.train.seeding import seed_everything
from netchip.train.spec import OptimizerSpec, TrainSpec

DATA = DatasetSpec(name="digits", image_size=8, batch_size=32, augment="crop-flip")
MODEL = ModelSpec(name="resnet8", in_channels=1, image_size=8)
OPTIMIZER = OptimizerSpec(learning_rate=0.1, schedule="cosine")
EPOCHS = 4


def train(folder: Path, checkpoint_seconds: float) -> None:
    """The training, from its start or from where `folder` says it was."""
    data, spec = load(DATA), TrainSpec(device="cpu", threads=1, checkpoint_seconds=checkpoint_seconds, progress="quiet")
    seed_everything(1)
    phase = Classification(build(MODEL), OPTIMIZER)
    loader = training_batches(data, DATA, seed=1)
    validation = evaluation_batches(data.validation, data, DATA)
    fit(phase, loader, epochs=EPOCHS, folder=folder / "train", validation=validation, spec=spec)
    save_model(phase.model, folder / "model.safetensors")


def child(folder: Path, checkpoint_seconds: float = 0.2) -> multiprocessing.Process:
    """A process of its own that trains; forked, so that it starts at once."""
    process = multiprocessing.get_context("fork").Process(target=train, args=(folder, checkpoint_seconds))
    process.start()
    return process


def seconds_to_first_checkpoint(process: multiprocessing.Process, folder: Path) -> float:
    """Waits until the first checkpoint is on disk, or the process has ended."""
    begun = time.monotonic()
    while process.is_alive() and not (folder / "train" / NAME).exists():
        time.sleep(0.002)
    return time.monotonic() - begun


def killed_at(folder: Path, wait: float, checkpoint_seconds: float) -> str:
    """Kills a training `wait` seconds after its first checkpoint (after its start, when negative); says where that was."""
    process = child(folder, checkpoint_seconds)
    if wait >= 0:
        seconds_to_first_checkpoint(process, folder)
    process.join(abs(wait))
    if not process.is_alive():
        return "after its end"
    process.kill()
    process.join()
    if list((folder / "train").glob(f".{NAME}.*.tmp")):
        return "while a checkpoint was written"
    checkpoint = folder / "train" / NAME
    if not checkpoint.is_file():
        return "before the first checkpoint"
    position = torch.load(checkpoint, weights_only=True)["position"]
    return f"past epoch {position['epoch']} and {position['index']} steps"


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--kills", type=int, default=20)
    arguments.add_argument("--seed", type=int, default=0)
    asked = arguments.parse_args()
    torch.set_num_threads(1)
    moments = random.Random(asked.seed)
    print(f"{date.today()}, {platform.machine()}, {os.cpu_count()} cores, torch {torch.__version__}, 1 thread")
    with tempfile.TemporaryDirectory() as folder:
        load(DATA)
        begun = time.monotonic()
        process = child(Path(folder) / "straight")
        start = seconds_to_first_checkpoint(process, Path(folder) / "straight")
        process.join()
        training = time.monotonic() - begun - start
        expected = (Path(folder) / "straight" / "model.safetensors").read_bytes()
        print(f"undisturbed: {start:.1f} s to the first checkpoint, {training:.1f} s more; {len(expected):,} bytes")
        equal = 0
        for trial in range(asked.kills):
            place = Path(folder) / str(trial)
            wait = -start * moments.random() if trial % 10 == 9 else training * moments.random()
            where = killed_at(place, wait, (0.2, 0.0)[trial % 2])
            child(place).join()
            same = (place / "model.safetensors").read_bytes() == expected
            equal += same
            print(
                f"kill {trial + 1:2}: {where}; resumed to its end, {'byte-equal' if same else 'DIFFERENT'}", flush=True
            )
    print(f"{equal} of {asked.kills} files equal, in {time.monotonic() - begun:.0f} s")
    return 0 if equal == asked.kills else 1


if __name__ == "__main__":
    sys.exit(main())

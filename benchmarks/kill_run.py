"""Kills a whole Early-Bird run (search, cut, retrain) at random moments, starts it again, and compares the files byte by byte.

    python benchmarks/kill_run.py --kills 20

Each trial is a process of its own, `netchip run early-bird smoke`, killed with SIGKILL at a random moment of its life and then
run again to its end; checkpoints are written after every step, so that kills fall into writes. Both the trained network's
model.safetensors and the drawn ticket's must equal those of a run nothing disturbed; exit code 1 when one differs.
"""

import argparse
import os
import platform
import random
import subprocess
import sys
import tempfile
import time
from datetime import date
from pathlib import Path

import torch

COMMAND = ("run", "early-bird", "smoke", "--no-dense-baseline", "--train.checkpoint-seconds", "0", "--quiet")


def start(folder: Path) -> subprocess.Popen[bytes]:
    """The run in a process of its own, on one thread."""
    command = [sys.executable, "-m", "netchip", *COMMAND, "--out", str(folder)]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    return subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def files(folder: Path) -> tuple[bytes, bytes]:
    """The trained network and the ticket as drawn."""
    [run] = folder.glob("early-bird/*/seed-1")
    return (run / "model.safetensors").read_bytes(), (run / "ticket" / "model.safetensors").read_bytes()


def reached(folder: Path) -> str:
    """What was on disk at the kill."""
    stages = [path.parent.name for path in folder.glob("early-bird/*/seed-1/*/checkpoint.pt")]
    return " and ".join(sorted(stages, reverse=True)) or "nothing yet"


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--kills", type=int, default=20)
    arguments.add_argument("--seed", type=int, default=0)
    asked = arguments.parse_args()
    moments = random.Random(asked.seed)
    print(f"{date.today()}, {platform.machine()}, {os.cpu_count()} cores, torch {torch.__version__}, 1 thread")
    with tempfile.TemporaryDirectory() as place:
        begun = time.monotonic()
        start(Path(place) / "straight").wait()
        life = time.monotonic() - begun
        expected, equal = files(Path(place) / "straight"), 0
        print(f"undisturbed: {life:.1f} s")
        for trial in range(asked.kills):
            folder, moment = Path(place) / str(trial), life * moments.random()
            process = start(folder)
            time.sleep(moment)
            process.kill()
            process.wait()
            where = reached(folder)
            start(folder).wait()
            same = files(folder) == expected
            equal += same
            print(
                f"kill {trial + 1:2} after {moment:4.1f} s: checkpoints of {where}; {'byte-equal' if same else 'DIFFERENT'}",
                flush=True,
            )
        print(f"{equal} of {asked.kills} runs ended with equal files, in {time.monotonic() - begun:.0f} s")
    return 0 if equal == asked.kills else 1


if __name__ == "__main__":
    sys.exit(main())

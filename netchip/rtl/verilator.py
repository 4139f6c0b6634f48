"""Runs the test bench of a folder under Verilator."""

import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from netchip.errors import MissingExtra, RunError
from netchip.rtl.bench import ChipFiles

LONGEST_BUILD_S = 1200


@dataclass(frozen=True)
class BenchResult:
    """Whether all words came back as they should, how many did not, and the cycles of each layer of the last frame."""

    passed: bool
    wrong: int
    cycles: tuple[int, ...]


def has_verilator() -> bool:
    """Whether `verilator` and `make` are there."""
    return all(shutil.which(tool) for tool in ("verilator", "make", "g++"))


def simulate_bench(files: ChipFiles, folder: Path) -> BenchResult:
    """Builds the test bench in `folder` and runs it.

    Raises `MissingExtra` where Verilator is not installed, `RunError` with its last words where it fails.
    """
    if not has_verilator():
        raise MissingExtra("verilator (apt install verilator)", "rtl", "simulating Verilog")
    files.write(folder)
    done = subprocess.run(
        ["make", "-s", "simulate"], cwd=folder, capture_output=True, text=True, timeout=LONGEST_BUILD_S, check=False
    )
    words = re.search(r"words \d+ of \d+, wrong (\d+)", done.stdout)
    if done.returncode or words is None:
        raise RunError(f"the test bench in {folder} did not run: {(done.stderr or done.stdout)[-800:].strip()}")
    cycles = tuple(int(count) for count in re.findall(r"layer \d+ cycles (\d+)", done.stdout))
    return BenchResult("PASSED" in done.stdout, int(words[1]), cycles)

"""A whole accelerator under Verilator, image after image: what comes back of a round goes into the next ones."""

import re
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import IO, cast

from netchip.errors import RunError
from netchip.rtl.design import ChipDesign
from netchip.rtl.folder import sent_words
from netchip.rtl.rounds import NetworkRun, RoundResult, Rounds
from netchip.rtl.verilator import LONGEST_BUILD_S, has_verilator

INSTALL = "apt install verilator make g++"


def build_accelerator(folder: Path) -> None:
    """Builds the test bench of a folder that was written. Raises `RunError` with the build's last words."""
    if not has_verilator():
        raise RunError(f"Verilator is not installed: {INSTALL}")
    done = subprocess.run(
        ["make", "-s", "obj_dir/Vtestbench"],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=LONGEST_BUILD_S,
        check=False,
    )
    if done.returncode:
        raise RunError(f"Verilator did not build {folder}: {(done.stderr or done.stdout)[-800:].strip()}")


def check_vectors(folder: Path) -> int:
    """Runs the rounds that lie in the folder; how many words came back, all as they should. Raises `RunError` otherwise."""
    done = subprocess.run(
        ["./obj_dir/Vtestbench"], cwd=folder, capture_output=True, text=True, timeout=LONGEST_BUILD_S, check=False
    )
    words = re.search(r"words (\d+) wrong \d+", done.stdout)
    if "PASSED" not in done.stdout or words is None:
        raise RunError(f"the test bench of {folder} failed: {done.stdout[-800:].strip()}")
    return int(words[1])


def run_accelerator(design: ChipDesign, folder: Path, rounds: Rounds) -> NetworkRun:
    """Carries out rounds on the accelerator that was built in the folder; raises `RunError` where it stops."""
    command = ["./obj_dir/Vtestbench", "+live"]
    with subprocess.Popen(command, cwd=folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as bench:
        questions, answers = cast("IO[str]", bench.stdin), cast("IO[str]", bench.stdout)
        try:
            given = next(rounds)
            while True:
                questions.write(_sent(design, given))
                questions.flush()
                given = rounds.send(_received(design, answers))
        except StopIteration as end:
            return end.value
        except BrokenPipeError as error:
            raise RunError(f"the simulation in {folder} ended: {answers.read()[-400:].strip()}") from error
        finally:
            bench.kill()


def _sent(design: ChipDesign, given: Sequence[Sequence]) -> str:
    lines = [
        f"{word:x}"
        for program, own, inputs in zip(design.programs, design.owned, given, strict=True)
        for plan, step, numbers in zip(program.plans, own, inputs, strict=True)
        for word in sent_words(plan, step, numbers)
    ]
    return "\n".join(lines) + "\n"


def _received(design: ChipDesign, answers: IO[str]) -> list[RoundResult]:
    """What the test bench prints at the end of a round."""
    words: list[int] = []
    cycles: list[int] = []
    for line in answers:
        kind, _, value = line.partition(" ")
        if kind == "round":
            return _apart(design, words, cycles)
        if kind == "w":
            words.append(int(value, 16))
        elif kind == "c":
            cycles.append(int(value))
        else:
            raise RunError(f"the simulation stopped: {line.strip()}")
    raise RunError(f"the simulation ended within a round, after {len(words)} words")


def _apart(design: ChipDesign, words: list[int], cycles: list[int]) -> list[RoundResult]:
    results: list[RoundResult] = []
    for program in design.programs:
        count = sum(plan.words_back for plan in program.plans)
        results.append(RoundResult(words[:count], tuple(cycles[: len(program.plans)])))
        words, cycles = words[count:], cycles[len(program.plans) :]
    return results

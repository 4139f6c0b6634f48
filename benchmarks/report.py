"""How long the page of 100 runs takes, from a cold start, and how large it is.

    python benchmarks/report.py RUN... [--runs 100] [--repeats 3]

Copies the given finished run folders in turn under new seeds (five to a configuration) until there are so many, then times
`netchip report` on them in processes of their own: seconds on the clock and of the processor, medians over the repeats.
"""

import argparse
import json
import platform
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import date
from itertools import cycle, islice
from pathlib import Path

_SEEDS = 5
_KEPT = ("*.json", "*.jsonl", "figures")


def copies(sources: list[Path], number: int, folder: Path) -> None:
    """`number` run folders below `folder`, all that a report reads of each, told apart by hash and seed."""
    for place, source in enumerate(islice(cycle(sources), number)):
        turn = place // len(sources)
        named = {"seed": 1 + turn % _SEEDS, "config_hash": f"{(place % len(sources)) * 1000 + turn // _SEEDS:08x}"}
        target = folder / source.parents[1].name / f"copy-{named['config_hash']}" / f"seed-{named['seed']}"
        target.mkdir(parents=True)
        for file in (found for pattern in _KEPT for found in source.glob(pattern)):
            (shutil.copytree if file.is_dir() else shutil.copy)(file, target / file.name)
        result = json.loads((target / "result.json").read_text()) | named
        (target / "result.json").write_text(json.dumps(result))


def timed(runs: Path, page: Path) -> tuple[float, float]:
    """(seconds on the clock, seconds of the processor) of one `netchip report`."""
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run(
        [sys.executable, "-m", "netchip", "report", str(runs), "-o", str(page)], check=True, stdout=subprocess.DEVNULL
    )
    wall, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> None:
    """Prints one line of figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sources", nargs="+", type=Path, metavar="RUN")
    parser.add_argument("--runs", type=int, default=100)
    parser.add_argument("--repeats", type=int, default=3)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder, page = Path(name) / "runs", Path(name) / "page.html"
        copies([source.resolve() for source in arguments.sources], arguments.runs, folder)
        found = [timed(folder, page) for _ in range(arguments.repeats)]
        wall, cpu = (statistics.median(column) for column in zip(*found, strict=True))
        size = page.stat().st_size / 1e6
    print(f"{arguments.runs} runs: {wall:.2f} s ({cpu:.2f} s of the processor), {size:.2f} MB")
    print(f"{platform.processor() or platform.machine()}, Python {platform.python_version()}, {date.today()}")


if __name__ == "__main__":
    main()

"""How far a search of mappings is: a bar on a terminal that goes when it is done, plain lines in a pipe. On stderr."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from netchip.cli.output import note
from netchip.units import format_seconds

_PAUSE_S = 10.0
"""Between two lines in a pipe."""

Told = Callable[[str, int, int], None]


@contextmanager
def searching(chip: str) -> Iterator[Told]:
    """What `cost` tells its progress to: the layer, how many are searched, and how many there are."""
    with (_bar if sys.stderr.isatty() else _lines)(chip) as told:
        yield told


@contextmanager
def _lines(chip: str) -> Iterator[Told]:
    began = last = time.monotonic()
    done = 0

    def told(layer: str, searched: int, total: int) -> None:
        nonlocal last, done
        done = searched
        if time.monotonic() - last >= _PAUSE_S:
            last = time.monotonic()
            note(f"{chip}: {searched} of {total} kinds of layers mapped, the last {layer}")

    yield told
    note(f"{chip}: {done} kinds of layers mapped in {format_seconds(time.monotonic() - began)}")


@contextmanager
def _bar(chip: str) -> Iterator[Told]:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(f"mapping layers to {chip}", total=None)

        def told(layer: str, searched: int, total: int) -> None:
            bar.update(task, completed=searched, total=total, description=f"{chip}: {layer}")

        yield told

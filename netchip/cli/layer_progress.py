"""How far work on a network's layers is: a bar on a terminal that goes when it is done, plain lines in a pipe. On stderr."""

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
def layer_by_layer(doing: str, done: str, *, of: str = "") -> Iterator[Told]:
    """What is told a layer, how many are done, and how many there are.

    `doing` ("packing") heads the bar; `done` ("layers packed") is what lines count; `of`: whose layers, before both.
    """
    of = f"{of}: " if of else ""
    with _bar(of + doing) if sys.stderr.isatty() else _lines(of, done) as told:
        yield told


@contextmanager
def _lines(of: str, done: str) -> Iterator[Told]:
    began = last = time.monotonic()
    ready = 0

    def told(layer: str, finished: int, total: int) -> None:
        nonlocal last, ready
        ready = finished
        if time.monotonic() - last >= _PAUSE_S:
            last = time.monotonic()
            note(f"{of}{finished} of {total} {done}, at {layer}")

    yield told
    note(f"{of}{ready} {done} in {format_seconds(time.monotonic() - began)}")


@contextmanager
def _bar(doing: str) -> Iterator[Told]:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(doing, total=None)

        def told(layer: str, finished: int, total: int) -> None:
            bar.update(task, completed=finished, total=total, description=f"{doing} {layer}")

        yield told

"""`netchip demo`: the first five minutes. Every method on embedded data, one table of what was gained, one page."""

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from netchip.cli.output import note, say, show_table

if TYPE_CHECKING:
    from netchip.compose.demo.parts import Part

_PAGE = "report.html"
_NEXT = (
    "Digits are easy, so everything comes close to 100 %. CIFAR-10 shows more: netchip run early-bird cifar10-small; "
    "your own pictures: netchip run early-bird digits --data.name folder:PATH --model.classes N --model.in-channels 3"
)


def command(
    *,
    out: Path = Path("runs/demo"),
    workers: int | None = None,
    fresh: Annotated[bool, Parameter(negative=())] = False,
    quiet: Annotated[bool, Parameter(negative=())] = False,
) -> None:
    """Every method on embedded data in a few minutes, a table of what was gained, and one page of all runs.

    Parameters
    ----------
    out
        Folder that holds the runs. What is finished there is not run again.
    workers
        Parts that run at once; else one a core.
    fresh
        Remove that folder first.
    quiet
        No progress on stderr.
    """
    from netchip.compose.demo.parts import demo_parts
    from netchip.compose.demo.seeing_through import see_through
    from netchip.compose.sweep.local import LocalWorkers

    if fresh:
        shutil.rmtree(out, ignore_errors=True)
    parts = demo_parts()
    see_through(parts, out, workers=LocalWorkers(workers), told=_silent if quiet else note)
    _show(parts, out)
    if not quiet:
        note(_NEXT)


def _silent(_line: str) -> None:
    """Nothing."""


def _show(parts: Sequence["Part"], out: Path) -> None:
    from netchip.cli.chip_tile import chip_tile
    from netchip.cli.gains import COLUMNS, gain
    from netchip.compose.demo.parts import CHIPS
    from netchip.compose.pricing import load_chips
    from netchip.report.page import write_report

    chips = load_chips(CHIPS)
    gains = [gain(part.folder(out), chips) for part in parts]
    energies = [f">energy on\n{name.replace('_', '-')}" for name in chips]
    show_table("What was gained", (*COLUMNS, *energies), [each.cells for each in gains])
    say(
        "\nAccuracy, dB and latency are measured here (a gated network and its plain one in ONNX Runtime, where it is installed), "
        "MACs and bytes counted, energy modelled at the bits a network states."
    )
    for each in gains:
        say(f"{each.name}: {each.line}")
    for part in parts:
        if part.method == "dna":
            say(chip_tile(part.folder(out)))
    say(f"report: {write_report([part.folder(out) for part in parts], out / _PAGE)}")

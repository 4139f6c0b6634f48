"""Carrying out a run in its folder, as `run`, `resume` and `demo` do it: stages on disk are not done again."""

from pathlib import Path
from typing import Any

from netchip.cli.arms import show_arms
from netchip.cli.output import note, say, show_json
from netchip.compose.carrying import carried_out
from netchip.errors import CheckpointError
from netchip.methods.method import Method
from netchip.spec import Spec
from netchip.train.rundir import RunDir, is_main

PAGE = "report.html"


def carry_out(method: Method, config: Spec, rundir: RunDir) -> dict[str, Any]:
    """The content of result.json: read where the run is finished, else worked out, written and drawn as a page."""
    finished = rundir.result()
    if finished is not None:
        note(f"{rundir.path}: finished already; --fresh runs it again")
        return finished
    result = carried_out(method, config, rundir)
    if is_main():
        _write_page(rundir.path)
    return result


def show_result(result: dict[str, Any], folder: Path, *, json: bool) -> None:
    """The result of a run for a reader, the run folder in the last line; or as JSON."""
    if not is_main():
        return
    if json:
        show_json(result)
        return
    say(str(result["headline"]))
    show_arms(folder)
    for line in result.get("simulated", ()):
        say(f"simulated: {line}")
    for line in result["notes"]:
        say(f"note: {line}")
    if (folder / PAGE).is_file():
        say(f"report: {folder / PAGE}")
    say(str(folder))


def _write_page(folder: Path) -> None:
    """All that the page shows is on disk already, so a disk that is full now does not fail a finished run."""
    from netchip.report.page import write_report

    try:
        write_report([folder], folder / PAGE)
    except CheckpointError as error:
        note(f"netchip: warning: {error}")

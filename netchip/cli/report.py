"""`netchip report`: one page of any set of runs, or their figures as JSON or CSV."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from netchip.cli.output import note, say, show_json
from netchip.cli.overwriting import check_place
from netchip.errors import ConfigError

_PAGE = Path("report.html")


def command(
    *runs: Annotated[Path, Parameter(name="RUN")],
    output: Annotated[Path | None, Parameter(name=["--output", "-o"])] = None,
    json: bool = False,
    csv: Path | None = None,
) -> None:
    """Write one self-contained HTML page of one or several runs: overview, Pareto fronts, seeds with mean and spread.

    Parameters
    ----------
    runs
        Run folders, or folders that hold some, at any depth.
    output
        The page to write; else report.html, or none with --json or --csv.
    json
        Write the runs with all their figures as JSON to stdout, nothing else.
    csv
        Also write a table of one line for each network of each run.
    """
    if not runs:
        raise ConfigError("name at least one run folder: netchip report RUN... -o page.html")
    for path in (output, csv):
        check_place(path)
    from netchip.report.compare.collecting import collect

    found = collect(runs)
    for _, why in found.left_out:
        note(f"left out: {why}")
    written = []
    if csv is not None:
        from netchip.files import write_atomic
        from netchip.report.compare.plain import to_csv

        write_atomic(csv, to_csv(found))
        written.append(csv)
    if output is not None or not (json or csv):
        from netchip.report.page import write_page

        written.append(write_page(found, output or _PAGE))
    if json:
        from netchip.report.compare.plain import to_json

        show_json(to_json(found))
        return
    for path in written:
        say(str(path))

"""`netchip report`: one page of one or several runs."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from netchip.cli.output import say
from netchip.errors import ConfigError


def command(
    *runs: Annotated[Path, Parameter(name="RUN")],
    output: Annotated[Path, Parameter(name=["--output", "-o"])] = Path("report.html"),
) -> None:
    """Write one self-contained HTML page of one or several runs; several are compared, seeds with mean and spread.

    Parameters
    ----------
    runs
        Run folders, or folders that hold some.
    output
        The page to write.
    """
    if not runs:
        raise ConfigError("name at least one run folder: netchip report RUN... -o page.html")
    from netchip.report.page import write_report

    say(str(write_report(runs, output)))

"""What a verb writes: tables that suit a terminal or a pipe, lines, and JSON. Only results go to stdout."""

import json
import sys
from collections.abc import Sequence
from typing import Any


def say(text: str = "") -> None:
    """One line on stdout: a result."""
    sys.stdout.write(f"{text}\n")


def note(text: str) -> None:
    """One line on stderr: what is going on."""
    sys.stderr.write(f"{text}\n")


def show_json(value: Any) -> None:
    """`value` as indented JSON on stdout, and nothing else there."""
    say(json.dumps(value, indent=1, allow_nan=False))


def show_table(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """A table under its title. A column whose heading begins with '>' (which is not shown) is set to the right.

    A heading may have several lines.
    """
    if sys.stdout.isatty():
        _rich_table(title, columns, rows)
    else:
        _plain_table(title, columns, rows)


def _rich_table(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, title_justify="left")
    for column in columns:
        right = column.startswith(">")
        table.add_column(Text(column.lstrip(">")), justify="right" if right else "left", overflow="fold", no_wrap=right)
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))
    console = Console(highlight=False)
    console.print(Text(f"\n{title}", style="bold"))
    console.print(table)


def _plain_table(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    lines = [*_heading([column.lstrip(">").split("\n") for column in columns]), *rows]
    widths = [max(len(line[index]) for line in lines) for index in range(len(columns))]
    right = [column.startswith(">") for column in columns]
    say(f"\n{title}")
    for line in lines:
        cells = [
            cell.rjust(width) if flush else cell.ljust(width)
            for cell, width, flush in zip(line, widths, right, strict=True)
        ]
        say("  ".join(cells).rstrip())


def _heading(columns: Sequence[Sequence[str]]) -> list[list[str]]:
    """Headings line by line, all ending on the same one."""
    lines = max(map(len, columns), default=0)
    return [list(line) for line in zip(*([""] * (lines - len(column)) + [*column] for column in columns), strict=True)]

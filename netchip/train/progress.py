"""How far training is: a bar on a terminal, one line an epoch in a pipe, or nothing. It goes to stderr; stdout is for
results.
"""

from collections.abc import Mapping
from typing import Any, Literal, Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from netchip.units import format_seconds

Style = Literal["auto", "bar", "plain", "quiet"]


class Display:
    """Shows one phase. `style` "auto" is a bar when stderr is a terminal, else plain lines."""

    def __init__(self, phase: str, *, epochs: int, style: Style, console: Console | None = None) -> None:
        self._phase, self._epochs = phase, epochs
        self._console = console if console is not None else Console(stderr=True, highlight=False)
        self._quiet = style == "quiet"
        wants_bar = style == "bar" or (style == "auto" and self._console.is_terminal)
        self._bar = _bar(self._console) if wants_bar else None
        self._task: Any = None

    def begin_epoch(self, epoch: int, *, done: int, steps: int) -> None:
        """Epoch `epoch` (from 0) of `steps` steps begins, `done` of them behind it."""
        if self._bar is not None:
            if self._task is not None:
                self._bar.remove_task(self._task)
            self._task = self._bar.add_task(self._title(epoch), total=steps, completed=done, figures="")

    def advance(self) -> None:
        """One step was made."""
        if self._bar is not None:
            self._bar.advance(self._task)

    def figures(self, figures: Mapping[str, Any]) -> None:
        """Means so far, shown beside the bar."""
        if self._bar is not None:
            self._bar.update(self._task, figures=describe(figures))

    def end_epoch(self, epoch: int, figures: Mapping[str, Any], *, seconds: float) -> None:
        """One line that stays: the figures of the epoch and the s the phase has trained so far."""
        if not self._quiet:
            self._console.print(
                f"{self._title(epoch)}: {describe(figures)}, {format_seconds(seconds)} trained",
                soft_wrap=True,
                markup=False,
            )

    def __enter__(self) -> Self:
        if self._bar is not None:
            self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.stop()

    def _title(self, epoch: int) -> str:
        return f"{self._phase} epoch {epoch + 1}/{self._epochs}"


def describe(figures: Mapping[str, Any]) -> str:
    """`{"loss": 0.5, "accuracy_percent": 91.25}` as "loss 0.5, accuracy 91.25 %"."""
    return ", ".join(_figure(name, value) for name, value in figures.items() if isinstance(value, int | float))


def _figure(name: str, value: float) -> str:
    if name.endswith("_percent"):
        return f"{name.removesuffix('_percent').replace('_', ' ')} {value:.2f} %"
    return f"{name.replace('_', ' ')} {value:.4g}"


def _bar(console: Console) -> Progress:
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[figures]}"),
    )
    return Progress(*columns, console=console, transient=True)

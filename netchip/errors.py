"""The exception family. Every error netchip raises on purpose derives from `NetchipError`.

`exit_code` is what the command line exits with: 1 failed while running, 2 request refused before work,
3 budget not met, 130 interrupted and resumable.
"""


class NetchipError(Exception):
    """Anything netchip refuses or cannot finish; the message says what was asked, what was found, what to do."""

    exit_code = 1


class NetchipWarning(UserWarning):
    """Something the user should know, that does not stop the work."""


class RequestError(NetchipError):
    """The request was refused before any work began."""

    exit_code = 2


class ConfigError(RequestError):
    """A setting is unknown, of the wrong type, or outside its range."""


class DataError(RequestError):
    """A data folder or file is missing, empty or broken."""


class ModelError(RequestError):
    """A model name or reference cannot be built."""


class GraphError(RequestError):
    """A model cannot be captured, or a cut of it is refused before anything was changed."""


class CheckpointMismatch(RequestError):
    """A checkpoint, run or ticket belongs to another configuration, version or architecture."""


class MissingExtra(RequestError):
    """An optional package is needed for what was asked.

    `name` is the missing package, `extra` the netchip extra that installs it.
    """

    def __init__(self, name: str, extra: str, purpose: str) -> None:
        self.name, self.extra = name, extra
        super().__init__(
            f"{purpose} needs the package {name!r}, which is not usable here; pip install 'netchip[{extra}]'"
        )


class RunError(NetchipError):
    """The work began and could not be finished."""


class DivergedError(RunError):
    """A loss became NaN or infinite; the last good checkpoint is kept."""


class CheckpointError(RunError):
    """A file could not be written; what was on disk before is still there."""


class CutMismatch(RunError):
    """A cut network does not equal the masked network it was cut from; nothing was changed."""


class BudgetError(NetchipError):
    """A hard budget cannot be met; the message says which, by how much, and what is reachable."""

    exit_code = 3


class Interrupted(NetchipError):
    """SIGTERM or Ctrl-C arrived; a checkpoint was written and the run can be resumed."""

    exit_code = 130


def first_line(error: BaseException) -> str:
    """The first line with words of an error that is not ours, to be named in one of ours; the error's kind where it has none."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[0] if lines else type(error).__name__

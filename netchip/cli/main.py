"""The command line as a whole: which verbs there are, and how their endings become exit codes.

0 done · 1 failed while running · 2 refused before work · 3 budget not met · 130 interrupted, resumable.
A verb is imported only when it is called or asked for help.
"""

import os
import signal
import sys
import threading
import traceback
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from cyclopts import App, CycloptsError, UnusedCliTokensError

from netchip.errors import NetchipError, NetchipWarning
from netchip.version import __version__

FAILED, REFUSED, INTERRUPTED = 1, 2, 130
_DEBUG = "NETCHIP_DEBUG"
_VERBS = (
    ("list", "List the methods and their experiments, the models, the data sources and the chips."),
    ("run", "Run a method: netchip run METHOD [EXPERIMENT] [--settings]."),
    ("sweep", "Run a grid of methods, settings, budgets and seeds, each trial a run; price the results on chips."),
    ("pipeline", "Train, prune, pack or gate one network in the order a file says, with one table of all stages."),
    ("resume", "Go on with a run that was interrupted."),
    ("inspect", "Show a model's layers, MACs, coupled channels, and what each method can treat."),
    ("compress", "Compress trained weights: small bases times sparse powers of two, in one safetensors file."),
    ("expand", "Write the dense weights of a compressed file."),
    ("engines", "Estimate a network's energy and latency on five sparse engines, SmartExchange's among them."),
    ("cost", "Model the energy, latency and area of a network on one chip or several."),
    ("chip", "Write the chip that a run of dna found: Verilog, weights, a test bench; simulate and synthesise it."),
    ("bench", "Measure the latency of a model, or of both networks of a run."),
    (
        "export",
        "Write a network as a file of another tool (ONNX, torch.export, ZigZag, ...), compared with its source.",
    ),
    ("report", "Write one self-contained HTML page of one or several runs."),
    ("demo", "Find a ticket on real handwritten digits and compare it with the dense network."),
    ("doctor", "Show versions, devices, missing extras, data folders and the cache."),
)


def build_app() -> App:
    """The command with all its verbs, none of them imported yet."""
    app = App(
        name="netchip",
        help="Neural networks that are cheap to train, to store and to run, and the chip that fits them.",
        version=f"netchip {__version__}",
        help_formatter="default" if sys.stdout.isatty() else "plain",
        suppress_keyboard_interrupt=False,
    )
    for place, (verb, summary) in enumerate(_VERBS):
        target = "APP" if verb == "run" else "command"
        app.command(f"netchip.cli.{verb}:{target}", name=verb, help=summary, sort_key=place)
    return app


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command and returns its exit code; whatever goes wrong becomes one clear message on stderr."""
    try:
        with _short_warnings(), _terminable():
            build_app()(
                list(sys.argv[1:] if arguments is None else arguments),
                exit_on_error=False,
                print_error=False,
                result_action="return_value",
            )
            sys.stdout.flush()
    except NetchipError as error:
        return _refuse(str(error), error.exit_code)
    except CycloptsError as error:
        return _refuse(f"{_told(error)} (netchip {_help_words(error)}--help shows what there is)", REFUSED)
    except KeyboardInterrupt:
        return _refuse("interrupted", INTERRUPTED)
    except BrokenPipeError:
        _let_stdout_go()
        return FAILED
    except Exception as error:  # noqa: BLE001 - the last stop: a user gets a line, not a traceback
        first = error.__cause__ or error
        told = f"unexpected {type(first).__name__}: {first}"
        return _refuse(f"{told}\nThis is a fault in netchip or in your model; {_DEBUG}=1 shows where.", FAILED)
    return 0


def _refuse(message: str, code: int) -> int:
    if os.environ.get(_DEBUG, "") not in ("", "0"):
        traceback.print_exc()
    sys.stderr.write(f"netchip: {message}\n")
    return code


def _told(error: CycloptsError) -> str:
    if isinstance(error, UnusedCliTokensError):
        return f"not expected here: {' '.join(error.unused_tokens or ())}"
    return str(error)


def _help_words(error: CycloptsError) -> str:
    return "".join(f"{word} " for word in error.command_chain or ())


def _let_stdout_go() -> None:
    """The reader of the pipe left (`| head`): what Python still holds for it is dropped without a complaint at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


@contextmanager
def _terminable() -> Iterator[None]:
    """SIGTERM is answered like Ctrl-C also where no training saves first: before, between and after its phases."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


@contextmanager
def _short_warnings() -> Iterator[None]:
    """netchip's own warnings as one line each, without a path into its source."""
    with warnings.catch_warnings():
        show = warnings.showwarning

        def showwarning(message, category, filename, lineno, file=None, line=None) -> None:
            if issubclass(category, NetchipWarning):
                sys.stderr.write(f"netchip: warning: {message}\n")
            else:
                show(message, category, filename, lineno, file, line)

        warnings.showwarning = showwarning
        yield

"""SIGTERM and Ctrl-C as a request that is answered at the end of a step."""

import signal
import threading
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any


@dataclass
class Interruption:
    """`requested` is the name of the signal that arrived, None before."""

    requested: str | None = None


@contextmanager
def interruptible() -> Generator[Interruption]:
    """Turns the first SIGTERM or Ctrl-C into `requested`; a second one does what it did before (Ctrl-C breaks off at
    once).

    The handlers of before are put back on the way out. Outside the main thread, where Python allows no handlers, it
    does nothing.
    """
    interruption = Interruption()
    if threading.current_thread() is not threading.main_thread():
        yield interruption
        return
    before: dict[signal.Signals, Any] = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}

    def put_back() -> None:
        for number, handler in before.items():
            signal.signal(number, handler if handler is not None else signal.SIG_DFL)

    def request(number: int, _frame: Any) -> None:
        interruption.requested = signal.Signals(number).name
        put_back()

    for number in before:
        signal.signal(number, request)
    try:
        yield interruption
    finally:
        put_back()

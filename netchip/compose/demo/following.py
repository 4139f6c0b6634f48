"""What processes last said in their logs, told now and then while they run."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

EVERY_S = 15.0
_TAIL_BYTES = 4096


@contextmanager
def following(
    logs: Callable[[], dict[str, Path]], told: Callable[[str], None], every_s: float = EVERY_S
) -> Iterator[None]:
    """Until it is left, every `every_s` seconds the last line of each of `logs()` by name, where that has changed."""
    over = threading.Event()

    def follow() -> None:
        said: dict[str, str] = {}
        while not over.wait(every_s):
            for name, log in logs().items():
                line = last_line(log)
                if line and said.get(name) != line:
                    said[name] = line
                    told(f"  {name}: {line}")

    thread = threading.Thread(target=follow, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def last_line(log: Path) -> str:
    """The last whole line of a file that is being written; empty where there is none."""
    try:
        with log.open("rb") as file:
            file.seek(0, 2)
            file.seek(max(0, file.tell() - _TAIL_BYTES))
            lines = file.read().decode(errors="replace").split("\n")[:-1]
    except OSError:
        return ""
    return next((line.strip() for line in reversed(lines) if line.strip()), "")

"""Chromium without a window, driven over the two pipes of its DevTools protocol: no package, no port, no network."""

import base64
import fcntl
import itertools
import json
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

_NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
_FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--hide-scrollbars",
    "--no-first-run",
)


class Page:
    """One page of a browser, and whatever it complained about."""

    def __init__(self, to_browser: Any, from_browser: Any) -> None:
        self._to, self._from, self._ids, self._session = to_browser, from_browser, itertools.count(1), ""
        self.complaints: list[str] = []
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log"):
            self.call(f"{domain}.enable")

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """One command, and its result; what the browser reports in between is kept."""
        number = next(self._ids)
        message = {"id": number, "method": method, "params": parameters}
        self._to.write(
            json.dumps(message | ({"sessionId": self._session} if self._session else {})).encode() + bytes(1)
        )
        self._to.flush()
        while (found := self._read()).get("id") != number:
            self._note(found)
        assert "error" not in found, (method, found["error"])
        return found["result"]

    def open(self, file: Path) -> None:
        """Loads the file to its end."""
        self.call("Page.navigate", url=file.resolve().as_uri())
        while (found := self._read()).get("method") != "Page.loadEventFired":
            self._note(found)

    def evaluate(self, expression: str) -> Any:
        """The value of an expression on the page."""
        result = self.call("Runtime.evaluate", expression=expression, returnByValue=True)
        assert "exceptionDetails" not in result, (expression, result["exceptionDetails"])
        return result["result"].get("value")

    def click(self, expression: str) -> None:
        """A click of the mouse in the middle of the element that the expression finds."""
        place = "const box = e.getBoundingClientRect(); return [box.x + box.width / 2, box.y + box.height / 2]"
        scroll = "e.scrollIntoView({block: 'center', inline: 'center'})"
        x, y = self.evaluate(f"(() => {{ const e = {expression}; {scroll}; {place}; }})()")
        for kind in ("mousePressed", "mouseReleased"):
            self.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)

    def screen(self, width: int, *, dark: bool = False) -> None:
        """A screen so many pixels wide, in light or dark."""
        self.call(
            "Emulation.setDeviceMetricsOverride", width=width, height=800, deviceScaleFactor=1, mobile=width < 600
        )
        theme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.call("Emulation.setEmulatedMedia", features=[theme])

    def picture(self, file: Path) -> None:
        """The whole page as a PNG."""
        data = self.call("Page.captureScreenshot", format="png", captureBeyondViewport=True)["data"]
        file.write_bytes(base64.b64decode(data))

    def _read(self) -> dict[str, Any]:
        message = bytearray()
        while (letter := self._from.read(1)) != bytes(1):
            if not letter:
                raise EOFError("the browser ended")
            message += letter
        return json.loads(message)

    def _note(self, message: dict[str, Any]) -> None:
        said = message.get("params", {})
        entry = said.get("entry", {})
        if message.get("method") in ("Runtime.exceptionThrown", "Runtime.consoleAPICalled") or entry:
            self.complaints.append(json.dumps(entry or said))


def _give(read_end: int, write_end: int) -> None:
    """The ends of the pipes as 3 and 4 of the process to come; all else that is open stays with this one."""
    ends = [fcntl.fcntl(end, fcntl.F_DUPFD_CLOEXEC, 10) for end in (read_end, write_end)]
    for place, end in enumerate(ends, 3):
        os.dup2(end, place)


@contextmanager
def browser_page(profile: Path) -> Iterator[Page]:
    """A page of a browser that keeps its files in `profile`; the test is skipped where there is no Chromium."""
    program = next(filter(None, map(shutil.which, _NAMES)), None)
    if program is None:
        pytest.skip(f"no browser: none of {', '.join(_NAMES)} is installed")
    commands, answers = os.pipe(), os.pipe()
    started = subprocess.Popen(
        [program, *_FLAGS, "--remote-debugging-pipe", f"--user-data-dir={profile}", "about:blank"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        close_fds=False,
        preexec_fn=lambda: _give(commands[0], answers[1]),
    )
    os.close(commands[0])
    os.close(answers[1])
    try:
        with os.fdopen(commands[1], "wb") as to_browser, os.fdopen(answers[0], "rb") as from_browser:
            yield Page(to_browser, from_browser)
    finally:
        os.killpg(started.pid, signal.SIGKILL)
        started.wait()

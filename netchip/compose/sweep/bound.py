"""Run as a script: python bound.py PARENT COMMAND...; becomes COMMAND, which the system kills when PARENT ends.

A trial whose worker is gone would otherwise go on, and keep its folder from the one that takes it up.
"""

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1


def main(parent: int, command: list[str]) -> None:
    """Only Linux knows how; elsewhere the command runs as it is."""
    prctl = getattr(ctypes.CDLL(None), "prctl", None) if sys.platform == "linux" else None
    if prctl is not None:
        prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:
            sys.exit(f"netchip: the process {parent} that started this is gone")
    os.execvp(command[0], command)


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2:])

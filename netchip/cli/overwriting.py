"""Outputs are looked at before any work: that they can be written, and that they replace nothing unless asked to."""

import os
from pathlib import Path

from netchip.errors import ConfigError


def check_new(output: Path, force: bool) -> None:
    """Raises `ConfigError` where `output` exists, or cannot be a file; nothing was read or written yet."""
    check_place(output)
    if output.exists() and not force:
        raise ConfigError(f"{output}: exists already; give another name, or --force to replace it")


def check_place(output: Path | None) -> None:
    """Raises `ConfigError` where no file can be written at `output`, though missing folders above it are made."""
    if output is None:
        return
    if output.is_dir():
        raise ConfigError(f"{output}: is a folder; name a file")
    check_above(output)


def check_above(output: Path) -> None:
    """Raises `ConfigError` where nothing can be made at `output`: what is above it is a file, or may not be written."""
    there = next(parent for parent in output.absolute().parents if parent.exists())
    if not there.is_dir():
        raise ConfigError(f"{output}: cannot be written, since {there} is a file; name another place")
    if not os.access(there, os.W_OK):
        raise ConfigError(
            f"{output}: cannot be written, since the folder {there} may not be changed; name another place"
        )

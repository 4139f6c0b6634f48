"""A verb's output never replaces what is there, unless it is asked to."""

from pathlib import Path

from netchip.errors import ConfigError


def check_new(output: Path, force: bool) -> None:
    """Raises `ConfigError` where `output` exists, or cannot be a file; nothing was read or written yet."""
    if output.is_dir():
        raise ConfigError(f"{output}: is a folder; name a file")
    if output.exists() and not force:
        raise ConfigError(f"{output}: exists already; give another name, or --force to replace it")

"""The tables of figures that netchip brings along, as plain data."""

from importlib.resources import files
from typing import Any

from netchip.hardware.plain_yaml import read_yaml


def read_table(name: str) -> dict[str, Any]:
    """The table `presets/tables/<name>.yaml`."""
    return read_yaml(files("netchip.hardware").joinpath("presets", "tables", f"{name}.yaml").read_text(), name)

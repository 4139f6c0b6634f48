"""Chips by name or file. `load_chip("eyeriss")`; what a file may hold is in `presets/README.md`."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

from netchip.errors import ConfigError
from netchip.hardware.accelerator import Accelerator, Memory
from netchip.hardware.chip_file import chip_data, chip_names, read_chip_file
from netchip.hardware.chip_prices import priced
from netchip.hardware.chip_template import Parameter, parameters_of
from netchip.hardware.plain_yaml import as_table, write_yaml

__all__ = ["chip_names", "chip_parameters", "load_chip", "to_yaml"]


def load_chip(name_or_file: str | Path, *, parameters: Mapping[str, float] | None = None) -> Accelerator:
    """The chip of a preset's name, or of a YAML file. `parameters` are values for a template, such as `{"rows": 16}`.

    Raises `ConfigError` that names the file, the field, the value and what to do.
    """
    file = read_chip_file(name_or_file)
    data = chip_data(file, parameters or {})
    return Accelerator.parse(priced(data, _memories(data, file.source), file.source), source=file.source)


def chip_parameters(name_or_file: str | Path) -> dict[str, Parameter]:
    """What a template lets one choose, with defaults; empty for a chip that is none."""
    file = read_chip_file(name_or_file)
    base = file.data.get("extends")
    return chip_parameters(base) if base in chip_names() else parameters_of(file.data, file.source)


def to_yaml(accelerator: Accelerator) -> str:
    """The chip as a file that `load_chip` reads back as an equal one: every price as a constant with its source."""
    return write_yaml(accelerator.model_dump(mode="json", exclude_defaults=True))


def _memories(data: Mapping[str, Any], source: str) -> dict[str, Memory]:
    """The memories by name, as prices need them."""
    memories = data.get("memories")
    if not isinstance(memories, list) or not memories:
        raise ConfigError(f"{source}: memories is missing; list the memories from the MACs outward")
    return {memory.name: memory for memory in (_memory(each, source) for each in cast("list[Any]", memories))}


def _memory(fields: Any, source: str) -> Memory:
    if (named := as_table(fields)) is None:
        raise ConfigError(f"{source}: a memory is {fields!r}; give its name, size, operands, serves and ports")
    return Memory.parse(named, source=f"{source}: memory {named.get('name', '?')!r}")

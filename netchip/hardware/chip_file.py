"""A chip file as plain data: read, laid over the preset it extends, its parameters filled in, its sizes in bits."""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any, cast

from netchip.errors import ConfigError
from netchip.hardware.accelerator import Accelerator, Memory
from netchip.hardware.chip_overlay import laid_over
from netchip.hardware.chip_template import filled
from netchip.hardware.memory_size import bits_of_size
from netchip.hardware.plain_yaml import as_table, read_yaml
from netchip.hardware.suggest import did_you_mean

_PRESETS = files("netchip.hardware").joinpath("presets")
_KEYS = (*Accelerator.model_fields, "extends", "parameters")
_MEMORY_KEYS = (*Memory.model_fields, "size")
_SUFFIXES = (".yaml", ".yml", ".json")


@dataclass(frozen=True)
class ChipFile:
    """What a file holds, and how messages call it."""

    data: Mapping[str, Any]
    source: str


def chip_names() -> tuple[str, ...]:
    """The names of the chips that netchip brings along."""
    return tuple(
        sorted(entry.name.removesuffix(".yaml") for entry in _PRESETS.iterdir() if entry.name.endswith(".yaml"))
    )


def read_chip_file(name_or_file: str | Path) -> ChipFile:
    """The file of a preset, or the file at a path, as it stands; raises `ConfigError` where there is neither."""
    name = str(name_or_file)
    if name in chip_names():
        return ChipFile(read_yaml(_PRESETS.joinpath(f"{name}.yaml").read_text(), name), name)
    path = Path(name_or_file).expanduser()
    if path.suffix not in _SUFFIXES and not path.is_file():
        raise ConfigError(
            f"{name!r} is no chip{did_you_mean(name, chip_names())}; there are {', '.join(chip_names())}, or give a YAML file"
        )
    try:
        return ChipFile(read_yaml(path.read_text(), name), name)
    except FileNotFoundError:
        raise ConfigError(
            f"{name}: no such file; give a YAML file of a chip, or one of {', '.join(chip_names())}"
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{name}: not readable as text ({error})") from None


def chip_data(file: ChipFile, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """The data of a chip with what it extends below it, parameters filled in, sizes in bits; prices as the file states them."""
    _check_keys(file)
    if "extends" not in file.data:
        return _sized(filled(file.data, parameters, file.source), file.source)
    base = _base(file)
    values = as_table(file.data.get("parameters", {}))
    if values is None:
        raise ConfigError(f"{file.source}: parameters = {file.data['parameters']!r}; give names with numbers")
    below = chip_data(base, {**values, **parameters})
    changes = {key: value for key, value in file.data.items() if key not in ("extends", "parameters")}
    return laid_over(below, _sized(changes, file.source), base=base.source, source=file.source)


def _check_keys(file: ChipFile) -> None:
    for key in file.data:
        if key not in _KEYS:
            raise ConfigError(f"{file.source}: unknown key {str(key)!r}{did_you_mean(key, _KEYS)}")


def _base(file: ChipFile) -> ChipFile:
    name = file.data["extends"]
    if name not in chip_names():
        raise ConfigError(f"{file.source}: extends = {name!r} is no chip{did_you_mean(name, chip_names())}")
    return read_chip_file(name)


def _sized(data: Mapping[str, Any], source: str) -> dict[str, Any]:
    """The same with `size: 108 KiB` of each memory as bits."""
    memories = data.get("memories")
    if not isinstance(memories, list):
        return dict(data)
    return {**data, "memories": [_sized_memory(memory, source) for memory in cast("list[Any]", memories)]}


def _sized_memory(memory: Any, source: str) -> Any:
    if (table := as_table(memory)) is None:
        return memory
    fields = dict(table)
    where = f"{source}: memory {fields.get('name', '?')!r}"
    for key in fields:
        if key not in _MEMORY_KEYS:
            raise ConfigError(f"{where}: unknown key {str(key)!r}{did_you_mean(key, _MEMORY_KEYS)}")
    if "size" not in fields:
        return fields
    if "bits" in fields:
        raise ConfigError(f"{where}: has both size and bits; keep one")
    try:
        fields["bits"] = bits_of_size(fields.pop("size"))
    except ValueError as error:
        raise ConfigError(f"{where}: size = {error}") from None
    return fields

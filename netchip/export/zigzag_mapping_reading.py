"""ZigZag's mapping YAML, as netchip writes it, read again: units side by side and the order of the loops, by layer."""

from collections.abc import Mapping as Table
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from netchip.errors import DataError
from netchip.export.yaml_text import read_yaml

Factor = tuple[str, int]


@dataclass(frozen=True)
class WrittenMapping:
    """What a file says of one layer: units along each dimension of the array, and loops with their bounds, inner to outer."""

    units: Table[str, tuple[Factor, ...]]
    order: tuple[Factor, ...]


def read_zigzag_mapping(path: Path) -> dict[str, WrittenMapping]:
    """The entries of a mapping file by the names of layers, without "default".

    Raises `DataError` that names the file where it does not hold what `zigzag_mapping` writes.
    """
    try:
        entries = cast("list[dict[str, Any]]", read_yaml(path))
        return {str(each["name"]): _entry(each) for each in entries if each["name"] != "default"}
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise DataError(f"{path}: no mapping that netchip wrote ({error!r})") from None


def _entry(entry: Table[str, Any]) -> WrittenMapping:
    units = {str(name): tuple(map(_factor, row)) for name, row in entry["spatial_mapping"].items()}
    order = tuple((str(dim), int(bound)) for dim, bound in entry.get("temporal_ordering", ()))
    return WrittenMapping({name: tuple(each for each in row if each[1] > 1) for name, row in units.items()}, order)


def _factor(text: str) -> Factor:
    dim, _, count = text.partition(",")
    return dim.strip(), int(count)

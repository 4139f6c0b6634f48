"""A chip file laid over the chip that it extends."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

from netchip.errors import ConfigError
from netchip.hardware.chip_prices import is_stated
from netchip.hardware.plain_yaml import as_table
from netchip.hardware.suggest import did_you_mean

_Plain = Mapping[str, Any]


def laid_over(below: _Plain, changes: _Plain, *, base: str, source: str) -> dict[str, Any]:
    """`changes` of the file `source` over the data `below` of the chip `base`: memories by name, tables by key.

    The new chip has the file's name unless it gives itself one; a calibration, which was measured on the chip below, does
    not hold for it. Raises `ConfigError` for a memory that is not there, and where a memory changes but not its price.
    """
    result: dict[str, Any] = {key: value for key, value in below.items() if key != "calibration"}
    result["name"], result["source"] = Path(source).stem, f"{base}, changed ({below['source']})"
    for key, value in changes.items():
        if key == "memories":
            result[key] = _memories(below, changes, base, source)
        elif key in ("energy", "area"):
            result[key] = _prices(result.get(key), value)
        elif key in ("array", "precision"):
            result[key] = _merged(result.get(key), value)
        else:
            result[key] = value
    return result


def _merged(below: Any, changes: Any) -> Any:
    """One table over another; what is no table is left for the accelerator to refuse."""
    old, new = as_table(below), as_table(changes)
    return changes if old is None or new is None else {**old, **new}


def _prices(below: Any, changes: Any) -> Any:
    old, new = as_table(below), as_table(changes)
    if old is None or new is None or "memories" not in new:
        return _merged(below, changes)
    return {**old, **new, "memories": _merged(old.get("memories"), new["memories"])}


def _table(table: Any, key: str) -> _Plain:
    return as_table((as_table(table) or {}).get(key)) or {}


def _memories(below: _Plain, changes: _Plain, base: str, source: str) -> list[_Plain]:
    """The memories of the chip below, in their order, each with the fields that the file changes."""
    merged: dict[str, _Plain] = {memory["name"]: memory for memory in below["memories"]}
    if not isinstance(changes["memories"], list):
        raise ConfigError(f"{source}: memories = {changes['memories']!r}; give a list, each with a name of {base}")
    for change in cast("list[Any]", changes["memories"]):
        fields = as_table(change) or {}
        name = str(fields.get("name", change))
        if name not in merged:
            raise ConfigError(f"{source}: memory {name!r} is not in {base}{did_you_mean(name, merged)}")
        touched = [key for key in ("bits", "ports", "access_bits") if key in fields]
        if touched:
            _check_price_follows(name, touched, below, changes, source)
        merged[name] = {**merged[name], **fields}
    return list(merged.values())


def _check_price_follows(name: str, touched: list[str], below: _Plain, changes: _Plain, source: str) -> None:
    """A price that was stated for one size and width does not hold for another."""
    for table in ("energy", "area"):
        old = _table(below.get(table), "memories").get(name)
        if name not in _table(changes.get(table), "memories") and is_stated(old):
            raise ConfigError(
                f"{source}: {', '.join(touched)} of {name!r} changes, but its {table} was stated for what it was; state "
                f"{table}.memories.{name} too, such as {{sram: {{nm: 65}}}}"
            )

"""YAML read with faults that name the file and the line, and written in the order given."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from netchip.errors import DataError


@dataclass(frozen=True)
class Tagged:
    """A mapping that is written under a tag of its own, such as "!Component"."""

    tag: str
    value: Mapping[str, Any]


def read_yaml(path: Path | str) -> Any:
    """The plain value in a YAML file; raises `DataError` when it is missing, no text or no YAML."""
    try:
        return yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise DataError(f"{path}: no such file") from None
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: not readable as text ({error})") from None
    except yaml.YAMLError as error:
        raise DataError(f"{path}: not YAML{_where(error)}") from None
    except RecursionError:
        raise DataError(f"{path}: nested too deeply to be read") from None


def as_yaml(value: Any, *, note: str = "") -> str:
    """`value` as YAML below a comment, keys in their order, short lists on one line."""
    head = "".join(f"# {line}\n" for line in note.splitlines())
    return head + yaml.dump(value, Dumper=_NoAnchors, sort_keys=False, default_flow_style=None, width=120)


class _NoAnchors(yaml.SafeDumper):
    """Writes equal values out in full, without anchors."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _tagged(dumper: yaml.SafeDumper, tagged: Tagged) -> yaml.Node:
    return dumper.represent_mapping(tagged.tag, dict(tagged.value))


_NoAnchors.add_representer(Tagged, _tagged)


def _where(error: yaml.YAMLError) -> str:
    mark, problem = getattr(error, "problem_mark", None), getattr(error, "problem", None)
    place = f", line {mark.line + 1}, column {mark.column + 1}" if mark else ""
    return f"{place}: {problem or ' '.join(str(error).split())}"

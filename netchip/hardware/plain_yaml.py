"""YAML as plain data, and back; no key may stand twice."""

from collections.abc import Mapping
from typing import Any, cast

import yaml

from netchip.errors import ConfigError


class _Loader(yaml.SafeLoader):
    """PyYAML takes the last of two equal keys without a word; this one refuses."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            if str(key.value) in seen and key.tag != "tag:yaml.org,2002:merge":
                raise yaml.MarkedYAMLError(problem=f"the key {key.value!r} stands twice", problem_mark=key.start_mark)
            seen.add(str(key.value))
        return super().construct_mapping(node, deep=deep)


def read_yaml(text: str, source: str) -> dict[str, Any]:
    """The mapping that `text` holds; raises `ConfigError` that names `source` and the line where it is none."""
    try:
        data = yaml.load(text, Loader=_Loader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f", line {mark.line + 1}" if mark else ""
        raise ConfigError(f"{source}{where}: not readable as YAML ({getattr(error, 'problem', error)})") from None
    except RecursionError:
        raise ConfigError(f"{source}: nested too deeply to be read") from None
    if not isinstance(data, dict):
        raise ConfigError(f"{source}: holds {type(data).__name__}, not keys with values; write 'name: ...' and so on")
    return cast("dict[str, Any]", data)


def as_table(value: object) -> Mapping[str, Any] | None:
    """`value` where it is keys with values, else none."""
    return cast("Mapping[str, Any]", value) if isinstance(value, Mapping) else None


def write_yaml(data: Mapping[str, Any]) -> str:
    """`data` as YAML: keys in their order, innermost mappings and lists on one line."""
    return yaml.safe_dump(dict(data), sort_keys=False, default_flow_style=None, width=120, allow_unicode=True)

"""Settings in a YAML (or JSON) file, as plain data."""

from pathlib import Path
from typing import Any

import yaml

from netchip.errors import ConfigError


def read_settings(path: Path) -> dict[str, Any]:
    """The mapping in a YAML (or JSON) file; raises `ConfigError` when there is none."""
    try:
        data = yaml.load(Path(path).read_text(encoding="utf-8"), Loader=_PlainLoader)
    except FileNotFoundError:
        raise ConfigError(f"{path}: no such file") from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: not readable ({error})") from None
    except yaml.YAMLError as error:
        raise ConfigError(f"{path}{_place(error)}: not YAML ({getattr(error, 'problem', None) or error})") from None
    if data is not None and not isinstance(data, dict):
        raise ConfigError(f"{path}: expected settings as `name: value`, found {type(data).__name__}")
    return {str(key): value for key, value in (data or {}).items()}


class _PlainLoader(yaml.SafeLoader):
    """YAML in which only true and false are booleans, so that `precision: no` stays the word it is."""


_PlainLoader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:bool" or first in "tTfF"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def _place(error: yaml.YAMLError) -> str:
    mark = getattr(error, "problem_mark", None)
    return f":{mark.line + 1}" if mark else ""

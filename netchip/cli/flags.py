"""Dotted flags out of a configuration class: a parameter for each setting, with its default and its meaning."""

import inspect
import json
import types
import typing
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from cyclopts import Group, Parameter
from pydantic import BaseModel

_SIMPLE = (int, float, bool, str, Path)
_SEPARATOR = "__in__"


@dataclass(frozen=True)
class Setting:
    """A leaf of a configuration: its dotted name, its type, its default, and what it means."""

    name: str
    annotation: Any
    default: Any
    meaning: str

    @property
    def room(self) -> str:
        """The part before the last dot; empty for the configuration's own settings."""
        return self.name.rpartition(".")[0]

    @property
    def flag(self) -> str:
        """As typed: 'data.image_size' -> '--data.image-size'."""
        return "--" + self.name.replace("_", "-")


def settings_of(config: type[BaseModel], prefix: str = "", defaults: BaseModel | None = None) -> Iterator[Setting]:
    """Every leaf setting of a configuration class, in the order of its fields."""
    for name, field in config.model_fields.items():
        own = None if field.is_required() else field.get_default(call_default_factory=True)
        default = own if defaults is None else getattr(defaults, name)
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            inner = default if isinstance(default, BaseModel) else None
            yield from settings_of(field.annotation, f"{prefix}{name}.", inner)
        else:
            yield Setting(prefix + name, field.annotation, default, field.description or "")


def flag_parameters(config: type[BaseModel]) -> list[inspect.Parameter]:
    """Keyword parameters, None unless given, that a command's signature takes up; see `given`."""
    groups: dict[str, Group] = {}
    parameters = []
    for setting in settings_of(config):
        group = groups.setdefault(
            setting.room, Group.create_ordered(f"Settings: {setting.room}" if setting.room else "Settings")
        )
        name = setting.name.replace(".", _SEPARATOR)
        parameters.append(
            inspect.Parameter(
                name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=_annotation(setting, group)
            )
        )
    return parameters


def given(values: Mapping[str, Any]) -> dict[str, Any]:
    """The dotted settings that were given on the command line, out of a command's keyword arguments."""
    return {name.replace(_SEPARATOR, "."): value for name, value in values.items() if value is not None}


def _annotation(setting: Setting, group: Group) -> Any:
    kind, many = _command_line_type(setting.annotation)
    default = _written(setting.default)
    parameter = Parameter(
        name=setting.flag,
        help=setting.meaning or None,
        group=group,
        show_default=(lambda _: default) if default else False,
        consume_multiple=many,
        negative=None if kind is bool else (),
    )
    return Annotated[kind | None, parameter]


def _command_line_type(annotation: Any) -> tuple[Any, bool]:
    """(the type that the command line converts to, whether it takes several words); what it cannot know stays text."""
    options = [option for option in _options(annotation) if option is not type(None)]
    if len(options) != 1:
        return str, False
    (kind,) = options
    if _is_simple(kind):
        return kind, False
    several = typing.get_origin(kind) is tuple and typing.get_args(kind)[1:] == (Ellipsis,)
    return (kind, True) if several and _is_simple(typing.get_args(kind)[0]) else (str, False)


def _is_simple(kind: Any) -> bool:
    return kind in _SIMPLE or typing.get_origin(kind) is Literal


def _options(annotation: Any) -> tuple[Any, ...]:
    is_union = typing.get_origin(annotation) in (typing.Union, types.UnionType)
    return typing.get_args(annotation) if is_union else (annotation,)


def _written(default: Any) -> str:
    if default is None or default == ():
        return ""
    if isinstance(default, (tuple, list)):
        return " ".join(map(str, default))
    return json.dumps(default) if isinstance(default, bool) else str(default)

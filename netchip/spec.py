"""The base of every configuration value: frozen pydantic models whose faults read as one clear line each."""

import difflib
import hashlib
import json
from collections.abc import Iterator, Mapping
from typing import Any, Self, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from netchip.errors import ConfigError

_NEUTRAL = "result_neutral"


class Spec(BaseModel):
    """A frozen configuration value; unknown keys are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True)

    @classmethod
    def parse(cls, data: Mapping[str, Any], *, source: str = "configuration") -> Self:
        """Validates plain data; raises `ConfigError` with one line a fault, naming the field and the allowed values."""
        try:
            return cls.model_validate(dict(data))
        except ValidationError as error:
            lines = [_describe(cls, fault) for fault in error.errors()]
            raise ConfigError(f"{source}: " + "; ".join(lines)) from None

    def changed(self, **changes: Any) -> Self:
        """A validated copy with some fields changed; a nested mapping changes only the keys it names."""
        return self.parse(merge(self.model_dump(), changes))


def neutral(default: Any, **field: Any) -> Any:
    """A pydantic field that cannot change a run's result (device, workers, log interval): left out of the hash."""
    return Field(default, json_schema_extra={_NEUTRAL: True}, **field)


def merge(base: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """`base` with `changes` laid over it, mapping by mapping."""
    merged = dict(base)
    for key, value in changes.items():
        old = merged.get(key)
        merged[key] = merge(old, value) if isinstance(value, Mapping) and isinstance(old, Mapping) else value
    return merged


def nested(flat: Mapping[str, Any]) -> dict[str, Any]:
    """Dotted names as nested mappings: {'data.name': 'digits'} -> {'data': {'name': 'digits'}}."""
    tree: dict[str, Any] = {}
    for name, value in flat.items():
        *parents, leaf = name.split(".")
        branch = tree
        for parent in parents:
            branch = branch.setdefault(parent, {})
        branch[leaf] = value
    return tree


def config_hash(spec: Spec) -> str:
    """Eight hex digits that name a configuration by everything in it that can change a result."""
    canonical = json.dumps(significant(spec), sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()[:8]


def significant(spec: Spec) -> dict[str, Any]:
    """The fields of `spec`, as JSON values, without the result-neutral ones."""
    plain = spec.model_dump(mode="json")
    return {name: _without_neutral(getattr(spec, name), plain[name]) for name in _significant_names(spec)}


def _significant_names(spec: Spec) -> Iterator[str]:
    for name, field in type(spec).model_fields.items():
        extra = field.json_schema_extra
        if not (isinstance(extra, dict) and extra.get(_NEUTRAL)):
            yield name


def _without_neutral(value: Any, plain: Any) -> Any:
    return significant(value) if isinstance(value, Spec) else plain


def _describe(cls: type[BaseModel], fault: Any) -> str:
    path = ".".join(str(part) for part in fault["loc"])
    if fault["type"] == "extra_forbidden":
        return f"unknown key {path!r}{_suggestion(cls, fault['loc'])}"
    message = fault["msg"].removeprefix("Value error, ")
    if isinstance(fault["input"], Mapping):  # a rule over several fields: its message names them
        return f"{path}: {message}" if path else message
    return f"{path} = {fault['input']!r}: {message}"


def _suggestion(cls: type[BaseModel], path: tuple[Any, ...]) -> str:
    known = list(_owner(cls, path[:-1]).model_fields)
    close = difflib.get_close_matches(str(path[-1]), known, n=1)
    return f" (did you mean {close[0]!r}?)" if close else f" (known: {', '.join(known)})"


def _owner(cls: type[BaseModel], path: tuple[Any, ...]) -> type[BaseModel]:
    """The model that a path leads to; an index or key of a container of models stays at their model."""
    for part in path:
        field = cls.model_fields.get(str(part))
        cls = (field and _model_in(field.annotation)) or cls
    return cls


def _model_in(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next(filter(None, map(_model_in, get_args(annotation))), None)

"""A chip file with sizes as parameters: `$rows` stands for the value of `rows`."""

import re
from collections.abc import Mapping
from typing import Annotated, Any, cast

from pydantic import Field

from netchip.errors import ConfigError
from netchip.hardware.plain_yaml import as_table
from netchip.hardware.suggest import did_you_mean
from netchip.spec import Spec

_NAME = re.compile(r"\$([A-Za-z_]+)")


class Parameter(Spec):
    """A parameter of a template: its value where none is given, and what it is."""

    default: Annotated[float, Field(gt=0, allow_inf_nan=False)]
    about: Annotated[str, Field(min_length=1)]


def parameters_of(data: Mapping[str, Any], source: str) -> dict[str, Parameter]:
    """The parameters that a chip file declares; none where it is no template."""
    declared = as_table(data.get("parameters", {}))
    if declared is None:
        raise ConfigError(f"{source}: parameters = {data['parameters']!r}; give names with default and about")
    return {str(name): _parameter(f"{source}: parameters.{name}", value) for name, value in declared.items()}


def filled(data: Mapping[str, Any], values: Mapping[str, Any], source: str) -> dict[str, Any]:
    """A template with every `$name` replaced by the value given for it, else by its default.

    A text that is a name alone becomes the number; inside a text ('$buffer_kib KiB') the number is written out.
    Raises `ConfigError` for a value that is no positive number, or a name that no parameter has.
    """
    declared = parameters_of(data, source)
    for name, value in values.items():
        _check_value(name, value, declared, source)
    numbers = {name: _plain(parameter.default) for name, parameter in declared.items()} | dict(values)
    rest = {key: value for key, value in data.items() if key != "parameters"}
    return cast("dict[str, Any]", _replaced(rest, numbers, source)) if declared else rest


def _parameter(where: str, value: Any) -> Parameter:
    if (table := as_table(value)) is None:
        raise ConfigError(
            f"{where} = {value!r}: a file that extends no other declares parameters with default and about"
        )
    return Parameter.parse(table, source=where)


def _check_value(name: str, value: Any, declared: Mapping[str, Parameter], source: str) -> None:
    if not declared:
        raise ConfigError(
            f"{source} has no parameters, so none can be called {name!r}; to change it, write a file with 'extends: ...'"
        )
    if name not in declared:
        raise ConfigError(f"{source}: unknown parameter {name!r}{did_you_mean(name, declared)}")
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < float("inf"):
        raise ConfigError(f"{source}: parameter {name} = {value!r}; give a number above 0 ({declared[name].about})")


def _plain(number: float) -> float:
    return int(number) if float(number).is_integer() else number


def _replaced(value: Any, numbers: Mapping[str, Any], source: str) -> Any:
    if (table := as_table(value)) is not None:
        return {key: _replaced(each, numbers, source) for key, each in table.items()}
    if isinstance(value, list):
        return [_replaced(each, numbers, source) for each in cast("list[Any]", value)]
    return _text(value, numbers, source) if isinstance(value, str) else value


def _text(text: str, numbers: Mapping[str, Any], source: str) -> Any:
    for name in _NAME.findall(text):
        if name not in numbers:
            raise ConfigError(f"{source}: ${name} in {text!r} is no parameter{did_you_mean(name, numbers)}")
    whole = _NAME.fullmatch(text)
    return numbers[whole[1]] if whole else _NAME.sub(lambda found: f"{numbers[found[1]]:.12g}", text)

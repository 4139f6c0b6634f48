"""What a sweep asks for: methods with their experiments, and the values to try. No torch is imported here."""

import json
from collections.abc import Mapping
from typing import Any

from pydantic import Field, field_validator

from netchip.errors import ConfigError
from netchip.spec import Spec, neutral


class SweepSpec(Spec):
    """A grid: every method with every combination of values, seeds and budgets; `chips` price each result."""

    name: str = Field(default="sweep", pattern=r"^[\w-]+$", description="names the sweep's folder")
    methods: tuple[str, ...] = Field(
        min_length=1, description="METHOD/EXPERIMENT, or METHOD for its defaults, such as early-bird/digits"
    )
    seeds: tuple[int, ...] = Field(default=(), description="seeds; none: the experiment's own")
    budgets: tuple[str, ...] = Field(
        default=(), description='what each method keeps to, in its own words: "60%" is the share kept'
    )
    settings: Mapping[str, tuple[Any, ...]] = Field(
        default={},
        description="values of dotted settings; METHOD:setting is for that method alone",
    )
    chips: tuple[str, ...] = Field(default=(), description="chips that the results are priced on, after the runs")
    mappings: int = neutral(20_000, ge=1, description="mappings tried for each kind of layer on a chip")

    @field_validator("methods", "seeds", "budgets", "chips", mode="before")
    @classmethod
    def _one_or_several(cls, value: Any) -> Any:
        return (value,) if isinstance(value, (str, int)) else value

    @field_validator("settings", mode="before")
    @classmethod
    def _several_of_each(cls, value: Any) -> Any:
        if not isinstance(value, Mapping):
            return value
        return {str(name): each if isinstance(each, (list, tuple)) else (each,) for name, each in value.items()}

    @field_validator("settings")
    @classmethod
    def _some_of_each(cls, value: Mapping[str, tuple[Any, ...]]) -> Mapping[str, tuple[Any, ...]]:
        empty = [name for name, each in value.items() if not each]
        if empty:
            raise ValueError(f"{empty[0]} has no value to try; name one or more, or leave it out")
        return value

    @field_validator("methods", "seeds", "budgets", "chips")
    @classmethod
    def _each_once(cls, value: tuple[Any, ...]) -> tuple[Any, ...]:
        if len(set(value)) < len(value):
            raise ValueError("names one value twice; keep one")
        return value


def read_setting(word: str) -> tuple[str, tuple[Any, ...]]:
    """('data.batch_size', (32, 64)) of "data.batch_size=32,64"; values that hold commas stand in a JSON list.

    Raises `ConfigError` that shows how it is written.
    """
    name, given, text = word.partition("=")
    if not given or not name.strip() or not text.strip():
        raise ConfigError(f"--set {word!r}: write a setting and its values, as in data.batch_size=32,64")
    owner, colon, setting = name.strip().rpartition(":")
    values = (
        _listed(word, text) if text.lstrip().startswith("[") else [_value(each.strip()) for each in text.split(",")]
    )
    return f"{owner}{colon}{setting.replace('-', '_')}", tuple(values)


def _listed(word: str, text: str) -> list[Any]:
    try:
        found: Any = json.loads(text)
    except ValueError as error:
        raise ConfigError(
            f'--set {word!r}: not a list of values ({error}); write it as in \'options=["skip, 4", "int8"]\''
        ) from None
    return found


def _value(text: str) -> Any:
    """A number, true or false where it is one, else the text."""
    try:
        return json.loads(text)
    except ValueError:
        return text

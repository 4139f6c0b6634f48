"""What a pipeline asks for: a network, its data, and stages in order. No torch is imported here."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

from pydantic import Field, field_validator, model_validator

from netchip.data.spec import DatasetSpec
from netchip.models.spec import ModelSpec
from netchip.spec import Spec
from netchip.train.spec import TrainSpec


class StagePlan(Spec):
    """A stage by name, and its settings; written `name` or `name: {setting: value}`."""

    name: str
    settings: Mapping[str, Any] = {}


class PipelineSpec(Spec):
    """Stages on a fresh `model` and `data`, or on the network of a finished `run`, whose data hold where none are given."""

    name: str = Field(default="pipeline", pattern=r"^[\w-]+$", description="names the pipeline's folder")
    seed: int = Field(default=1, ge=0, description="seed of weights, order and augmentation, in every stage")
    model: ModelSpec | None = Field(default=None, description="the network to start from, with fresh weights")
    data: DatasetSpec | None = Field(
        default=None, description="what it is trained and tested on; none: digits, or the run's"
    )
    run: Path | None = Field(default=None, description="a finished run whose network is taken on, in place of a model")
    stages: tuple[StagePlan, ...] = Field(min_length=1, description="what is done, in order")
    chips: tuple[str, ...] = Field(default=(), description="chips that every network on the way is priced on")
    mappings: int = Field(default=2_000, ge=1, description="mappings tried for each kind of layer on a chip")
    train: TrainSpec = TrainSpec()

    @field_validator("stages", mode="before")
    @classmethod
    def _by_name(cls, value: Any) -> Any:
        return [_plan(each) for each in value] if isinstance(value, (list, tuple)) else value

    @field_validator("chips", mode="before")
    @classmethod
    def _one_or_several(cls, value: Any) -> Any:
        return (value,) if isinstance(value, str) else value

    @model_validator(mode="after")
    def _one_start(self) -> Self:
        if (self.model is None) == (self.run is None):
            found = "neither" if self.model is None else "both"
            raise ValueError(f"name a model or a run to start from; found {found}")
        return self


def _plan(word: Any) -> Any:
    if isinstance(word, str):
        return {"name": word}
    if isinstance(word, Mapping) and len(word) == 1 and "name" not in word:
        [(name, settings)] = word.items()
        return {"name": name, "settings": {} if settings is None else settings}
    return word

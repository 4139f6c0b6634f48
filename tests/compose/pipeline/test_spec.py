"""What a pipeline asks for, as YAML holds it."""

from typing import Any

import pytest

from netchip.compose.pipeline.spec import PipelineSpec, StagePlan
from netchip.errors import ConfigError

MODEL = {"model": {"name": "resnet8"}}


def test_stages_are_names_or_names_with_settings() -> None:
    spec = PipelineSpec.parse(
        MODEL | {"stages": ["train", {"smart-exchange": {"arm": "projected"}}, {"engines": None}], "chips": "eyeriss"}
    )
    assert spec.stages == (
        StagePlan(name="train"),
        StagePlan(name="smart-exchange", settings={"arm": "projected"}),
        StagePlan(name="engines"),
    )
    assert spec.chips == ("eyeriss",)
    assert PipelineSpec.parse(spec.model_dump(mode="json")) == spec


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"stages": ["train"]}, "name a model or a run to start from; found neither"),
        (MODEL | {"run": "runs/a", "stages": ["engines"]}, "name a model or a run to start from; found both"),
        (MODEL, "stages"),
        (MODEL | {"stages": []}, "stages"),
        (MODEL | {"stages": "train"}, "stages = 'train'"),
        (MODEL | {"stages": [{"train": 3}]}, "stages.0.settings = 3"),
        (MODEL | {"stages": [{"train": {}, "ticket": {}}]}, "unknown key"),
        (MODEL | {"stage": ["train"]}, "unknown key 'stage' \\(did you mean 'stages'\\?\\)"),
        (MODEL | {"stages": ["train"], "mappings": 0}, "mappings = 0"),
        (MODEL | {"stages": ["train"], "name": "a/b"}, "name = 'a/b'"),
        ({"model": {"nam": "resnet8"}, "stages": ["train"]}, "unknown key 'model.nam'"),
    ],
)
def test_what_is_refused(data: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        PipelineSpec.parse(data, source="model.yaml")

"""The parts of the demo: each a run that the written settings make again, in the folder where it is looked for."""

from pathlib import Path

import pytest
import yaml

from netchip.compose.demo.parts import Part, demo_parts
from netchip.compose.pipeline.spec import PipelineSpec
from netchip.methods import METHODS, find_method
from netchip.train.rundir import run_path

PARTS = demo_parts()


@pytest.mark.parametrize("part", PARTS, ids=lambda part: part.name)
def test_the_written_settings_are_those_of_the_folder(part: Part, tmp_path: Path) -> None:
    words = part.command(tmp_path / "runs", tmp_path)
    file = next(Path(word) for word in words if word.endswith(".yaml"))
    kind = PipelineSpec if part.method == "pipeline" else find_method(part.method).config_class
    config = kind.parse(yaml.safe_load(file.read_text()))
    name = part.folder(tmp_path).parts[-2].rsplit("-", 1)[0]
    assert run_path(tmp_path, part.method, name, config, 1) == part.folder(tmp_path)
    assert ("pipeline" if part.method == "pipeline" else "run") in words
    assert words[words.index("--out") + 1] == str((tmp_path / "runs").absolute())


def test_every_method_has_its_part() -> None:
    stages = {stage.name for part in PARTS if isinstance(part.config, PipelineSpec) for stage in part.config.stages}
    shown = {part.method for part in PARTS} | {{"ticket": "early-bird"}.get(stage, stage) for stage in stages}
    assert {method.replace("_", "-") for method in METHODS} <= shown

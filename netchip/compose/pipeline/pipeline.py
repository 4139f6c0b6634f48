"""A pipeline from Python, as `netchip pipeline` makes it."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from netchip.compose.carrying import carried_out
from netchip.compose.pipeline.method import NAME, PIPELINE
from netchip.compose.pipeline.spec import PipelineSpec
from netchip.compose.settings_file import read_settings
from netchip.train.rundir import RunDir


@dataclass(frozen=True)
class PipelineRun:
    """A finished pipeline: its folder, which `netchip.load` and `netchip report` take, and the content of its result.json."""

    folder: Path
    result: Mapping[str, Any]

    @property
    def arms(self) -> dict[str, Mapping[str, Any]]:
        """The rows by name: counted, measured and modelled figures of each network on the way."""
        return {arm["name"]: arm for arm in self.result["arms"]}


def pipeline(
    asked: PipelineSpec | Mapping[str, Any] | str | Path, out: str | Path = "runs", *, fresh: bool = False
) -> PipelineRun:
    """Stages one after the other on one network: `asked` is a YAML file, or what one holds. Finished stages are not done again.

        netchip.pipeline({
            "model": {"name": "resnet8", "in_channels": 1, "image_size": 8}, "data": {"name": "digits", "image_size": 8},
            "stages": [{"ticket": {"experiment": "smoke"}}, "smart-exchange"], "chips": ["eyeriss"],
        })

    Raises `ConfigError` for stages that cannot follow each other and settings that are none, before anything is trained.
    """
    spec = spec_of(asked)
    with open_folder(spec, out, fresh=fresh) as rundir:
        return PipelineRun(rundir.path, carried_out(PIPELINE, spec, rundir))


def spec_of(asked: PipelineSpec | Mapping[str, Any] | str | Path) -> PipelineSpec:
    """The validated pipeline; raises `ConfigError` that names the file and the setting."""
    if isinstance(asked, PipelineSpec):
        return asked
    if isinstance(asked, Mapping):
        return PipelineSpec.parse(asked, source="pipeline")
    return PipelineSpec.parse(read_settings(Path(asked)), source=str(asked))


def open_folder(spec: PipelineSpec, out: str | Path, *, fresh: bool = False) -> RunDir:
    """The pipeline's folder: out/pipeline/NAME-HASH/seed-N."""
    return RunDir.open(out, NAME, spec.name, spec, spec.seed, fresh=fresh)

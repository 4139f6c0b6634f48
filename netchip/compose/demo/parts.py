"""What the demo does: ordinary runs on data inside installed packages, each small enough for a minute of one core."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from netchip.compose.carrying import NO_EXPERIMENT
from netchip.compose.pipeline.method import NAME as PIPELINE
from netchip.compose.pipeline.spec import PipelineSpec
from netchip.compose.sweep.trial import START
from netchip.files import write_atomic
from netchip.methods import find_method
from netchip.spec import Spec
from netchip.train.rundir import run_path

CHIPS = ("eyeriss", "edge-npu")
_SEED = 1


@dataclass(frozen=True)
class Part:
    """A run by its settings, and what it is in a few words."""

    name: str
    line: str
    method: str
    config: Spec

    def folder(self, root: Path) -> Path:
        """Where `netchip run` puts it, or `netchip pipeline`."""
        name = self.config.name if isinstance(self.config, PipelineSpec) else NO_EXPERIMENT
        return run_path(root, self.method, name, self.config, _SEED)

    def command(self, root: Path, notes: Path) -> tuple[str, ...]:
        """The words that start it; its settings are written to a file in `notes` first."""
        settings = notes / f"{self.method}.yaml"
        write_atomic(settings, yaml.safe_dump(self.config.model_dump(mode="json", exclude_unset=True), sort_keys=False))
        if self.method == PIPELINE:
            return (*START, "pipeline", str(settings.absolute()), "--out", str(root.absolute()))
        return (*START, "run", self.method, "--config", str(settings.absolute()), "--out", str(root.absolute()))


def demo_parts() -> tuple[Part, ...]:
    """The longest first, so that two cores end at about the same time."""
    return (
        Part(
            PIPELINE,
            "an early-bird ticket of ResNet-20 on digits, retrained as SmartExchange factors, packed into a file",
            PIPELINE,
            PipelineSpec.parse(_PIPELINE, source="demo"),
        ),
        Part(
            "fractional-skipping",
            "ResNet-14 on digits whose blocks skip or run at 4 or 8 bits by input, at one budget and moved to others",
            "fractional-skipping",
            _experiment("fractional-skipping", "digits", _FRACTIONAL),
        ),
        Part(
            "autogan-distiller",
            "an upscaler x2 for photos, searched and distilled within a tenth of its teacher's MACs",
            "autogan-distiller",
            find_method("autogan-distiller").experiment("demo"),
        ),
        Part(
            "dna",
            "a network for digits and the FPGA pipeline that runs it, searched together",
            "dna",
            _experiment("dna", "digits", _DNA),
        ),
    )


_PIPELINE: Mapping[str, Any] = {
    "name": "demo",
    "model": {"name": "resnet20", "in_channels": 1, "image_size": 16},
    "data": {"name": "digits", "image_size": 16},
    "stages": [
        {"ticket": {"experiment": "digits"}},
        {"smart-exchange": {"experiment": "digits", "arm": "projected", "exchange": {"row_sparsity": 0.3}}},
    ],
    "chips": list(CHIPS),
}

_FRACTIONAL: Mapping[str, Any] = {
    "backbone_epochs": 6,
    "epochs": 5,
    "retarget": ("25%", "35%", "65%", "80%"),
    "baselines": ("dense", "int4"),
}

_DNA: Mapping[str, Any] = {
    "search": {
        "pretrain_epochs": 8,
        "epochs": 5,
        "drawn": 6,
        "neighbours": 2,
        "audition_epochs": 2,
        "finalists": 2,
        "finalist_epochs": 4,
    },
    "final": {"epochs": 10},
    "controls": ("random",),
    "random_networks": 1,
}


def _experiment(method: str, name: str, changes: Mapping[str, Any]) -> Spec:
    return find_method(method).experiment(name).changed(**changes)

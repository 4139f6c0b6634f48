"""A run's pair as a mapped network: what other tools' files are written from."""

from typing import Any, cast

from netchip.errors import DataError, RequestError
from netchip.hardware.accelerator import Accelerator
from netchip.hardware.mapping import Mapping
from netchip.methods.dna.platform.building import platform_of
from netchip.methods.dna.platform.designs import PipelineDesign
from netchip.methods.dna.platform.files import read_design
from netchip.methods.dna.platform.hierarchy import HierarchyPlatform
from netchip.methods.dna.platform.platform import Design, Platform
from netchip.methods.dna.platform.spec import PlatformSpec
from netchip.train.rundir import SavedRun
from netchip.workload.network import Workload

DESIGN, LAYERS = "accelerator.json", "workload_efficient.json"
Mapped = tuple[Accelerator, Workload, dict[str, Mapping]]
"""A chip, the layers it runs, and the mapping of each by its name."""


def mapped_of_run(saved: SavedRun) -> Mapped:
    """The network of a finished run on the hierarchy that was found for it.

    Raises `RequestError` where the accelerator is a pipeline of engines, `DataError` that names the file where one is missing or
    of another kind.
    """
    for name in (DESIGN, LAYERS):
        if not (saved.path / name).is_file():
            raise DataError(
                f"{saved.path}: holds no {name}, so no pair was found there yet; `netchip resume {saved.path}` goes on with it"
            )
    asked = cast("dict[str, Any]", saved.config.get("platform", {}))
    platform = platform_of(PlatformSpec.parse(asked, source=f"{saved.path / 'config.json'}: platform"), seed=saved.seed)
    return mapped(platform, read_design(saved.path / DESIGN), Workload.load(saved.path / LAYERS), str(saved.path))


def mapped(platform: Platform, design: Design, workload: Workload, title: str = "this pair") -> Mapped:
    """A network on a design of its platform; raises `RequestError` that names `title` for a pipeline of engines."""
    refuse_pipeline(design, title)
    if not isinstance(platform, HierarchyPlatform):
        raise RequestError(f"{title}: {platform.name} gives no mappings, so there is nothing to write")
    accelerator, mappings = platform.built(design, workload)
    names = [layer.name for layer in workload.layers]
    return accelerator, workload, dict(zip(names, mappings, strict=True))


def refuse_pipeline(design: Design, title: str) -> None:
    """Raises `RequestError` that names `title` for a pipeline of engines, which no mapping describes."""
    if isinstance(design, PipelineDesign):
        used = len(design.chunks)
        raise RequestError(
            f"{title}: its accelerator is a pipeline of {used} engines on {design.board} that work at the same time, each at "
            "a frame of its own; files of Timeloop and ZigZag describe one array that runs layer after layer. Search a "
            f"hierarchy (platform.kind = 'hierarchy'), or export the layers alone: {LAYERS} of the run, or workload.json of a pair"
        )

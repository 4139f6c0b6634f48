"""What `netchip chip` reads of a run: its network, its accelerator, the images it was judged on."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from netchip.errors import DataError, RequestError

if TYPE_CHECKING:
    from torch import Tensor, nn

    from netchip.rtl.design import ChipDesign, Floorplan
    from netchip.rtl.steps import ChipStep

CALIBRATION_IMAGES = 512


@dataclass(frozen=True, eq=False)
class ChipRun:
    """`model` in floats as it was trained; `calibration` [N, C, H, W] of the train part, `images` and `labels` of the test part."""

    title: str
    model: "nn.Module"
    plan: "Floorplan"
    calibration: "Tensor"
    images: "Tensor"
    labels: "Tensor"


def read_chip_run(folder: Path) -> ChipRun:
    """Reads a finished run of `dna`; raises `DataError` or `RequestError` that says what is missing or cannot become Verilog."""
    from netchip.graph.saved import load
    from netchip.methods.dna.platform.files import read_design
    from netchip.train.rundir import read_run

    design_file = folder / "accelerator.json"
    if not design_file.is_file():
        raise DataError(
            f"{folder}: holds no accelerator.json, so there is no chip to build; name the folder of a finished run of dna"
        )
    design = read_design(design_file)
    if design.kind != "fpga":
        raise RequestError(
            f"{design_file}: a hierarchy of memories, for which no Verilog is generated; search a pipeline of chunks with "
            "--platform.kind fpga"
        )
    saved = read_run(folder)
    calibration, images, labels = _images(saved.config.get("data", {}), str(folder))
    title = f"{saved.method} {saved.experiment}, seed {saved.seed}"
    return ChipRun(title, load(folder), _floorplan(folder, saved.config, design), calibration, images, labels)


def design_of(run: ChipRun, layers: Sequence[str]) -> "ChipDesign":
    """The network on whole numbers on its chunks, of `layers` alone where named; raises `BudgetError` for a small board."""
    from netchip.methods.dna.space.quantized import set_bits
    from netchip.rtl.design import ChipDesign
    from netchip.rtl.folding import folded
    from netchip.rtl.quantising import integer_network

    set_bits(run.model, 16)  # the grids are laid anew below
    floats = folded(run.model, run.images[:1])
    plan = run.plan.completed(floats)
    shapes = {step.name: step.shape for step in floats.layers}
    plan.report(shapes).require()
    chunks = {name: plan.chunks[place] for name, place in plan.places.items()}
    return ChipDesign(integer_network(floats, run.calibration, chunks), plan, tuple(layers) or None)


def smallest(design: "ChipDesign") -> "tuple[ChipStep, int]":
    """The layer of fewest MACs, the quickest to simulate, and the place of the chunk that runs it."""
    step = min(design.steps, key=lambda each: each.layer.shape.macs)
    return step, next(place for place, own in enumerate(design.owned) if step in own)


def _floorplan(folder: Path, config: dict[str, Any], design: Any) -> "Floorplan":
    from netchip.methods.dna.config import DnaConfig
    from netchip.methods.dna.platform.building import platform_of
    from netchip.methods.dna.platform.fpga import FpgaPlatform
    from netchip.rtl.design import Floorplan
    from netchip.workload.network import Workload

    parsed = DnaConfig.parse(config, source=str(folder / "config.json"))
    platform = platform_of(parsed.platform, seed=parsed.seed)
    if not isinstance(platform, FpgaPlatform):
        raise RequestError(f"{folder}: its platform is {platform.name}, for which no Verilog is generated")
    layers = Workload.load(folder / "workload_efficient.json").layers
    places = platform.assignment(design, layers).chunk
    named = {layer.name: place for layer, place in zip(layers, places, strict=True)}
    return Floorplan(platform.board, design.names, design.chunks, named)


def _images(settings: dict[str, Any], source: str) -> "tuple[Tensor, Tensor, Tensor]":
    import torch

    from netchip.cli.run_images import first_images
    from netchip.data.batches import evaluation_batches
    from netchip.data.loading import load
    from netchip.data.spec import DatasetSpec

    spec = DatasetSpec.parse(settings, source=source)
    data = load(spec)
    calibration = first_images(evaluation_batches(data.train, data, spec), CALIBRATION_IMAGES)
    images, labels = zip(*evaluation_batches(data.test, data, spec).epoch(0), strict=True)
    return calibration, torch.cat(images), torch.cat(labels)

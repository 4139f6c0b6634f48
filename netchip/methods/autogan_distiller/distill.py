"""One call: my generator, distilled to my budget."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import nn

from netchip.errors import ConfigError, DataError
from netchip.hardware.accelerator import Accelerator
from netchip.methods.autogan_distiller.costing.budgets import MeasureName, parse_budget
from netchip.methods.autogan_distiller.costing.choosing import Target, make_measure, make_target
from netchip.methods.autogan_distiller.costing.exact import Found
from netchip.methods.autogan_distiller.distillation import Distillation, Searched, Trained
from netchip.methods.autogan_distiller.eight_bit.files import save_eight_bit
from netchip.methods.autogan_distiller.images.pictures import Picture, Pictures, held_out, to_values
from netchip.methods.autogan_distiller.images.sources import load_pictures
from netchip.methods.autogan_distiller.images.spec import ImagesSpec
from netchip.methods.autogan_distiller.objective.backbone import Backbone
from netchip.methods.autogan_distiller.ready_space import build_space
from netchip.methods.autogan_distiller.space.modules import Derived
from netchip.methods.autogan_distiller.space.space import Space
from netchip.methods.autogan_distiller.spec import EightBitSpec, FeatureSpec, FinalSpec, SearchSpec, SpaceSpec
from netchip.methods.autogan_distiller.students import save_student
from netchip.methods.autogan_distiller.teacher.teacher import Generator, Teacher
from netchip.train.accelerating import training_device
from netchip.train.spec import TrainSpec

Data = Pictures | Sequence[np.ndarray] | str | Path


@dataclass(frozen=True, eq=False)
class Distilled:
    """A student within its budget: the network in eval mode, its architecture and cost, and how it came about.

    `further` holds the students of the other budgets of the same search, by budget as written; `eight_bit` the student at 8 bits,
    where that was asked for.
    """

    network: Derived
    found: Found
    target: Target
    searched: Searched
    training: Trained
    further: dict[str, "Distilled"]
    eight_bit: Trained | None = None

    def save(self, folder: str | Path) -> Path:
        """Writes the student; `load_student(folder)` reads it."""
        return save_student(folder, self.network)

    def save_eight_bit(self, folder: str | Path) -> Path:
        """Writes the student at 8 bits, a byte a weight; `load_eight_bit(folder)` reads it. Returns the file of its weights."""
        if self.eight_bit is None:
            raise ConfigError("there is no 8-bit student; distill with eight_bit=EightBitSpec(epochs=10)")
        return save_eight_bit(folder, self.eight_bit.network)


def distill(
    teacher: Generator,
    data: Data,
    budget: str,
    *,
    folder: str | Path,
    further_budgets: Sequence[str] = (),
    space: Space | None = None,
    low: float = 0.0,
    high: float = 1.0,
    measure: MeasureName | None = None,
    chip: Accelerator | None = None,
    cost_size: int = 128,
    images: ImagesSpec | None = None,
    search: SearchSpec | None = None,
    final: FinalSpec | None = None,
    features: FeatureSpec | None = None,
    eight_bit: EightBitSpec | None = None,
    train: TrainSpec | None = None,
    backbone: Backbone | None = None,
    online: bool = False,
    seed: int = 1,
) -> Distilled:
    """Searches the best student of `teacher` within `budget`, and trains it to imitate the teacher. Called again, it resumes.

        student = distill(my_generator, "pictures/", "10%", folder="runs/mine").network

    `teacher` is any callable [B, 3, H, W] -> [B, C, scale H, scale W] with values from `low` to `high`; neither discriminator nor
    ground truth are needed. `data` is a folder of pictures, a list of uint8 [3, H, W], or `Pictures`. `budget` is hard: a share of
    what the teacher costs, or an amount ("9 GMACs", "1.2 MB", "3.5 ms"), for an input of `cost_size` pixels a side. `space` is by
    default ours for the teacher's scale; `online` asks the teacher at every step in place of keeping its answers,
    which `features`, distillation from named layers, needs. `eight_bit` with some epochs trains a student at 8 bits as well.

    Raises, before any training, `BudgetError` with the smallest and the largest of the space for a budget that cannot be met,
    `ModelError` for a teacher that is none, `DataError` for pictures that are too few, too small or broken.
    """
    images = images or ImagesSpec(name=f"folder:{data}" if isinstance(data, str | Path) else "photos")
    pictures = as_pictures(data, images)
    wanted = parse_budget(budget, measure)
    asked = make_teacher(teacher, pictures, images, low=low, high=high)
    chosen = space or build_space(SpaceSpec(name="super_resolution" if asked.scale > 1 else "translation"), asked.scale)
    priced = make_measure(wanted.measure, device=training_device((train or TrainSpec()).device), chip=chip)
    module = teacher if isinstance(teacher, nn.Module) else None
    targets = {
        written: make_target(chosen, parse_budget(written, wanted.measure), priced, (cost_size, cost_size), module)
        for written in (budget, *further_budgets)
    }
    stages = Distillation(
        teacher=asked,
        pictures=pictures,
        space=chosen,
        target=targets[budget],
        folder=Path(folder),
        images=images,
        search=search or SearchSpec(),
        final=final or FinalSpec(),
        features=features or FeatureSpec(),
        eight_bit=eight_bit or EightBitSpec(),
        train=train or TrainSpec(),
        backbone=backbone,
        online=online,
        seed=seed,
    )
    searched = stages.searched()
    further = {written: _further(stages, searched, targets[written], written) for written in further_budgets}
    return _distilled(stages, searched, targets[budget], searched.found, "final", further)


def as_pictures(data: Data, images: ImagesSpec) -> Pictures:
    """Pictures in three parts; of a list a tenth is held out to validate on, and nothing to test on."""
    if isinstance(data, Pictures):
        return data
    if isinstance(data, str | Path):
        return load_pictures(images.changed(name=f"folder:{data}"))
    pictures = tuple(Picture(f"image {index}", _checked(each, index)) for index, each in enumerate(data))
    train, validation = held_out(pictures, max(1, len(pictures) // 10))
    return Pictures("images", train, validation, ())


def make_teacher(teacher: Generator, pictures: Pictures, images: ImagesSpec, *, low: float, high: float) -> Teacher:
    """`teacher` probed by a corner of the first picture, as large as a crop."""
    if not pictures.train:
        raise DataError("there are no training pictures; give some")
    corner = pictures.train[0].image[None, :, : images.crop, : images.crop]
    example = to_values(corner, low, high)
    if isinstance(teacher, nn.Module):
        first = next(iter(teacher.parameters()), torch.zeros(()))
        example = example.to(first.device)
    return Teacher(teacher, example, low=low, high=high)


def _further(stages: Distillation, searched: Searched, target: Target, written: str) -> Distilled:
    found = stages.best_within(searched, target.budget)
    name = "final-" + "".join(char if char.isalnum() else "-" for char in written)
    return _distilled(stages, searched, target, found, name, {})


def _distilled(
    stages: Distillation, searched: Searched, target: Target, found: Found, name: str, further: dict[str, Distilled]
) -> Distilled:
    trained = stages.student(searched, found.architecture, name)
    network = trained.network
    if not isinstance(network, Derived):
        raise DataError(f"a student is a network of its space, not a {type(network).__name__}")
    small = stages.at_eight_bits(trained, f"{name}-8-bit") if stages.eight_bit.epochs else None
    return Distilled(network.cpu().eval(), found, target, searched, trained, further, small)


def _checked(image: np.ndarray, index: int) -> np.ndarray:
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[0] != 3:
        raise DataError(f"image {index} is {image.dtype} {list(image.shape)}; give uint8 [3, H, W]")
    return image

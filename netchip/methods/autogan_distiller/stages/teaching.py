"""Where a teacher has no weights: it is trained on the ground truth first, in the run's own folder."""

from pathlib import Path

from torch import nn

from netchip.methods.autogan_distiller.images.batches import CropBatches
from netchip.methods.autogan_distiller.images.crops import Truths, fixed_crops
from netchip.methods.autogan_distiller.images.pictures import Picture, Pictures
from netchip.methods.autogan_distiller.images.spec import ImagesSpec
from netchip.methods.autogan_distiller.objective.objective import Objective
from netchip.methods.autogan_distiller.objective.spec import PIXELS
from netchip.methods.autogan_distiller.spec import TeacherSpec
from netchip.methods.autogan_distiller.stages.asking import Asked
from netchip.methods.autogan_distiller.stages.imitation import Imitation
from netchip.train.fit import FitResult, fit
from netchip.train.spec import TrainSpec


def teach(
    generator: nn.Module,
    spec: TeacherSpec,
    pictures: Pictures,
    images: ImagesSpec,
    *,
    folder: Path,
    train: TrainSpec,
    seed: int,
) -> FitResult:
    """Trains `generator` in place, by the pixel difference to the ground truth. Raises `DataError` where pictures have none."""

    def batches(part: tuple[Picture, ...], training: bool) -> CropBatches:
        size, count = images.crop, images.crops if training else 1
        crops = fixed_crops(part, size=size, count=count, seed=seed)
        truths = Truths(part, size=size, count=count, seed=seed, low=spec.low, high=spec.high)
        return CropBatches(
            crops,
            truths,
            batch_size=images.batch_size if training else min(len(crops), images.batch_size),
            seed=seed,
            low=spec.low,
            high=spec.high,
            augment=images.augment if training else "none",
            shuffle=training,
            part_name="training" if training else "validation",
        )

    asked = Asked(Objective(PIXELS, low=spec.low, high=spec.high), None, spec.low, spec.high)
    phase = Imitation(generator, spec.optimizer, asked)
    identity = spec.model_dump_json() + images.model_dump_json() + str(seed)
    validation = batches(pictures.validation, training=False)
    loader = batches(pictures.train, training=True)
    return fit(
        phase, loader, epochs=spec.epochs, folder=folder, validation=validation, spec=train, config_hash=identity
    )

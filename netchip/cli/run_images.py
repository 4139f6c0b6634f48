"""Images that a run's network was judged on, for what depends on its inputs."""

from pathlib import Path
from typing import TYPE_CHECKING

from netchip.cli.output import note
from netchip.errors import NetchipError

if TYPE_CHECKING:
    from torch import Tensor

    from netchip.data.batches import Batches

_IMAGES = 256


def images_of(title: str, example: "Tensor") -> "tuple[Tensor, str]":
    """Validation images of the run in the folder `title`, for decisions depend on them; noise where they are not at hand."""
    import torch

    try:
        found = _of_run(Path(title))
        return found, f"{len(found)} validation images in turn"
    except NetchipError as error:
        note(f"The run's own images are not at hand ({error}); decisions are those on noise.")
    noise = torch.randn(_IMAGES, *example.shape[1:], generator=torch.Generator().manual_seed(0))
    return noise, f"decisions on {_IMAGES} images of noise"


def _of_run(folder: Path) -> "Tensor":
    from netchip.data.batches import evaluation_batches
    from netchip.data.loading import load
    from netchip.data.spec import DatasetSpec
    from netchip.train.rundir import read_run

    spec = DatasetSpec.parse(read_run(folder).config.get("data", {}), source=str(folder))
    data = load(spec)
    return first_images(evaluation_batches(data.validation, data, spec), _IMAGES)


def first_images(batches: "Batches", most: int) -> "Tensor":
    """The first images [N, C, H, W] of the first epoch, N at most `most`."""
    import torch

    taken: list[Tensor] = []
    for images, _ in batches.epoch(0):
        taken.append(images)
        if sum(map(len, taken)) >= most:
            break
    return torch.cat(taken)[:most]

"""What is reported of a network on test pictures: against the teacher, against the ground truth, in the backbone's eyes."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from statistics import fmean

import torch
from torch import Tensor

from netchip.methods.autogan_distiller.images.pictures import Picture, to_pixels, to_values
from netchip.methods.autogan_distiller.objective.backbone import Backbone
from netchip.methods.autogan_distiller.quality.features import feature_distance
from netchip.methods.autogan_distiller.quality.fidelity import BORDER, psnr_y_db, ssim_y

Network = Callable[[Tensor], Tensor]
MOST_DB = 100.0  # what equal pictures count as in a mean


@dataclass(frozen=True)
class Answered:
    """A test picture with the teacher's answer, as pixels uint8 [3, H, W]."""

    picture: Picture
    teacher: Tensor


@dataclass(frozen=True)
class Protocol:
    """How a network is judged: on 8-bit pixels, PSNR and SSIM on the luma without `border` pixels on each side.

    `low` and `high` are the range of the network's values. With a `backbone`, also the distance in its features.
    """

    low: float = 0.0
    high: float = 1.0
    border: int = BORDER
    backbone: Backbone | None = None
    backbone_name: str = "squeezenet"
    device: str = "cpu"

    @torch.inference_mode()
    def pixels(self, network: Network, picture: Picture) -> Tensor:
        """What `network` makes of a picture, rounded to pixels: uint8 [3, H, W] on the CPU."""
        images = to_values(picture.image[None], self.low, self.high).to(self.device)
        return to_pixels(network(images), self.low, self.high)[0].cpu()

    def answered(self, teacher: Network, pictures: Iterable[Picture]) -> tuple[Answered, ...]:
        """The pictures with the teacher's answers, to judge several networks by."""
        return tuple(Answered(picture, self.pixels(teacher, picture)) for picture in pictures)

    def judge(self, network: Network, answered: Iterable[Answered]) -> dict[str, float]:
        """Means over the pictures: `psnr_to_teacher_db`, `ssim_to_teacher`, and to the ground truth where all have one."""
        rows = [self._row(self.pixels(network, each.picture), each) for each in answered]
        names = [name for name in rows[0] if all(name in row for row in rows)]
        return {name: fmean(row[name] for row in rows) for name in names}

    def _row(self, pixels: Tensor, answered: Answered) -> dict[str, float]:
        row = self._against(pixels, answered.teacher, "to_teacher")
        if answered.picture.truth is not None:
            row |= self._against(pixels, torch.from_numpy(answered.picture.truth), "to_truth")
        return row

    def _against(self, pixels: Tensor, other: Tensor, name: str) -> dict[str, float]:
        found = {
            f"psnr_{name}_db": min(psnr_y_db(pixels, other, border=self.border), MOST_DB),
            f"ssim_{name}": ssim_y(pixels, other, border=self.border),
        }
        if self.backbone is not None:
            first, second = (each[None].to(self.device).float() / 255 for each in (pixels, other))
            found[f"{self.backbone_name}_distance_{name}"] = feature_distance(self.backbone, first, second)
        return found

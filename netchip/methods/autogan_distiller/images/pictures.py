"""The loaded values: pictures with or without ground truth, in three parts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from netchip.data.streams import permutation
from netchip.errors import DataError

_HALVES_KEY = 271828  # the halves are the same in every run


@dataclass(frozen=True, eq=False)
class Picture:
    """An input uint8 [3, h, w], and the ground truth uint8 [3, H, W] where there is one; never used to distil."""

    name: str
    image: np.ndarray
    truth: np.ndarray | None = None


@dataclass(frozen=True, eq=False)
class Pictures:
    """The parts of a source; test pictures are looked at once, for the final figures.

    `further` holds other test sets by name, judged apart from `test`.
    """

    name: str
    train: tuple[Picture, ...]
    validation: tuple[Picture, ...]
    test: tuple[Picture, ...]
    further: Mapping[str, tuple[Picture, ...]] = field(default_factory=dict[str, tuple[Picture, ...]])


def halves(pictures: Sequence[Picture]) -> tuple[tuple[Picture, ...], tuple[Picture, ...]]:
    """Two disjoint halves, the first for weights, the second for the architecture; the same in every run.

    Raises `DataError` for fewer than two pictures.
    """
    if len(pictures) < 2:
        raise DataError(
            f"{len(pictures)} training picture: the search needs two at least, since weights and architecture learn "
            "from different pictures; add some"
        )
    order = permutation(len(pictures), _HALVES_KEY)
    middle = len(pictures) // 2
    first, second = sorted(order[:middle].tolist()), sorted(order[middle:].tolist())
    return tuple(pictures[i] for i in first), tuple(pictures[i] for i in second)


def held_out(pictures: Sequence[Picture], count: int) -> tuple[tuple[Picture, ...], tuple[Picture, ...]]:
    """The pictures without `count` of them, and those; which ones is the same in every run."""
    if len(pictures) <= count:
        raise DataError(f"{len(pictures)} pictures: {count} are held out to validate on, which leaves none to train on")
    chosen = set(permutation(len(pictures), _HALVES_KEY, 1)[:count].tolist())
    rest = tuple(picture for index, picture in enumerate(pictures) if index not in chosen)
    return rest, tuple(picture for index, picture in enumerate(pictures) if index in chosen)


def to_values(pixels: np.ndarray, low: float, high: float) -> Tensor:
    """uint8 pixels as float32 values, 0 at `low` and 255 at `high`; the same shape."""
    scaled = np.asarray(pixels, dtype=np.float32, order="C")
    return torch.from_numpy(scaled * np.float32((high - low) / 255) + np.float32(low))


def to_pixels(values: Tensor, low: float, high: float) -> Tensor:
    """Values as uint8 pixels, `low` at 0 and `high` at 255, clipped and rounded; the same shape."""
    scaled = (values.detach().float() - low) * (255 / (high - low))
    return scaled.round().clamp(0, 255).to(torch.uint8)

"""A toy: noise pictures, a teacher that sharpens what it enlarges by 2, a space of little networks."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from netchip.methods.autogan_distiller.costing.exact import reach
from netchip.methods.autogan_distiller.costing.measures import Macs
from netchip.methods.autogan_distiller.costing.table import CostTable, cost_table
from netchip.methods.autogan_distiller.images.batches import BothHalves, CropBatches
from netchip.methods.autogan_distiller.objective.objective import Objective
from netchip.methods.autogan_distiller.objective.spec import PIXELS
from netchip.methods.autogan_distiller.space.presets import super_resolution
from netchip.methods.autogan_distiller.spec import ADAM, SearchSpec
from netchip.methods.autogan_distiller.stages.asking import Asked
from netchip.methods.autogan_distiller.stages.pretraining import Pretraining
from netchip.methods.autogan_distiller.stages.searching import Search
from netchip.methods.autogan_distiller.supernet.supernet import Supernet
from netchip.methods.autogan_distiller.teacher.teacher import Teacher
from netchip.train.fit import FitResult, fit
from netchip.train.spec import TrainSpec

QUIET = TrainSpec(device="cpu", progress="quiet", checkpoint_seconds=0.0)
EXAMPLE = torch.rand(1, 3, 8, 8, generator=torch.Generator().manual_seed(0))


def sharpened(images: Tensor) -> Tensor:
    large = nn.functional.interpolate(images, scale_factor=2, mode="bicubic", align_corners=False)
    return large + 0.5 * (large - nn.functional.avg_pool2d(large, 3, 1, 1))


def smooth_crops(count: int, seed: int) -> np.ndarray:
    noise = torch.rand(count, 3, 4, 4, generator=torch.Generator().manual_seed(seed))
    large = nn.functional.interpolate(noise, size=(8, 8), mode="bilinear")
    return (255 * large).byte().numpy()


@dataclass
class Toy:
    """One supernet, its cost table and what it imitates."""

    operators: str = "sampled"

    def __post_init__(self) -> None:
        torch.manual_seed(0)
        self.space = super_resolution(2, width=16, cells=1, layers=2, widths=(0.5, 1.0))
        self.supernet = Supernet(self.space, operators=self.operators)  # type: ignore[arg-type]
        self.table: CostTable = cost_table(self.space, Macs(), (8, 8))
        smallest, largest = reach(self.table)
        self.budget = 0.9 * smallest.cost + 0.1 * largest.cost
        self.asked = Asked(Objective(PIXELS), Teacher(sharpened, EXAMPLE))
        first, second = (CropBatches(smooth_crops(8, seed), None, batch_size=4, seed=seed) for seed in (1, 2))
        self.halves = BothHalves(first, second)
        self.validation = CropBatches(smooth_crops(4, 3), None, batch_size=4, seed=3, augment="none", shuffle=False)

    def pretraining(self) -> Pretraining:
        return Pretraining(self.supernet, ADAM, self.asked)

    def search(self, epochs: int = 3, rate: float = 3e-2, least_use: float = 0.8) -> Search:
        spec = SearchSpec(
            epochs=epochs,
            least_use=least_use,
            operators=self.operators,
            architecture={"name": "adam", "learning_rate": rate, "momentum": 0.5},
        )
        return Search(self.supernet, spec, self.asked, self.table, self.budget)

    def fit(self, phase: object, folder: Path, epochs: int) -> FitResult:
        loader = self.halves if isinstance(phase, Search) else self.halves.weights
        return fit(phase, loader, epochs=epochs, folder=folder, validation=self.validation, spec=QUIET)  # type: ignore[arg-type]


@pytest.fixture
def toy() -> Toy:
    return Toy()


@pytest.fixture
def make_toy() -> Callable[..., Toy]:
    return Toy

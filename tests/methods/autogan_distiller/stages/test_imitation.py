from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from netchip.errors import ConfigError, DivergedError, Interrupted
from netchip.methods.autogan_distiller.images.batches import CropBatches
from netchip.methods.autogan_distiller.objective.objective import Objective
from netchip.methods.autogan_distiller.objective.spec import PIXELS
from netchip.methods.autogan_distiller.stages.asking import Asked
from netchip.methods.autogan_distiller.stages.features import FeatureMatching
from netchip.methods.autogan_distiller.stages.imitation import Imitation
from netchip.methods.autogan_distiller.teacher.teacher import Teacher
from netchip.train.fit import fit
from netchip.train.spec import OptimizerSpec, TrainSpec

QUIET = TrainSpec(device="cpu", progress="quiet", checkpoint_seconds=0.0)
ADAM = OptimizerSpec(name="adam", learning_rate=1e-2, weight_decay=0.0)
EXAMPLE = torch.rand(1, 3, 8, 8, generator=torch.Generator().manual_seed(0))


def network(width: int = 4) -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, width, 3, padding=1), nn.ReLU(), nn.Conv2d(width, 3, 3, padding=1))


def inverted(images: Tensor) -> Tensor:
    return 1 - images


def online(count: int = 16) -> CropBatches:
    images = np.random.default_rng(0).integers(0, 256, (count, 3, 8, 8), dtype=np.uint8)
    return CropBatches(images, None, batch_size=4, seed=1)


def asked(teacher: object = inverted) -> Asked:
    return Asked(Objective(PIXELS), Teacher(teacher, EXAMPLE))  # type: ignore[arg-type]


def test_a_student_comes_closer_to_its_teacher(tmp_path: Path) -> None:
    result = fit(
        Imitation(network(8), ADAM, asked()), online(), epochs=15, folder=tmp_path, validation=online(), spec=QUIET
    )
    first, last = result.history[0], result.history[-1]
    assert last["loss"] < 0.5 * first["loss"]
    assert last["validation_psnr_db"] > first["validation_psnr_db"] + 3
    assert last["loss"] == pytest.approx(last["pixel"])


def test_psnr_by_hand() -> None:
    """An error of 0.1 everywhere is 20 dB on 0..1, and 26.02 dB on -1..1; what lies outside the range is clipped."""
    from netchip.train.accelerating import make_accelerator

    accelerator = make_accelerator(QUIET)
    for low, expected in ((0.0, 20.0), (-1.0, 26.0206)):
        half = Asked(Objective(PIXELS), Teacher(lambda images: images * 0 + 0.5, EXAMPLE), low=low)
        assert half.psnr_db(Constant(0.6), online(), accelerator) == pytest.approx(expected, abs=1e-3)
    top = Asked(Objective(PIXELS), Teacher(lambda images: images * 0 + 1.0, EXAMPLE))
    assert top.psnr_db(Constant(7.0), online(), accelerator) == pytest.approx(100.0)


class Constant(nn.Module):
    def __init__(self, value: float) -> None:
        super().__init__()
        self.value = nn.Parameter(torch.tensor(value))

    def forward(self, images: Tensor) -> Tensor:
        return images * 0 + self.value


class Stopping(Imitation):
    """Asks to stop after some steps, as Ctrl-C does."""

    steps_left = 6

    def train_step(self, batch: tuple[Tensor, ...], step: object) -> object:  # type: ignore[override]
        import signal

        self.steps_left -= 1
        if self.steps_left == 0:
            signal.raise_signal(signal.SIGTERM)
        return super().train_step(batch, step)  # type: ignore[arg-type]


def with_features(kind: type[Imitation]) -> Imitation:
    teacher, student = network(6), network()
    matching = FeatureMatching(teacher, student, {"1": "1"}, EXAMPLE, weight=0.1)
    return kind(student, ADAM, asked(teacher), features=matching)


def test_an_interrupted_imitation_ends_as_one_that_was_not(tmp_path: Path) -> None:
    torch.manual_seed(3)
    whole = with_features(Imitation)
    start = {name: value.clone() for name, value in whole.features.adaptors.state_dict().items()}  # type: ignore[union-attr]
    fit(whole, online(), epochs=3, folder=tmp_path / "whole", spec=QUIET)
    stopped = with_features(Stopping)
    stopped.features.adaptors.load_state_dict(start)  # type: ignore[union-attr]
    with pytest.raises(Interrupted):
        fit(stopped, online(), epochs=3, folder=tmp_path / "parts", spec=QUIET)
    resumed = with_features(Imitation)
    fit(resumed, online(), epochs=3, folder=tmp_path / "parts", spec=QUIET)
    for name, value in whole.model.state_dict().items():
        assert torch.equal(value, resumed.model.state_dict()[name])
    for name, value in whole.features.adaptors.state_dict().items():  # type: ignore[union-attr]
        assert torch.equal(value, resumed.features.adaptors.state_dict()[name])  # type: ignore[union-attr]


def test_a_loss_that_is_not_a_number_stops_the_training(tmp_path: Path) -> None:
    student = network()
    nn.init.constant_(student[2].bias, float("nan"))  # type: ignore[index]
    with pytest.raises(DivergedError):
        fit(Imitation(student, ADAM, asked()), online(), epochs=1, folder=tmp_path, spec=QUIET)


def test_features_draw_the_student_to_the_teacher_by_hand() -> None:
    teacher, student = nn.Sequential(nn.Identity(), nn.Identity()), nn.Sequential(Constant(0.5), nn.Identity())
    matching = FeatureMatching(teacher, student, {"0": "0"}, EXAMPLE, weight=2.0)
    adaptor = matching.adaptors["0"]
    with torch.no_grad():
        adaptor.weight.copy_(torch.eye(3).reshape(3, 3, 1, 1))  # type: ignore[union-attr]
        adaptor.bias.zero_()  # type: ignore[union-attr]
    teacher(torch.zeros(1, 3, 4, 4)), student(torch.zeros(1, 3, 2, 2))
    terms = matching.added(torch.tensor(1.0))
    assert float(terms["feature"]) == pytest.approx(0.25)
    assert float(terms["loss"].detach()) == pytest.approx(1.5)


def test_what_cannot_be_trained_is_refused() -> None:
    with pytest.raises(ConfigError, match="the batches hold no targets and there is no teacher to ask"):
        Asked(Objective(PIXELS)).target((EXAMPLE,))
    with pytest.raises(ConfigError, match="this phase is not set up"):
        Imitation(network(), ADAM, asked()).validate(online())
    with pytest.raises(ConfigError, match="the teacher has no layer 'block9' for feature distillation; it has 0, 1, 2"):
        FeatureMatching(network(), network(), {"block9": "1"}, EXAMPLE)
    flat = nn.Sequential(nn.Flatten(), nn.Unflatten(1, (3, 8, 8)))
    with pytest.raises(ConfigError, match=r"the student's layer '0' makes no maps"):
        FeatureMatching(network(), flat, {"1": "0"}, EXAMPLE)

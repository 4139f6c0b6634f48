"""The one call, on a toy teacher that sharpens what it enlarges; each bad input, with its message."""

import signal
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor, nn

from netchip.errors import BudgetError, ConfigError, DataError, DivergedError, Interrupted, ModelError
from netchip.methods.autogan_distiller.distill import distill
from netchip.methods.autogan_distiller.eight_bit.files import load_eight_bit
from netchip.methods.autogan_distiller.images.spec import ImagesSpec
from netchip.methods.autogan_distiller.space.presets import super_resolution
from netchip.methods.autogan_distiller.space.space import Space
from netchip.methods.autogan_distiller.spec import EightBitSpec, FeatureSpec, FinalSpec, SearchSpec
from netchip.methods.autogan_distiller.stages.imitation import Imitation
from netchip.methods.autogan_distiller.stages.searching import Search
from netchip.methods.autogan_distiller.students import load_student
from netchip.methods.autogan_distiller.teacher.teacher import Teacher
from netchip.train.spec import TrainSpec

QUIET = TrainSpec(device="cpu", progress="quiet", checkpoint_seconds=0.0)
IMAGES = ImagesSpec(crop=16, crops=4, batch_size=4)
SEARCH = SearchSpec(uniform=False, pretrain_epochs=1, epochs=2, drawn=1, neighbours=1, finalists=1, finalist_epochs=2)
FINAL = FinalSpec(epochs=2)


class Sharpening(nn.Module):
    """Enlarges by 2 and sharpens; a convolution for something to count."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 3, 5, padding=2)
        with torch.no_grad():
            self.conv.weight.fill_(-0.02)
            self.conv.bias.fill_(0.5)  # type: ignore[union-attr]

    def forward(self, images: Tensor) -> Tensor:
        large = nn.functional.interpolate(images, scale_factor=2, mode="bicubic", align_corners=False)
        return (large + 0.3 * self.conv(large)).clamp(0, 1)


def pictures(count: int = 8, size: int = 24) -> list[np.ndarray]:
    noise = torch.rand(count, 3, 6, 6, generator=torch.Generator().manual_seed(0))
    large = nn.functional.interpolate(noise, size=(size, size), mode="bilinear")
    return list((255 * large).byte().numpy())


def small_space() -> Space:
    return super_resolution(2, width=16, cells=1, layers=2, widths=(0.5, 1.0))


def distilled(folder: Path, budget: str = "600k", teacher: Callable[[Tensor], Tensor] | None = None, **changes: object):
    given = {
        "data": pictures(),
        "space": small_space(),
        "images": IMAGES,
        "search": SEARCH,
        "final": FINAL,
        "train": QUIET,
    }
    given |= {"cost_size": 16} | changes
    return distill(teacher or Sharpening(), given.pop("data"), budget, folder=folder, **given)  # type: ignore[arg-type]


def test_a_student_within_its_budget_comes_out_saved_and_called_again(tmp_path: Path) -> None:
    found = distilled(tmp_path, further_budgets=("300k",))
    assert found.found.cost <= 600_000
    assert found.found.cost == found.target.table.of(found.network.architecture)
    assert found.further["300k"].found.cost <= 300_000
    images = torch.rand(1, 3, 12, 20)
    assert found.network(images).shape == (1, 3, 24, 40)
    found.save(tmp_path / "student")
    again = load_student(tmp_path / "student")
    assert torch.equal(again(images), found.network(images))
    once_more = distilled(tmp_path, further_budgets=("300k",))
    assert once_more.training.result.seconds == found.training.result.seconds  # taken up, not trained again
    assert torch.equal(once_more.network(images), found.network(images))


def test_a_plain_function_is_distilled_to_an_amount_and_a_share_of_it_is_refused(tmp_path: Path) -> None:
    teacher = Sharpening()
    found = distilled(tmp_path, teacher=lambda images: teacher(images), online=True)
    assert found.found.cost <= 600_000
    with pytest.raises(ConfigError, match="what the teacher costs is not known, since it is no torch module"):
        distilled(tmp_path / "share", "10%", teacher=lambda images: teacher(images))


def test_an_interrupted_distillation_ends_as_one_that_was_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = distilled(tmp_path / "whole")
    for phase, step in ((Search, 3), (Imitation, 2)):
        original, calls = phase.train_step, iter(range(1, 100))

        def stopping(self, batch, at, original=original, calls=calls, step=step):
            if next(calls) == step:
                signal.raise_signal(signal.SIGTERM)
            return original(self, batch, at)

        with monkeypatch.context() as patch:
            patch.setattr(phase, "train_step", stopping)
            with pytest.raises(Interrupted):
                distilled(tmp_path / "parts")
    parts = distilled(tmp_path / "parts")
    assert parts.network.architecture == whole.network.architecture
    for name, value in whole.network.state_dict().items():
        assert torch.equal(value, parts.network.state_dict()[name])


def test_a_warm_start_begins_with_the_supernets_weights(tmp_path: Path) -> None:
    still = FinalSpec(epochs=1, weights="inherit", optimizer={"name": "sgd", "learning_rate": 1e-12, "momentum": 0.0})
    found = distilled(tmp_path, final=still)
    for name, value in found.searched.supernet.weights_of(found.network.architecture).items():
        assert torch.allclose(value, found.network.state_dict()[name], atol=1e-6)


# Bad input -------------------------------------------------------------------------------------------------------------------


def test_an_infeasible_budget_is_refused_before_training_with_what_can_be_reached(tmp_path: Path) -> None:
    with pytest.raises(BudgetError, match=r"it reaches from .* to .*MACs"):
        distilled(tmp_path, "1k")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("budget", ["110%", "0%", "0", "a lot"])
def test_a_budget_that_is_none_is_refused(tmp_path: Path, budget: str) -> None:
    with pytest.raises(ConfigError, match="budget = "):
        distilled(tmp_path, budget)


def test_a_teacher_that_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="whose size is no whole multiple"):
        distilled(tmp_path, teacher=lambda images: nn.functional.interpolate(images, size=(33, 33)))
    with pytest.raises(ModelError, match="the teacher needs images, style"):
        distilled(tmp_path, teacher=lambda images, style: images)  # type: ignore[arg-type]


def test_a_space_that_does_not_do_as_the_teacher_does_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"enlarges by 2; the teacher from 3 to 3, by 1\. Compose a space"):
        distilled(tmp_path, teacher=lambda images: images)


def test_fewer_pictures_than_a_batch_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="the weights' half of the training part has 3 crops, fewer than a batch of 4"):
        distilled(tmp_path, images=IMAGES.changed(crops=1))
    with pytest.raises(DataError, match="1 training picture: the search needs two at least"):
        distilled(tmp_path, data=pictures(2))
    with pytest.raises(DataError, match=r"image 0 is float64 \[3, 24, 24\]; give uint8"):
        distilled(tmp_path, data=[picture.astype(float) for picture in pictures()])


def test_a_folder_with_a_broken_a_tiny_and_a_grey_picture(tmp_path: Path) -> None:
    folder = tmp_path / "pictures"
    folder.mkdir()
    for index, picture in enumerate(pictures(10)):
        Image.fromarray(picture.transpose(1, 2, 0)).save(folder / f"{index}.png")
    found = distilled(tmp_path / "run", data=folder)
    assert found.network.training is False
    (folder / "bad.png").write_bytes(b"no picture")
    with pytest.raises(DataError, match=r"1 of 11 images cannot be read: .*bad\.png"):
        distilled(tmp_path / "run", data=folder)


def test_answers_that_are_not_finite_stop_the_training_and_it_can_be_gone_on_with(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    call = Teacher.__call__

    def broken(teacher: Teacher, images: Tensor) -> Tensor:
        return call(teacher, images) * float("nan")

    with monkeypatch.context() as patch:
        patch.setattr(Teacher, "__call__", broken)
        with pytest.raises(DivergedError, match="the loss became NaN or infinite"):
            distilled(tmp_path, online=True)
    assert distilled(tmp_path, online=True).found.cost <= 600_000


def test_a_student_at_8_bits_comes_with_it_and_again_from_disk(tmp_path: Path) -> None:
    small = EightBitSpec(epochs=2)
    found = distilled(tmp_path, eight_bit=small)
    images = torch.rand(1, 3, 12, 20)
    path = found.save_eight_bit(tmp_path / "small")
    found.save(tmp_path / "large")
    assert path.stat().st_size < (tmp_path / "large" / "model.safetensors").stat().st_size
    assert found.eight_bit is not None
    with torch.no_grad():
        made = found.eight_bit.network(images)
        assert torch.equal(load_eight_bit(tmp_path / "small")(images), made)
        assert 0 < float((made - found.network(images)).abs().mean()) < 0.02
        once_more = distilled(tmp_path, eight_bit=small)  # taken up, not trained again
        assert torch.equal(once_more.eight_bit.network(images), made)  # type: ignore[union-attr]
    with pytest.raises(ConfigError, match=r"there is no 8-bit student; distill with eight_bit=EightBitSpec"):
        distilled(tmp_path).save_eight_bit(tmp_path)


def test_features_of_the_teacher_are_learned_from_too(tmp_path: Path) -> None:
    layer = next(each.name for each in small_space().layers if each.name != "base")
    features = FeatureSpec(layers=(f"conv=layers.{layer}",), weight=0.1)
    teacher = Sharpening()
    found = distilled(tmp_path, teacher=teacher, features=features, online=True)
    assert all(row["feature"] > 0 for row in found.training.result.history)
    hooks = [each._forward_hooks for network in (teacher, found.network) for each in network.modules()]
    assert not any(hooks)  # none is left behind


def test_features_that_cannot_be_had_are_refused_before_any_training(tmp_path: Path) -> None:
    pair = FeatureSpec(layers=("conv=layers.nowhere",))
    with pytest.raises(ConfigError, match=r"the student has no layer 'layers\.nowhere' for feature distillation"):
        distilled(tmp_path, features=pair, online=True)
    for given in ({"teacher": Sharpening()}, {"teacher": lambda images: Sharpening()(images).detach(), "online": True}):
        with pytest.raises(ConfigError, match="needs a teacher that is a torch module, and asks it online"):
            distilled(tmp_path, features=pair, **given)
    assert not list(tmp_path.rglob("checkpoint.pt"))

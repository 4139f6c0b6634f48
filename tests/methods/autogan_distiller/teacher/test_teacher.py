import pytest
import torch
from torch import Tensor, nn

from netchip.errors import ConfigError, DivergedError, ModelError
from netchip.methods.autogan_distiller.teacher.teacher import Teacher

EXAMPLE = torch.rand(1, 3, 6, 10, generator=torch.Generator().manual_seed(0))


def enlarged(images: Tensor) -> Tensor:
    return nn.functional.interpolate(images, scale_factor=3)


def test_any_callable_is_a_teacher_and_its_scale_is_found() -> None:
    teacher = Teacher(enlarged, EXAMPLE)
    assert (teacher.scale, teacher.in_channels, teacher.out_channels) == (3, 3, 3)
    assert torch.equal(teacher(EXAMPLE), enlarged(EXAMPLE))
    assert Teacher(lambda images: images[:, :1], EXAMPLE).out_channels == 1


def test_a_module_is_asked_in_eval_mode_and_without_gradients() -> None:
    network = nn.Sequential(nn.Conv2d(3, 3, 1), nn.BatchNorm2d(3), nn.Dropout(0.5)).train()
    teacher = Teacher(network, EXAMPLE)
    first = teacher(EXAMPLE)
    assert not first.requires_grad
    assert torch.equal(first, teacher(EXAMPLE))


def test_identity_follows_the_weights() -> None:
    network = nn.Conv2d(3, 3, 1)
    before = Teacher(network, EXAMPLE).identity
    assert Teacher(network, torch.rand(1, 3, 8, 8)).identity == before
    with torch.no_grad():
        network.bias += 1e-6
    assert Teacher(network, EXAMPLE).identity != before
    assert Teacher(network, EXAMPLE, low=-1.0).identity != Teacher(network, EXAMPLE).identity
    assert Teacher(enlarged, EXAMPLE).identity != Teacher(lambda images: enlarged(images) + 1e-6, EXAMPLE).identity


@pytest.mark.parametrize(
    "size",
    [(8, 10), (12, 10), (3, 5), (18, 20)],
    ids=["not a multiple", "one side only", "smaller", "another scale a side"],
)
def test_an_output_that_is_no_multiple_of_the_input_is_refused(size: tuple[int, int]) -> None:
    with pytest.raises(
        ModelError, match=f"an image of 10x6 into one of {size[1]}x{size[0]}, whose size is no whole multiple"
    ):
        Teacher(lambda images: nn.functional.interpolate(images, size=size), EXAMPLE)


class Styled(nn.Module):
    def forward(self, images: Tensor, *, style: Tensor) -> Tensor:
        return images * style


def test_a_teacher_that_needs_more_than_an_image_is_refused() -> None:
    with pytest.raises(ModelError, match="the teacher needs images, style, but a teacher is asked with an image alone"):
        Teacher(Styled(), EXAMPLE)
    with pytest.raises(ModelError, match="the teacher needs images, noise, but"):
        Teacher(lambda images, noise: images + noise, EXAMPLE)  # pyright: ignore
    Teacher(lambda images, noise=0.0: images + noise, EXAMPLE)  # a default is enough


def test_answers_that_are_no_images_are_refused() -> None:
    with pytest.raises(ModelError, match=r"the teacher gives tuple for images \[1, 3, 6, 10\]"):
        Teacher(lambda images: (images, images), EXAMPLE)  # pyright: ignore
    with pytest.raises(ModelError, match=r"the teacher gives \[1\] for images"):
        Teacher(lambda images: images.mean((1, 2, 3)), EXAMPLE)


def test_a_teacher_that_fails_or_is_none_is_refused() -> None:
    with pytest.raises(ModelError, match=r"the teacher fails on an image \[1, 3, 6, 10\] \(RuntimeError"):
        Teacher(nn.Conv2d(4, 3, 1), EXAMPLE)
    with pytest.raises(ModelError, match="the teacher is a str; give a module or a function"):
        Teacher("generator.pth", EXAMPLE)  # pyright: ignore
    with pytest.raises(ConfigError, match=r"values from 1\.0 to 1\.0: low must be below high"):
        Teacher(enlarged, EXAMPLE, low=1.0)


def test_answers_that_are_not_finite_are_refused_at_once_and_later() -> None:
    with pytest.raises(ModelError, match="holds NaN or infinite values; are its weights loaded"):
        Teacher(lambda images: images / 0.0, EXAMPLE)
    teacher = Teacher(lambda images: images.log(), EXAMPLE + 1.0)
    with pytest.raises(DivergedError, match="look at the images and at the range of values"):
        teacher(torch.zeros(1, 3, 4, 4))

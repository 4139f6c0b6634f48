"""A trained generator as a teacher: any callable from images to images, its scale found by one probe, its answers checked."""

import hashlib
import inspect
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from netchip.errors import ConfigError, DivergedError, ModelError

Generator = Callable[[Tensor], Tensor]


class Teacher:
    """A generator [B, C, H, W] -> [B, C', scale H, scale W] that is only asked, never trained.

        teacher = Teacher(my_generator, torch.rand(1, 3, 24, 32))
        targets = teacher(images)

    `low` and `high` are the range of its inputs' and outputs' values (-1 and 1 for a tanh generator). `example` is one input; an
    `nn.Module` is put in eval mode for good and moved to the device it is asked on. Raises `ModelError` for a generator that
    needs more than an image, gives no image, one whose size is no whole multiple of the input's, or values that are not finite.
    """

    def __init__(self, generator: Generator, example: Tensor, *, low: float = 0.0, high: float = 1.0) -> None:
        if not low < high:
            raise ConfigError(f"values from {low} to {high}: low must be below high")
        _check_arguments(generator)
        self.generator, self.low, self.high = generator, low, high
        if isinstance(generator, nn.Module):
            generator.requires_grad_(False).eval()
        answer = _probe(generator, example)
        self.scale = _scale(example, answer)
        self.in_channels, self.out_channels = int(example.shape[1]), int(answer.shape[1])
        self.identity = _identity(generator, answer, low, high)

    @torch.no_grad()
    def __call__(self, images: Tensor) -> Tensor:
        """The answers to `images` [B, C, H, W], in full precision; raises `DivergedError` where they are not finite."""
        if isinstance(self.generator, nn.Module):
            self.generator.to(images.device).eval()
        answer = self.generator(images)
        if not bool(torch.isfinite(answer).all()):
            raise DivergedError(
                f"the teacher's answer to images {list(images.shape)} holds NaN or infinite values; look at the images and "
                "at the range of values it was trained with (low, high)"
            )
        return answer


def _check_arguments(generator: Any) -> None:
    if not callable(generator):
        raise ModelError(
            f"the teacher is a {type(generator).__name__}; give a module or a function from images to images"
        )
    target = generator.forward if isinstance(generator, nn.Module) else generator
    try:
        parameters = list(inspect.signature(target).parameters.values())
    except (TypeError, ValueError):  # some built-in callables have no signature
        return
    needed = [each.name for each in parameters if each.default is each.empty and each.kind in _NEEDED]
    if len(needed) > 1 or any(each.kind is each.KEYWORD_ONLY and each.default is each.empty for each in parameters):
        raise ModelError(
            f"the teacher needs {', '.join(needed)}, but a teacher is asked with an image alone; wrap it in a function that "
            f"fills in the rest: lambda images: generator(images, {needed[-1]}=...)"
        )


_NEEDED = (
    inspect.Parameter.POSITIONAL_ONLY,
    inspect.Parameter.POSITIONAL_OR_KEYWORD,
    inspect.Parameter.KEYWORD_ONLY,
)


@torch.no_grad()
def _probe(generator: Generator, example: Tensor) -> Tensor:
    try:
        answer: Any = generator(example)
    except Exception as error:
        told = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise ModelError(
            f"the teacher fails on an image {list(example.shape)} ({type(error).__name__}: {told}); see that it takes such images"
        ) from error
    if not isinstance(answer, Tensor) or answer.ndim != 4 or answer.shape[0] != example.shape[0]:
        found = list(answer.shape) if isinstance(answer, Tensor) else type(answer).__name__
        raise ModelError(
            f"the teacher gives {found} for images {list(example.shape)}; it must give images [B, C, H, W]: wrap it in a "
            "function that picks them"
        )
    if not bool(torch.isfinite(answer).all()):
        raise ModelError(
            f"the teacher's answer to an image {list(example.shape)} holds NaN or infinite values; are its weights loaded, and "
            "its inputs in the range it was trained with (low, high)?"
        )
    return answer


def _scale(example: Tensor, answer: Tensor) -> int:
    (height, width), (out_height, out_width) = example.shape[2:], answer.shape[2:]
    scale = out_height // height
    if scale < 1 or (out_height, out_width) != (scale * height, scale * width):
        raise ModelError(
            f"the teacher turns an image of {width}x{height} into one of {out_width}x{out_height}, whose size is no whole "
            "multiple of the input's; give inputs whose sides it divides evenly, or wrap it to crop or resize"
        )
    return scale


def _identity(generator: Generator, answer: Tensor, low: float, high: float) -> str:
    """Names a teacher by its weights; one that has none, by what it answers."""
    digest = hashlib.sha256(repr((type(generator).__qualname__, low, high)).encode())
    state = generator.state_dict() if isinstance(generator, nn.Module) else {}
    for name, value in sorted(state.items()) or [("answer", answer)]:
        digest.update(name.encode())
        if isinstance(value, Tensor):
            digest.update(repr((value.dtype, tuple(value.shape))).encode())
            digest.update(value.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()[:16]

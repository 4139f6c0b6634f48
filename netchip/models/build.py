"""From a `ModelSpec` to a network, and an input that fits it."""

from collections.abc import Callable

import torch
from torch import nn

from netchip.errors import ModelError
from netchip.models import mobilenet, preresnet, resnet, resnet_cifar, vgg
from netchip.models.catalogue import check_name, native_size
from netchip.models.catalogue import model_names as model_names
from netchip.models.optional import timm_model, timm_size
from netchip.models.reference import is_reference, referenced
from netchip.models.spec import ModelSpec

_TIMM = "timm:"


def build(spec: ModelSpec) -> nn.Module:
    """The network `spec` names, in training mode, with fresh weights from torch's current seed.

    Raises `ModelError` for a name that is not known or a function that cannot be called, `MissingExtra` for `timm:`
    without timm.

    >>> sum(weights.numel() for weights in build(ModelSpec(name="resnet20")).parameters())
    272474
    """
    if spec.name.startswith(_TIMM):
        return timm_model(spec.name.removeprefix(_TIMM), spec)
    if is_reference(spec.name):
        return referenced(spec)
    return _zoo(spec)


def example_input(spec: ModelSpec, batch: int = 1) -> torch.Tensor:
    """Normal noise [batch, in_channels, size, size] of the size that `spec` asks for, always the same."""
    size = spec.image_size or _own_size(spec.name)
    generator = torch.Generator().manual_seed(0)
    return torch.randn(batch, spec.in_channels, size, size, generator=generator)


def _own_size(name: str) -> int:
    return timm_size(name.removeprefix(_TIMM)) if name.startswith(_TIMM) else native_size(name)


def _zoo(spec: ModelSpec) -> nn.Module:
    check_name(spec.name)
    size = spec.image_size or native_size(spec.name)
    plain = {"classes": spec.classes, "width": spec.width, "in_channels": spec.in_channels}
    family, depth = _family(spec.name)
    makers: dict[str, Callable[[], nn.Module]] = {
        "vgg": lambda: vgg.VGG(depth, image_size=size, **plain),
        "preresnet": lambda: preresnet.PreResNet(depth, **plain),
        "resnet_cifar": lambda: resnet_cifar.CifarResNet(depth, **plain),
        "resnet": lambda: resnet.ResNet(depth, image_size=size, **plain),
        "mobilenet_v2": lambda: mobilenet.MobileNetV2(image_size=size, **plain),
    }
    return makers[family]()


def _family(name: str) -> tuple[str, int]:
    """The family and the depth in a known name: "resnet20" is of `resnet_cifar`, "resnet50" of `resnet`."""
    digits = "".join(letter for letter in name if letter.isdigit())
    if name == "mobilenet_v2":
        return "mobilenet_v2", 0
    for family in ("vgg", "preresnet"):
        if name.startswith(family):
            return family, int(digits)
    if name.startswith("resnet"):
        return ("resnet_cifar" if int(digits) in resnet_cifar.DEPTHS else "resnet"), int(digits)
    raise ModelError(f"no family builds {name!r}")

"""Networks of timm, and torchvision beside a CPU build of torch."""

import difflib
import importlib
import importlib.util
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from torch import nn

from netchip.errors import MissingExtra, ModelError
from netchip.models.spec import ModelSpec

_kept_libraries: list[Any] = []  # a torch.library.Library unregisters its operators when it is collected


def timm_model(name: str, spec: ModelSpec) -> nn.Module:
    """timm's `name` without weights, with the classes and input channels of `spec`. Raises `MissingExtra`, `ModelError`."""
    timm = import_timm()
    if not timm.is_model(name):
        close = difflib.get_close_matches(name, timm.list_models(), n=3)
        hint = f"did you mean {', '.join(close)}?" if close else "timm.list_models() lists the names"
        raise ModelError(f"timm has no model {name!r}; {hint}")
    size = {} if spec.image_size is None else {"img_size": spec.image_size}
    plain: dict[str, Any] = {"num_classes": spec.classes, "in_chans": spec.in_channels}
    try:
        return timm.create_model(name, **plain, **size)
    except TypeError:  # convolutional networks take any size and refuse the argument
        return timm.create_model(name, **plain)


def import_timm() -> Any:
    """The module timm; raises `MissingExtra` where it, or the torchvision it imports, is not usable."""
    try:
        ensure_torchvision()
        return importlib.import_module("timm")
    except (ImportError, RuntimeError, OSError) as error:
        raise MissingExtra("timm", "vision", "a model named timm:NAME") from error


def ensure_torchvision() -> str:
    """Makes `import torchvision` work beside a torch without its native extension; says how: absent, native or shimmed.

    The wheel for Linux is built for CUDA. Beside a CPU torch its extension does not load, and two registrations without a
    guard then fail at import; they get empty declarations. What needs the extension (`ops.nms`, `io.decode_jpeg`) stays unusable.
    """
    spec = importlib.util.find_spec("torchvision")
    if spec is None or spec.origin is None:
        return "absent"
    if _kept_libraries:
        return "shimmed"
    try:
        torch.ops.load_library(str(Path(spec.origin).with_name("_C.so")))
    except OSError:
        library = torch.library.Library("torchvision", "FRAGMENT")
        for operator in ("nms", "qnms"):
            library.define(f"{operator}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
        _kept_libraries.append(library)
        return "shimmed"
    return "native"


def imported_torchvision() -> ModuleType:
    """The module torchvision; raises `MissingExtra` where it is absent."""
    if ensure_torchvision() == "absent":
        raise MissingExtra("torchvision", "vision", "torchvision")
    return importlib.import_module("torchvision")

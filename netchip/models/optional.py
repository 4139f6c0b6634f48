"""Networks of timm, and torchvision beside a CPU build of torch."""

import difflib
import importlib
import importlib.util
from pathlib import Path
from typing import Any

import torch
from torch import nn

from netchip.errors import MissingExtra, ModelError
from netchip.models.spec import ModelSpec

_kept_libraries: list[Any] = []  # a torch.library.Library unregisters its operators when it is collected


def timm_model(name: str, spec: ModelSpec) -> nn.Module:
    """timm's `name` without weights, with the classes, input channels and image size of `spec`.

    Raises `MissingExtra` without timm, `ModelError` for a name or a size that timm does not know.
    """
    fixed_size = _timm_config(name).fixed_input_size
    if spec.width != 1.0:
        raise ModelError(f"timm:{name}: width = {spec.width} cannot be had; widths are for networks of netchip")
    size = {"img_size": spec.image_size} if fixed_size and spec.image_size else {}
    try:
        return import_timm().create_model(name, num_classes=spec.classes, in_chans=spec.in_channels, **size)
    except Exception as error:  # timm's networks refuse sizes in many ways
        asked = f"classes = {spec.classes}, in_channels = {spec.in_channels}, image_size = {spec.image_size}"
        raise ModelError(f"timm:{name}: timm cannot make it with {asked}: {error}") from error


def timm_size(name: str) -> int:
    """The side in pixels of the images that timm's `name` was made for. Raises as `timm_model` does."""
    return _timm_config(name).input_size[-1]


def _timm_config(name: str) -> Any:
    timm = import_timm()
    if not timm.is_model(name):
        close = difflib.get_close_matches(name, timm.list_models(), n=3)
        hint = f"did you mean {', '.join(close)}?" if close else "timm.list_models() lists the names"
        raise ModelError(f"timm has no model {name!r}; {hint}")
    return timm.get_pretrained_cfg(name)


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
    guard then fail at import; they get empty declarations. What needs the extension (`ops.nms`, `io.decode_jpeg`) stays
    unusable.
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

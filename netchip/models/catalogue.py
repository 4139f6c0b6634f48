"""The names of the networks that are here, and the image size each was made for. No torch: the commands read this."""

import difflib

from netchip.errors import ModelError

NATIVE_SIZES = {
    **dict.fromkeys(("vgg16_bn", "vgg19_bn"), 32),
    **{f"resnet{depth}": 32 for depth in (8, 14, 20, 32, 38, 44, 56, 74, 110)},
    **{f"preresnet{depth}": 32 for depth in (20, 29, 56, 83, 101, 110, 164)},
    **dict.fromkeys(("resnet18", "resnet50", "mobilenet_v2"), 224),
}

_FILES = (".json", ".safetensors", ".pt", ".pth", ".onnx", ".csv", ".yaml", ".py")


def model_names() -> tuple[str, ...]:
    """Every name that `build` knows by itself."""
    return tuple(NATIVE_SIZES)


def native_size(name: str) -> int:
    """The side in pixels of the images a network was made for; 224 for those from elsewhere."""
    return NATIVE_SIZES.get(name, 224)


def check_name(name: str) -> None:
    """Raises `ModelError` for a name that is not here, with the closest that is."""
    if name in NATIVE_SIZES:
        return
    close = difflib.get_close_matches(name, NATIVE_SIZES, n=1)
    hint = f"did you mean {close[0]!r}?" if close else f"known: {', '.join(NATIVE_SIZES)}"
    file = ", and there is no such file or folder" if "/" in name or name.endswith(_FILES) else ""
    raise ModelError(
        f"no network is called {name!r}{file}; {hint} (others: timm:NAME, path/file.py:function, package.module:function)"
    )

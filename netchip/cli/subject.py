"""A model named on the command line: from the zoo, from a user's own file or package, or the networks of a run."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from netchip.errors import ConfigError, DataError, first_line
from netchip.files import read_json
from netchip.models.catalogue import native_size
from netchip.models.spec import ModelSpec

_FEWEST_SIZES = 2
_IMAGENET_SIDE, _IMAGENET_CLASSES = 224, 1000


@dataclass(frozen=True)
class Subject:
    """Networks by name, and an input (batch first) that fits them all."""

    title: str
    models: Mapping[str, Any]
    example: Any


def model_spec(name: str, shape: str | None, classes: int | None) -> ModelSpec:
    """The spec of a model name, with the channels and the side of `shape` ("N,C,H,W") where one is given."""
    if classes is None and native_size(name) == _IMAGENET_SIDE:
        classes = _IMAGENET_CLASSES
    settings: dict[str, Any] = {"name": name} | ({} if classes is None else {"classes": classes})
    sizes = () if shape is None else input_sizes(shape)
    if len(sizes) == 4 and sizes[2] == sizes[3]:
        settings |= {"in_channels": sizes[1], "image_size": sizes[2]}
    return ModelSpec.parse(settings, source=f"model {name}")


def input_sizes(shape: str) -> tuple[int, ...]:
    """'1,3,224,224' or '1x3x224x224' as numbers; raises `ConfigError` when it is no shape."""
    sizes = whole_numbers("--input", shape.replace("x", ","))
    if len(sizes) < _FEWEST_SIZES:
        raise ConfigError(
            f"--input {shape!r} is no shape; write the batch and the sizes of one input, as in 1,3,224,224"
        )
    return sizes


def whole_numbers(flag: str, text: str) -> tuple[int, ...]:
    """'1,64' as numbers above 0; raises `ConfigError` that names the flag."""
    try:
        numbers = tuple(int(word) for word in text.split(","))
    except ValueError:
        numbers = ()
    if not numbers or min(numbers) < 1:
        raise ConfigError(f"{flag} {text!r}: expected whole numbers above 0 with commas between them, as in 1,64")
    return numbers


def find_subject(name: str, shape: str | None = None, classes: int | None = None) -> Subject:
    """The model called `name`, or the dense and the efficient network of the run in the folder `name`."""
    folder = Path(name)
    if folder.is_dir():
        return _of_run(folder, shape)
    spec = model_spec(name, shape, classes)
    model, example = _fresh(spec), _example(spec, shape)
    if ":" in name:
        _require_accepted(model, example, name)
    return Subject(name, {name: model}, example)


def _of_run(folder: Path, shape: str | None) -> Subject:
    from netchip.graph.saved import load

    efficient = load(folder)
    spec = ModelSpec.parse(_source(folder), source=str(folder))
    return Subject(str(folder), {"dense": _fresh(spec), "efficient": efficient}, _example(spec, shape))


def _fresh(spec: ModelSpec) -> Any:
    """The network with fresh weights, the same ones every time: what is said of it can be said again."""
    import torch

    from netchip.graph.random_state import same_random_state
    from netchip.models.build import build

    with same_random_state():
        torch.manual_seed(0)
        return build(spec).eval()


def _require_accepted(model: Any, example: Any, name: str) -> None:
    """Raises `ConfigError` where a user's network does not run on the example, which may be only a guess of its shape."""
    import torch

    try:
        with torch.inference_mode():
            model(example)
    except Exception as error:  # noqa: BLE001  a network of the user's fails as it likes
        sizes = " x ".join(map(str, example.shape))
        raise ConfigError(
            f"{name} does not run on an input of {sizes} ({type(error).__name__}: {first_line(error)}); give the shape it takes, "
            "batch first, as in --input 1,1,28,28"
        ) from None


def _source(folder: Path) -> dict[str, Any]:
    for name in ("model.json", "ticket.json"):
        if (folder / name).is_file():
            source = read_json(folder / name).get("source")
            if isinstance(source, dict):
                return source
    raise DataError(f"{folder}: does not say how its dense network is built, so there is nothing to compare with")


def _example(spec: ModelSpec, shape: str | None) -> Any:
    import torch

    from netchip.models.build import example_input

    return torch.randn(input_sizes(shape), generator=torch.Generator().manual_seed(0)) if shape else example_input(spec)

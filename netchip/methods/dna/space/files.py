"""A network of a space on disk: the space and the architecture in full, and weights; `netchip.load` reads the folder too.

Spaces with blocks of a user's own are not described in full: they are needed to read the network again.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import nn

from netchip.errors import DataError
from netchip.files import read_json, write_json
from netchip.graph.saved import save
from netchip.methods.dna.space.architecture import Architecture
from netchip.methods.dna.space.blocks import MBConv, Skip, block_named
from netchip.methods.dna.space.space import Derived, NetworkSpace, Position

NETWORK_FILE = "network.json"
_NUMBERS = ("in_channels", "classes", "image_size", "stem_channels", "stem_stride", "head_channels")


def space_to_json(space: NetworkSpace) -> dict[str, Any]:
    """Plain values; blocks by name."""
    positions = [
        {
            "name": each.name,
            "inputs": each.inputs,
            "outputs": each.outputs,
            "stride": each.stride,
            "options": [option.name for option in each.options],
        }
        for each in space.positions
    ]
    numbers = {name: getattr(space, name) for name in _NUMBERS}
    return {"name": space.name, **numbers, "bits": list(space.bits), "positions": positions}


def space_from_json(data: Mapping[str, Any]) -> NetworkSpace:
    """What `space_to_json` wrote; raises `DataError` for anything else, and for blocks that are not ready-made."""
    try:
        positions = tuple(
            Position(
                str(each["name"]),
                int(each["inputs"]),
                int(each["outputs"]),
                int(each["stride"]),
                tuple(block_named(name) for name in each["options"]),
            )
            for each in data["positions"]
        )
        numbers = {name: int(data[name]) for name in _NUMBERS}
        return NetworkSpace(str(data["name"]), positions=positions, bits=tuple(data["bits"]), **numbers)
    except (KeyError, TypeError, ValueError) as error:
        raise DataError(f"this is not a space of networks: {error!r} while reading") from None


def save_network(folder: str | Path, network: Derived) -> Path:
    """Writes network.json (space and architecture) and the weights; `netchip.load(folder)` gives the network back.

    Raises `DataError` for blocks of a user's own, whose code is in no file.
    """
    folder = Path(folder)
    description = describe(network.space, network.architecture)
    write_json(folder / NETWORK_FILE, description)
    space = network.space
    source = {
        "name": f"{__name__}:nothing",
        "in_channels": space.in_channels,
        "classes": space.classes,
        "image_size": space.image_size,
    }
    return save(folder, network, source=source, methods=((f"{__name__}:described", description),))


def describe(space: NetworkSpace, architecture: Architecture) -> dict[str, Any]:
    """Space and architecture as plain values; raises `DataError` for blocks of a user's own."""
    for position in space.positions:
        for option in position.options:
            if not isinstance(option, MBConv | Skip):
                raise DataError(
                    f"{option.name} is a block of your own, which no file describes; save its architecture.to_json() and the "
                    "weights, and derive the network from your space again"
                )
    space.places(architecture)
    return {"space": space_to_json(space), "architecture": architecture.to_json()}


def read_description(path: str | Path) -> tuple[NetworkSpace, Architecture]:
    """Space and architecture of a network.json; raises `DataError` that names the file for anything else."""
    data = read_json(Path(path))
    try:
        return space_from_json(data["space"]), Architecture.from_json(data["architecture"])
    except (KeyError, TypeError, DataError) as error:
        raise DataError(f"{path}: holds no network of a space ({error}); name a network.json") from None


def nothing() -> nn.Module:
    """What `described` starts from: a description needs no network before it."""
    return nn.Identity()


def described(_: nn.Module, settings: Mapping[str, Any]) -> Derived:
    """The network of a description, with fresh weights."""
    return space_from_json(settings["space"]).derive(Architecture.from_json(settings["architecture"]))

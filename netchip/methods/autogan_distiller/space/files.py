"""Spaces and derived networks as plain values, so that a file holds all that is needed to build a network again."""

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from netchip.errors import ConfigError, DataError
from netchip.files import read_value, write_json
from netchip.methods.autogan_distiller.space.architecture import Architecture
from netchip.methods.autogan_distiller.space.operator import Conv, Operator
from netchip.methods.autogan_distiller.space.space import Add, Layer, Space, Step

if TYPE_CHECKING:
    from netchip.methods.autogan_distiller.space.modules import Derived

FORMAT = 1


def space_to_json(space: Space) -> dict[str, Any]:
    """Plain values, every operator in full."""
    return {
        "format": FORMAT,
        "name": space.name,
        "inputs": space.inputs,
        "output": space.output,
        "as_paper": space.as_paper,
        "steps": [_step_to_json(step) for step in space.steps],
    }


def space_from_json(data: Mapping[str, Any]) -> Space:
    """The space that `space_to_json` wrote; raises `DataError` for anything else."""
    if data.get("format") != FORMAT:
        raise DataError(f"this search space is of format {data.get('format')!r}; this version reads {FORMAT}")
    try:
        steps = tuple(_step_from_json(each) for each in data["steps"])
        return Space(data["name"], steps, inputs=data["inputs"], output=data["output"], as_paper=data["as_paper"])
    except (KeyError, TypeError, ValueError, AttributeError, ConfigError) as error:
        raise DataError(f"this is not a search space: {error!r} while reading") from None


def save_network(path: Path | str, space: Space, architecture: Architecture) -> None:
    """Writes what a derived network is, without its weights. Raises `DataError` where the architecture is not of the space."""
    space.check(architecture)
    write_json(Path(path), {"space": space_to_json(space), "architecture": architecture.to_json()})


def load_network(path: Path | str) -> "Derived":
    """The network that `save_network` described, with fresh weights; raises `DataError`, which names the file."""
    return read_value(Path(path), _network, "a derived network")


def _network(data: dict[str, Any]) -> "Derived":
    try:
        space, architecture = data["space"], data["architecture"]
    except KeyError as error:
        raise DataError(f"this is not a derived network: it lacks the key {error}") from None
    return space_from_json(space).derive(Architecture.from_json(architecture))


def _step_to_json(step: Step) -> dict[str, Any]:
    if isinstance(step, Add):
        return {"add": step.name, "reads": list(step.reads), "scale": step.scale}
    widths = list(step.widths) if isinstance(step.widths, tuple) else step.widths
    reads = [step.reads] if isinstance(step.reads, str) else list(step.reads)
    return {"layer": step.name, "operators": [asdict(each) for each in step.choices], "widths": widths, "reads": reads}


def _step_from_json(data: Mapping[str, Any]) -> Step:
    if "add" in data:
        first, second = data["reads"]
        return Add(data["add"], (first, second), scale=float(data["scale"]))
    widths = tuple(data["widths"]) if isinstance(data["widths"], list) else data["widths"]
    operators = tuple(
        Operator(**(each | {"body": tuple(Conv(**conv) for conv in each["body"])})) for each in data["operators"]
    )
    return Layer(data["layer"], operators, widths, reads=tuple(data["reads"]))

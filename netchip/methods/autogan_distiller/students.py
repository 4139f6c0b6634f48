"""A student on disk: its architecture, its space's name and its weights; and the way back."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from netchip.errors import CheckpointMismatch, DataError
from netchip.files import read_value, write_json
from netchip.graph.saved import WEIGHTS_FILE, load_weights
from netchip.methods.autogan_distiller.space.architecture import Architecture
from netchip.methods.autogan_distiller.space.modules import Derived
from netchip.methods.autogan_distiller.space.presets import (
    super_resolution,
    super_resolution_paper,
    translation,
    translation_paper,
)
from netchip.methods.autogan_distiller.space.space import Space
from netchip.methods.autogan_distiller.spec import SpaceSpec
from netchip.train.saving import load_state, save_model

STUDENT_FILE = "student.json"
FORMAT = 1


def build_space(spec: SpaceSpec, scale: int) -> Space:
    """The ready space that `spec` names, for a teacher that enlarges by `scale`.

    Raises `DataError` for a space whose networks enlarge by another number.
    """
    made = {
        "super_resolution": lambda: super_resolution(scale, width=spec.width, cells=spec.cells, layers=spec.layers),
        "translation": lambda: translation(spec.width, spec.cells),
        "super_resolution_paper": super_resolution_paper,
        "translation_paper": lambda: translation_paper(spec.width, spec.cells),
    }
    space = made[spec.name]()
    if space.scale != scale:
        raise DataError(
            f"space {space.name!r} enlarges by {space.scale}, the teacher by {scale}; take super_resolution for a teacher that "
            "enlarges, translation for one that does not"
        )
    return space


def save_student(folder: Path, student: Derived, *, space: SpaceSpec | None, scale: int) -> Path:
    """Writes `folder`/student.json and model.safetensors. `space` says how its space is built, None for one of the user's own."""
    save_model(student, folder / WEIGHTS_FILE)
    described = None if space is None else space.model_dump(mode="json")
    write_json(
        folder / STUDENT_FILE,
        {"format": FORMAT, "space": described, "scale": scale, "architecture": student.architecture.to_json()},
    )
    return folder


def load_student(folder: str | Path, *, space: Space | None = None) -> Derived:
    """The student in `folder`, in eval mode. `space` is needed where it was composed by the user. Nothing is unpickled.

    Raises `DataError` where there is none, `CheckpointMismatch` where space or weights do not fit.
    """
    description = read_value(Path(folder) / STUDENT_FILE, _description, "a saved student")
    if space is None and description["space"] is None:
        raise DataError(
            f"{folder}: its space was composed by the user; give it: load_student({str(folder)!r}, space=my_space)"
        )
    found = space or build_space(SpaceSpec.parse(description["space"]), int(description["scale"]))
    student = found.derive(Architecture.from_json(description["architecture"]))
    load_weights(student, load_state(Path(folder) / WEIGHTS_FILE))
    return student.eval()


def _description(data: Mapping[str, Any]) -> dict[str, Any]:
    if data.get("format") != FORMAT:
        raise CheckpointMismatch(f"a student of format {data.get('format')!r}; this version of netchip reads {FORMAT}")
    if not {"space", "scale", "architecture"} <= data.keys():
        raise DataError("this is not a saved student")
    return dict(data)

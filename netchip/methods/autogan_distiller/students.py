"""A student on disk: what it is (space and architecture, in full) and its weights; and the way back."""

from pathlib import Path

from netchip.graph.saved import WEIGHTS_FILE, load_weights
from netchip.methods.autogan_distiller.space.files import load_network, save_network
from netchip.methods.autogan_distiller.space.modules import Derived
from netchip.train.saving import load_state, save_model

STUDENT_FILE = "student.json"


def save_student(folder: str | Path, student: Derived) -> Path:
    """Writes `folder`/student.json and model.safetensors."""
    save_model(student, Path(folder) / WEIGHTS_FILE)
    save_network(Path(folder) / STUDENT_FILE, student.space, student.architecture)
    return Path(folder)


def load_student(folder: str | Path) -> Derived:
    """The student in `folder`, a run's folder too, in eval mode on the CPU. Nothing is unpickled.

    Raises `DataError` where there is none, `CheckpointMismatch` where the weights do not fit.
    """
    student = load_network(Path(folder) / STUDENT_FILE)
    load_weights(student, load_state(Path(folder) / WEIGHTS_FILE))
    return student.eval()

"""A student at 8 bits on disk: what it is, and a file of int8 levels, scales, steps and biases; and the way back."""

from pathlib import Path

from torch import nn

from netchip.errors import DataError
from netchip.graph.saved import WEIGHTS_FILE, load_weights
from netchip.methods.autogan_distiller.eight_bit.network import empty_store
from netchip.methods.autogan_distiller.space.files import load_network, save_network
from netchip.methods.autogan_distiller.space.modules import Derived
from netchip.train.saving import load_state, save_model

STUDENT_FILE = "student-8-bit.json"


def save_eight_bit(folder: str | Path, network: nn.Module) -> Path:
    """Writes `folder`/student-8-bit.json and model.safetensors, in which each weight takes a byte. `network` is from `to_store`."""
    if not isinstance(network, Derived):
        raise DataError(f"a student is a network of its space, not a {type(network).__name__}")
    path = save_model(network, Path(folder) / WEIGHTS_FILE)
    save_network(Path(folder) / STUDENT_FILE, network.space, network.architecture)
    return path


def load_eight_bit(folder: str | Path) -> nn.Module:
    """The student that `save_eight_bit` wrote, in eval mode on the CPU, equal to it bit for bit.

    Raises `DataError` where there is none, `CheckpointMismatch` where the levels do not fit.
    """
    network = empty_store(load_network(Path(folder) / STUDENT_FILE))
    load_weights(network, load_state(Path(folder) / WEIGHTS_FILE))
    return network.eval()

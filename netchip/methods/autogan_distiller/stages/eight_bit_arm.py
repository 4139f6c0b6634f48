"""The student at 8 bits in the comparison: saved, exported, its export held against it, judged by the same protocol."""

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor, nn

from netchip.errors import MissingExtra
from netchip.methods.autogan_distiller.distillation import Distillation, Trained
from netchip.methods.autogan_distiller.eight_bit.exporting import run_onnx, to_onnx
from netchip.methods.autogan_distiller.eight_bit.files import save_eight_bit
from netchip.methods.autogan_distiller.images.pictures import to_values
from netchip.methods.autogan_distiller.quality.protocol import Answered, Protocol
from netchip.methods.method import Arm

ONNX_FILE = "student.onnx"
SIMULATED = "the student at 8 bits is judged in float32 on values that lie on its 8-bit grids; its seconds are not those of int8"


def eight_bit_arm(
    name: str,
    trained: Trained,
    counted: Mapping[str, float],
    stages: Distillation,
    protocol: Protocol,
    answered: tuple[Answered, ...],
    example: Tensor,
    notes: list[str],
) -> Arm:
    """The arm, with the sizes of its files; `counted` is that of the student in floats. Writes into the run's folder/`name`."""
    folder = stages.folder / name
    measured = protocol.judge(trained.network, answered) | {"training_seconds": trained.result.seconds}
    measured["file_bytes"] = save_eight_bit(folder, trained.network).stat().st_size
    images = to_values(answered[0].picture.image[None], stages.teacher.low, stages.teacher.high)
    try:
        path = to_onnx(trained.network, example, folder / ONNX_FILE)
        measured["onnx_bytes"] = path.stat().st_size
        notes.append(f"{name}: {_parity(trained.network, path, images)}")
    except MissingExtra as error:
        notes.append(f"{name}: not exported, {error}")
    return Arm(name=name, role="ours", counted=counted, measured=measured)


@torch.no_grad()
def _parity(network: nn.Module, path: Path, images: Tensor) -> str:
    """How far ONNX Runtime is from the network on one picture."""
    difference = (run_onnx(path, images) - network(images)).abs()
    return f"ONNX Runtime differs from the network by at most {float(difference.max()):.1e} on a test picture"

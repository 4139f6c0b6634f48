"""The student at 8 bits in the comparison: saved, exported, its export held against it, judged by the same protocol."""

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor, nn

from netchip.errors import MissingExtra
from netchip.methods.autogan_distiller.distillation import Distillation, Trained
from netchip.methods.autogan_distiller.eight_bit.exporting import run_onnx, to_float_onnx, to_onnx
from netchip.methods.autogan_distiller.eight_bit.files import save_eight_bit
from netchip.methods.autogan_distiller.eight_bit.timing import onnx_times
from netchip.methods.autogan_distiller.images.pictures import to_values
from netchip.methods.autogan_distiller.quality.protocol import Answered, Protocol
from netchip.methods.method import Arm

ONNX_FILE = "student.onnx"
FLOAT_ONNX_FILE = "student-in-floats.onnx"
SIMULATED = (
    "the student at 8 bits is judged in float32 on values of its 8-bit grids; its training seconds are those of floats"
)


def eight_bit_arm(
    name: str,
    trained: Trained,
    in_floats: nn.Module,
    counted: Mapping[str, float],
    stages: Distillation,
    protocol: Protocol,
    answered: tuple[Answered, ...],
    example: Tensor,
    notes: list[str],
) -> Arm:
    """The arm, with the sizes of its files, and its time in ONNX Runtime beside that of the student in floats, `in_floats`.

    `counted` are the counts of that one. Writes into the run's folder/`name`.
    """
    folder = stages.folder / name
    measured = protocol.judge(trained.network, answered) | {"training_seconds": trained.result.seconds}
    measured["file_bytes"] = save_eight_bit(folder, trained.network).stat().st_size
    images = to_values(answered[0].picture.image[None], stages.teacher.low, stages.teacher.high)
    try:
        path = to_onnx(trained.network, example, folder / ONNX_FILE)
        measured["onnx_bytes"] = path.stat().st_size
        notes.append(f"{name}: {_parity(trained.network, path, images)}")
        times = onnx_times(to_float_onnx(in_floats, example, folder / FLOAT_ONNX_FILE), path, example)
        measured |= {"onnxruntime_ms": times.eight_bit_ms, "onnxruntime_float_ms": times.float_ms}
        notes.append(f"{name}: {times.written}")
    except MissingExtra as error:
        notes.append(f"{name}: not exported, {error}")
    return Arm(name=name, role="ours", counted=counted, measured=measured)


@torch.no_grad()
def _parity(network: nn.Module, path: Path, images: Tensor) -> str:
    """How far ONNX Runtime is from the network on one picture."""
    difference = (run_onnx(path, images) - network(images)).abs()
    return f"ONNX Runtime differs from the network by at most {float(difference.max()):.1e} on a test picture"

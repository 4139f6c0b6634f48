"""What 8 bits gain in time on this machine: ONNX Runtime with the float file and with the 8-bit file, side by side."""

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from netchip.graph.onnx_extra import onnx_library
from netchip.measure.latency import measure_latency
from netchip.methods.autogan_distiller.eight_bit.exporting import onnx_session
from netchip.units import seconds_to_ms

_INTEGER = ("QLinearConv", "ConvInteger", "QLinearConvTranspose")
_CONVOLUTIONS = (*_INTEGER, "Conv", "ConvTranspose", "FusedConv", "NhwcFusedConv")


@dataclass(frozen=True)
class OnnxTimes:
    """Median milliseconds of one picture on one thread, and how many of the 8-bit file's convolutions run on integers.

    ONNX Runtime runs a convolution on integers where it is quantised on both sides; where its result is added in floats, or the
    runtime has no integer kernel (transposed convolutions), it dequantises first and computes in floats.
    """

    float_ms: float
    eight_bit_ms: float
    on_integers: int
    convolutions: int

    @property
    def written(self) -> str:
        """A line for the notes of a run."""
        return (
            f"ONNX Runtime on one thread of this CPU: {self.eight_bit_ms:.2f} ms at 8 bits, {self.float_ms:.2f} ms in floats; "
            f"it runs {self.on_integers} of {self.convolutions} convolutions on integers"
        )


def onnx_times(float_file: Path, eight_bit_file: Path, example: Tensor, *, repeats: int = 15) -> OnnxTimes:
    """Times both files side by side on `example`, one input [1, C, H, W]. Raises `MissingExtra` without ONNX Runtime."""
    with tempfile.TemporaryDirectory() as folder:
        optimized = Path(folder) / "optimized.onnx"
        small = _Session(onnx_session(eight_bit_file, optimized=optimized))
        operators = _operators(optimized)
    models = {"float": _Session(onnx_session(float_file)), "8 bits": small}
    found = measure_latency(models, example, batch_sizes=(1,), repeats=repeats)
    times = {each.model: seconds_to_ms(each.median_s) for each in found}
    convolutions = [each for each in operators if each in _CONVOLUTIONS]
    on_integers = sum(each in _INTEGER for each in convolutions)
    return OnnxTimes(times["float"], times["8 bits"], on_integers, len(convolutions))


class _Session(nn.Module):
    """A session as a module, for the stopwatch."""

    def __init__(self, session: Any) -> None:
        super().__init__()
        self._session, self._name = session, session.get_inputs()[0].name

    def forward(self, images: Tensor) -> Tensor:
        return torch.from_numpy(self._session.run(None, {self._name: images.numpy()})[0])


def _operators(path: Path) -> list[str]:
    onnx = onnx_library("reading an ONNX file")
    return [node.op_type for node in onnx.load(str(path)).graph.node]

"""What is timed side by side: a static network in floats and at 8 bits, skipping alone, and all options; in one runtime."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor, nn

from netchip.errors import ConfigError
from netchip.graph.onnx_extra import session
from netchip.methods.fractional_skipping.execution.onnx_runner import OnnxRunner
from netchip.methods.fractional_skipping.execution.spent import Spent
from netchip.methods.fractional_skipping.execution.torch_runner import TorchRunner
from netchip.methods.fractional_skipping.export.frame import INPUT
from netchip.methods.fractional_skipping.export.pieces import FULL, Pieces, export_pieces
from netchip.methods.fractional_skipping.export.whole import frozen_model
from netchip.methods.fractional_skipping.network import FractionalNetwork, make_fractional
from netchip.methods.fractional_skipping.options import Bits, OptionSet, Skip, parse_option

Runtime = Literal["onnxruntime", "torch"]
FP32, INT8, SKIP_ONLY, FRACTIONAL = "fp32 static", "int8 static", "skip only", "fractional"


@dataclass(frozen=True, eq=False)
class Arms:
    """Networks by name, each a module that takes images; `how` says what runs each of them.

    `routed` is the fractional one with its time told apart.
    """

    runtime: Runtime
    modules: Mapping[str, nn.Module]
    how: Mapping[str, str]
    routed: Callable[[Tensor, Spent], Any]


class Pool(nn.Module):
    """Runs `network` on `images` [N, ...] in turn, so many at a time as it is given: decisions differ between inputs."""

    def __init__(self, network: Callable[[Tensor], Any], images: Tensor) -> None:
        super().__init__()
        self._held = (network, images)
        self.turn = 0

    def forward(self, given: Tensor) -> Any:
        """As the network on the next `len(given)` images."""
        network, images = self._held
        size = len(given)
        first = self.turn * size % len(images)
        self.turn += 1
        taken = images[first : first + size]
        return network(
            taken if len(taken) == size else torch.cat([images] * (1 + -(-size // len(images))))[first : first + size]
        )


def make_arms(
    network: FractionalNetwork, images: Tensor, runtime: Runtime = "onnxruntime", *, threads: int = 1
) -> Arms:
    """The arms of `network` on `images` [N, ...], which also calibrate what runs at 8 bits where training did not.

    Raises `ConfigError` for an unknown runtime, `RequestError` where ONNX Runtime is missing.
    """
    if runtime == "torch":
        return _in_torch(network, images)
    if runtime != "onnxruntime":
        raise ConfigError(f"runtime = {runtime!r}: all arms run in onnxruntime, or all in torch")
    return _in_onnx_runtime(network, images, threads)


def _in_onnx_runtime(network: FractionalNetwork, images: Tensor, threads: int) -> Arms:
    pieces = export_pieces(network, images)
    eight, how_eight = _eight_bits(network, pieces, images)
    runner = OnnxRunner(pieces, threads=threads, min_group=network.min_group)
    arms: dict[str, Callable[[Tensor], Any]] = {
        FP32: _session(frozen_model(pieces, [FULL] * len(pieces.blocks)), threads)
    }
    arms[INT8] = _session(frozen_model(eight, ["8"] * len(pieces.blocks)), threads)
    if network.options.skip is not None:
        arms[SKIP_ONLY] = OnnxRunner(pieces.without_few_bits(), threads=threads, min_group=network.min_group)
    arms[FRACTIONAL] = runner
    how = {FP32: "float32", INT8: how_eight, SKIP_ONLY: "float32", FRACTIONAL: _kernels(pieces)}
    modules = {name: Pool(arm, images) for name, arm in arms.items()}
    return Arms("onnxruntime", modules, how, lambda batch, spent: runner(batch, spent=spent))


def _in_torch(network: FractionalNetwork, images: Tensor) -> Arms:
    """No integer kernels here: few bits are rounded floats, and there is no static network at 8 bits."""
    few = [
        name for name, option in zip(network.options.names, network.options, strict=True) if isinstance(option, Bits)
    ]
    arms: dict[str, Callable[[Tensor], Any]] = {FP32: network.plain().eval()}
    if network.options.skip is not None and few:
        arms[SKIP_ONLY] = TorchRunner(network, few_bits=False)
    arms[FRACTIONAL] = network.eval()
    how = {FP32: "float32, eager", SKIP_ONLY: "float32, eager"}
    how[FRACTIONAL] = (
        "float32, eager" if not few else f"float32, eager; {_listed(few)} bits simulated, so slower than in full"
    )
    runner = TorchRunner(network)
    modules = {name: Pool(arm, images) for name, arm in arms.items()}
    return Arms("torch", modules, how, lambda batch, spent: runner(batch, spent=spent))


def _session(model: Any, threads: int) -> Callable[[Tensor], Any]:
    made = session(model, threads)
    return lambda images: made.run(None, {INPUT: images.numpy()})


def _eight_bits(network: FractionalNetwork, pieces: Pieces, images: Tensor) -> tuple[Pieces, str]:
    """Pieces with an option of 8 bits on integers: the network's own, or else its weights rounded after training."""
    if "8" in network.options.names and pieces.kernels_of(network.options.index("8")) == {"int8"}:
        return pieces, "int8"
    rounded = make_fractional(
        network.plain().eval(),
        OptionSet([parse_option("8"), parse_option("full")]),
        "feed_forward",
        blocks=[site.name for site in network.sites],
        example=images,
        gate_first=True,
    )
    made = export_pieces(rounded, images)
    kernels = made.kernels_of(0)
    return made, "int8, rounded after training" if kernels == {"int8"} else "simulated, so slower than in full"


def _kernels(pieces: Pieces) -> str:
    """What runs the options of a network, in a few words."""
    below, said = [], []
    for index, (name, option) in enumerate(zip(pieces.options.names, pieces.options, strict=True)):
        kernels = pieces.kernels_of(index)
        if isinstance(option, Skip):
            continue
        if "simulated" in kernels:
            said.append(f"{name} bits simulated, so slower than in full")
        elif "int8" in kernels:
            below += [name] if isinstance(option, Bits) and (option.weight, option.input_bits) != (8, 8) else []
            said += [] if "int8" in said else ["int8"]
        else:
            said.append("float32")
    return ", ".join(said) + (f"; {_listed(below)} bits run as 8" if below else "")


def _listed(names: Sequence[str]) -> str:
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)

"""A gated network written into a folder, every file of it run in ONNX Runtime beside the source."""

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from netchip.graph.checked_file import CheckedFile
from netchip.graph.exporting import export
from netchip.graph.onnx_extra import onnx_library, session
from netchip.methods.fractional_skipping.execution.onnx_runner import OnnxRunner
from netchip.methods.fractional_skipping.export.frame import INPUT
from netchip.methods.fractional_skipping.export.pieces import Kernel, Pieces, export_pieces
from netchip.methods.fractional_skipping.export.whole import branching_model, frozen_model
from netchip.methods.fractional_skipping.network import FractionalNetwork

PIECES, BRANCHING, MODAL, STATIC = "pieces", "branching.onnx", "modal.onnx", "static.pt2"
_EXACT, _INTEGER = (
    1e-3,
    0.25,
)  # of the largest output: floats of another order; results rounded to 8 bits before each sum


@torch.no_grad()
def export_network(
    network: FractionalNetwork, images: Tensor, folder: Path | str, *, few_bits: Kernel = "int8"
) -> tuple[CheckedFile, ...]:
    """Writes `network` into `folder` and says for each file how far it is from the source on `images` [B, ...].

    `pieces/`: gate and a graph for each block and option, for `OnnxRunner`. `branching.onnx`: one model for a single input.
    `modal.onnx`: each block frozen at the option that most of `images` take, for batches of any size, QDQ where it runs on
    integers. `static.pt2`: the static form, which computes all options, as torch.export gives it.

    Raises `GraphError` where a file does not compute what the source does; what `export_pieces` raises.
    """
    place = Path(folder)
    network.eval()
    pieces = export_pieces(network, images, few_bits=few_bits)
    pieces.save(place / PIECES)
    found = [_runner(network, pieces, images), _branching(network, pieces, images, place / BRANCHING)]
    found.append(_modal(network, pieces, images, place / MODAL))
    found.append(_static(network, images, place / STATIC))
    few = any("int8" in row for row in pieces.kernels)
    for each in found:
        share = _INTEGER if few and each.file != STATIC else _EXACT
        each.require(share, "do not use it, and export with few_bits='simulated'")
    return tuple(found)


def modal_route(routes: Any) -> list[int]:
    """[L]: the option that most of routes [B, L] take at each block, the cheapest of those that tie."""
    return [
        min(Counter(column).most_common(), key=lambda each: (-each[1], each[0]))[0]
        for column in np.asarray(routes).T.tolist()
    ]


def _runner(network: FractionalNetwork, pieces: Pieces, images: Tensor) -> CheckedFile:
    """Outputs on the runner's own routes, decisions on its own values."""
    found = OnnxRunner(pieces, branching=False)(images)
    return _compared(PIECES, network, images, found.outputs, found.routes)


def _branching(network: FractionalNetwork, pieces: Pieces, images: Tensor, path: Path) -> CheckedFile:
    model = branching_model(pieces)
    _write(model, path)
    run = session(model)
    found = [run.run(None, {INPUT: image[None].numpy()}) for image in images]
    outputs, routes = (np.concatenate(each) for each in zip(*found, strict=True))
    return _compared(BRANCHING, network, images, outputs, routes)


def _modal(network: FractionalNetwork, pieces: Pieces, images: Tensor, path: Path) -> CheckedFile:
    route = modal_route(network(images, detail=True).routes)
    model = frozen_model(pieces, route)
    _write(model, path)
    [outputs] = session(model).run(None, {INPUT: images.numpy()})
    wanted = network(images, routes=route).numpy()
    return CheckedFile(
        file=MODAL, difference=float(np.abs(outputs - wanted).max()), largest=float(np.abs(wanted).max())
    )


def _static(network: FractionalNetwork, images: Tensor, path: Path) -> CheckedFile:
    """The static form on batches of the size of `images`, written and read again."""
    _, program = export(_Static(network), images)
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.export.save(program, path)
    found = torch.export.load(path).module()(images)
    wanted = network(images, form="static")
    return CheckedFile(file=STATIC, difference=float((found - wanted).abs().max()), largest=float(wanted.abs().max()))


def _compared(
    file: str, network: FractionalNetwork, images: Tensor, outputs: np.ndarray, routes: np.ndarray
) -> CheckedFile:
    own = network(images, detail=True).routes.numpy()
    wanted = network(images, routes=torch.from_numpy(routes)).numpy()
    return CheckedFile(
        file=file,
        difference=float(np.abs(outputs - wanted).max()),
        largest=float(np.abs(wanted).max()),
        decisions=float((own == routes).mean()),
    )


def _write(model: Any, path: Path) -> None:
    onnx = onnx_library()

    path.parent.mkdir(parents=True, exist_ok=True)
    onnx.save(model, str(path))


class _Static(nn.Module):
    def __init__(self, network: FractionalNetwork) -> None:
        super().__init__()
        self.network = network

    def forward(self, images: Tensor) -> Tensor:
        return self.network(images, form="static")

"""The files of a folder, and that a wrong one is refused."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from netchip.errors import GraphError

pytest.importorskip("onnxruntime")

from netchip.graph.onnx_extra import results
from netchip.methods.fractional_skipping.execution.onnx_runner import OnnxRunner
from netchip.methods.fractional_skipping.export import exporting
from netchip.methods.fractional_skipping.export.exporting import export_network, modal_route
from netchip.methods.fractional_skipping.export.onnx_graph import constant
from netchip.methods.fractional_skipping.export.pieces import Pieces


@pytest.fixture
def as_exported(exported: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The session's pieces in place of another export."""
    monkeypatch.setattr(exporting, "export_pieces", lambda network, images, few_bits: exported.pieces)
    return exported


@torch.no_grad()
def test_every_file_is_written_and_compared(as_exported: Any, tmp_path: Path) -> None:
    network, images = as_exported.network, as_exported.images
    found = {each.file: each for each in export_network(network, images, tmp_path)}
    assert list(found) == ["pieces", "branching.onnx", "modal.onnx", "static.pt2"]
    assert found["static.pt2"].difference <= 1e-5
    assert 0 < found["modal.onnx"].difference <= 0.15 * found["modal.onnx"].largest
    assert found["pieces"].decisions == pytest.approx(found["branching.onnx"].decisions)
    assert found["pieces"].decisions > 0.7
    again = OnnxRunner(Pieces.load(tmp_path / "pieces"))(images)
    assert np.array_equal(again.routes, OnnxRunner(as_exported.pieces)(images).routes)
    [modal] = results(str(tmp_path / "modal.onnx"), {"input": images.numpy()})
    route = modal_route(network(images, detail=True).routes)
    assert np.abs(modal - network(images, routes=route).numpy()).max() == pytest.approx(found["modal.onnx"].difference)


def test_a_file_that_computes_something_else_is_refused(
    as_exported: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import onnx

    def wrong(pieces: Pieces, route: Any) -> Any:
        model = onnx.ModelProto()
        model.CopyFrom(whole(pieces, route))
        weight = next(each for each in model.graph.initializer if each.name.endswith("fc.weight"))
        weight.CopyFrom(constant(weight.name, np.full((10, 32), 100, dtype=np.float32)))
        return model

    whole = exporting.frozen_model
    monkeypatch.setattr(exporting, "frozen_model", wrong)
    with pytest.raises(GraphError, match=r"modal\.onnx: differs from the source by at most .* do not use it"):
        export_network(as_exported.network, as_exported.images, tmp_path)


def test_the_modal_route() -> None:
    assert modal_route([[2, 0], [2, 1], [1, 1], [0, 0]]) == [2, 0]

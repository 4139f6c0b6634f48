"""Modules become ONNX models that compute the same, under the names of their parameters."""

import pytest
import torch
from torch import nn

from netchip.errors import GraphError
from netchip.graph.onnx_extra import results
from netchip.graph.to_onnx import to_onnx, without_origins

pytest.importorskip("onnxscript", reason="onnxscript is not installed (pip install 'netchip[export]')")
pytest.importorskip("onnxruntime", reason="onnxruntime is not installed (pip install 'netchip[export]')")


def test_a_module_with_a_free_batch_computes_the_same() -> None:
    module, batch = nn.Sequential(nn.Linear(3, 2), nn.Tanh()), torch.export.Dim("batch", min=1)
    model = to_onnx(module, (torch.zeros(2, 3),), inputs=["x"], outputs=["y"], free=({0: batch},))
    assert {each.name for each in model.graph.initializer} == {"0.weight", "0.bias"}
    given = torch.randn(5, 3, generator=torch.Generator().manual_seed(0))
    [found] = results(model, {"x": given.numpy()}, ["y"])
    torch.testing.assert_close(torch.from_numpy(found), module(given).detach())
    before = len(model.SerializeToString())
    without_origins(model)
    assert len(model.SerializeToString()) < before
    assert torch.equal(torch.from_numpy(results(model, {"x": given.numpy()})[0]), torch.from_numpy(found))


def test_what_torch_cannot_export_is_refused() -> None:
    class Depends(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x if float(x.sum()) > 0 else -x

    with pytest.raises(
        GraphError, match=r"the network cannot be exported to ONNX \(.*\); see that torch.export takes it"
    ):
        to_onnx(Depends(), (torch.zeros(2),))

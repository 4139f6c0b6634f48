"""A model read from torch and the same model exported to ONNX are the same layers."""

import warnings
from pathlib import Path

import pytest
import torch
from torch import nn
from torch.nn import functional

from netchip.export.onnx_reading import read_onnx
from netchip.graph.to_workload import to_workload

pytest.importorskip("onnx", reason="onnx is not installed (pip install 'netchip[export]')")
pytest.importorskip("onnxscript", reason="onnxscript is not installed (pip install 'netchip[export]')")


class _Small(nn.Module):
    """Every kind of layer: strided, depthwise, transposed, dilated, linear, attention."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 3, stride=2, padding=1)
        self.depthwise = nn.Conv2d(8, 8, 3, padding=2, dilation=2, groups=8)
        self.up = nn.ConvTranspose2d(8, 6, 3, stride=2, padding=1, output_padding=1)
        self.queries, self.keys = nn.Linear(6, 4), nn.Linear(6, 4, bias=False)
        self.head = nn.Linear(6, 5)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        features = self.up(functional.relu(self.depthwise(self.stem(image))))
        tokens = features.flatten(2).transpose(1, 2)
        weights = (self.queries(tokens) @ self.keys(tokens).transpose(1, 2)).softmax(-1)
        return self.head((weights @ tokens).mean(1))


def test_the_exported_model_has_the_layers_of_the_module(tmp_path: Path) -> None:
    model, image = _Small().eval(), torch.zeros(2, 3, 9, 10)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(model, (image,), str(tmp_path / "net.onnx"), dynamo=True, verbose=False)
    expected, found = to_workload(model, image), read_onnx(tmp_path / "net.onnx")
    assert found.uncounted == ()
    assert [layer.shape for layer in found.layers] == [layer.shape for layer in expected.layers]
    places = [{layer.name: place for place, layer in enumerate(each.layers)} for each in (expected, found)]
    edges = [
        {(place[start], place[end]) for start, end in each.edges}
        for each, place in zip((expected, found), places, strict=True)
    ]
    assert edges[0] == edges[1]

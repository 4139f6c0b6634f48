"""A network becomes one ONNX file that computes the same, for any batch where the network allows it."""

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from netchip.errors import GraphError, RequestError
from netchip.export import onnx_writing
from netchip.export.onnx_reading import read_onnx
from netchip.export.onnx_writing import write_onnx
from netchip.graph.onnx_extra import results
from netchip.graph.to_onnx import to_onnx

pytest.importorskip("onnxscript", reason="onnxscript is not installed (pip install 'netchip[export]')")
pytest.importorskip("onnxruntime", reason="onnxruntime is not installed (pip install 'netchip[export]')")


def test_a_convolution_with_batchnorm_for_any_batch(tmp_path: Path) -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.Linear(144, 5))
    mean = model[1].running_mean
    checked = write_onnx(model, torch.randn(1, 3, 8, 8), tmp_path / "new" / "net.onnx")
    assert checked.difference <= 1e-5
    assert checked.how.startswith("any batch, ONNX Runtime ")
    assert model.training
    assert model[1].running_mean is mean
    assert not mean.any()
    images = torch.randn(7, 3, 8, 8)
    [found] = results(tmp_path / "new" / "net.onnx", {"input": images.numpy()})
    torch.testing.assert_close(torch.from_numpy(found), model.eval()(images).detach(), atol=1e-5, rtol=1e-4)
    assert read_onnx(tmp_path / "new" / "net.onnx", inputs={"input": (1, 3, 8, 8)}).macs == 4 * 36 * 27 + 144 * 5


class _Fixed(nn.Module):
    """Two inputs by name, two outputs, and a batch that cannot change."""

    def forward(self, left: Tensor, right: Tensor) -> dict[str, Tensor]:
        return {"sum": (left + right).reshape(2, 6), "more": left > right}


def test_inputs_by_name_and_sizes_that_are_fixed(tmp_path: Path) -> None:
    example = {"right": torch.zeros(4, 3), "left": torch.ones(4, 3)}
    checked = write_onnx(_Fixed(), example, tmp_path / "net.onnx")
    assert (checked.difference, checked.largest) == (0.0, 1.0)
    assert checked.how.startswith("of fixed sizes")


def test_a_file_that_computes_something_else_is_not_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def other(model: nn.Module, *call: Any, **more: Any) -> Any:
        return to_onnx(nn.Sequential(model, nn.Tanh()), *call, **more)

    monkeypatch.setattr(onnx_writing, "to_onnx", other)
    with pytest.raises(GraphError, match=r"net.onnx: differs from the source .*; nothing was written"):
        write_onnx(nn.Softplus(), torch.tensor(3.0), tmp_path / "net.onnx")
    assert not list(tmp_path.iterdir())


def test_weights_that_one_file_cannot_hold_are_refused(tmp_path: Path) -> None:
    with pytest.raises(
        RequestError, match=r"take 4.00 GiB, and one ONNX file holds less than 2 GiB; export it as torch-export"
    ):
        write_onnx(nn.Linear(2**15, 2**15, bias=False, device="meta"), torch.zeros(1, 2**15), tmp_path / "net.onnx")

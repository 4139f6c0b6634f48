"""A network's tensors as safetensors: under their names, byte for byte."""

from pathlib import Path

import pytest
import torch
from torch import nn

from netchip.errors import RunError
from netchip.export import weights
from netchip.export.weights import write_weights
from netchip.train.saving import load_state


def test_all_tensors_byte_for_byte(tmp_path: Path) -> None:
    model = nn.Sequential(nn.Linear(3, 3), nn.BatchNorm1d(3), nn.Linear(3, 3))
    model[2].weight = model[0].weight
    with torch.no_grad():
        model[0].bias[0], model[0].bias[1] = float("nan"), -0.0
    checked = write_weights(model, tmp_path / "net.safetensors")
    assert (checked.tensors, checked.bytes) == (9, (tmp_path / "net.safetensors").stat().st_size)
    assert "9 tensors" in checked.line()
    assert set(load_state(tmp_path / "net.safetensors")) == set(model.state_dict())


@pytest.mark.parametrize("wrong", [torch.tensor(-0.0), torch.tensor(0.0, dtype=torch.float64), torch.zeros(1), None])
def test_a_tensor_that_reads_back_differently_is_named(
    wrong: torch.Tensor | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = nn.Module()
    model.scale = nn.Parameter(torch.tensor(0.0))
    monkeypatch.setattr(weights, "load_state", lambda _: {} if wrong is None else {"scale": wrong})
    with pytest.raises(RunError, match="'scale' does not read back as it was written"):
        write_weights(model, tmp_path / "net.safetensors")

"""A network becomes a program of torch.export that computes the same when it is read again."""

from pathlib import Path

import pytest
import torch
from torch import nn

from netchip.errors import GraphError
from netchip.export import torch_program
from netchip.export.torch_program import write_program


def test_a_program_read_again_computes_the_same(tmp_path: Path) -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Dropout(0.5))
    images = torch.randn(2, 3, 8, 8)
    checked = write_program(model, images, tmp_path / "net.pt2")
    assert checked.difference <= 1e-6
    assert checked.how.startswith("of fixed sizes, read again by torch ")
    found = torch.export.load(tmp_path / "net.pt2").module()(images)
    torch.testing.assert_close(found, model.eval()(images))


def test_a_program_that_computes_something_else_is_not_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other = torch.export.export(nn.Sequential(nn.Linear(3, 2), nn.Tanh()), (torch.zeros(1, 3),))
    monkeypatch.setattr(torch_program.torch.export, "load", lambda _: other)
    with pytest.raises(GraphError, match=r"net.pt2: differs from the source .*; nothing was written"):
        write_program(nn.Linear(3, 2), torch.full((1, 3), 9.0), tmp_path / "net.pt2")
    assert not list(tmp_path.iterdir())

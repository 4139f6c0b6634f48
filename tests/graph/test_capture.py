"""Captured operations: their names, operands and origin."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from netchip.graph.capture import Captured, capture


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3, padding=1, padding_mode="circular", stride=2)
        self.norm, self.act = nn.BatchNorm2d(4), nn.ReLU(inplace=True)
        self.shared = nn.Conv2d(4, 4, 1)
        self.again = self.shared
        self.kernel = nn.Parameter(torch.zeros(4, 4, 1, 1))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.act(self.norm(self.conv(x)))
        x = self.act(self.again(self.shared(x)))
        return F.conv2d(x, self.kernel).mean((2, 3))


@pytest.fixture(scope="module")
def net() -> Captured:
    return capture(Net(), torch.zeros(2, 3, 8, 8))


def test_layers_have_the_models_own_names(net: Captured):
    assert [op.layer for op in net.ops] == [
        "conv.pad", "conv", "norm", "act", "shared", "shared#2", "act#2", "kernel", "mean",
    ]  # fmt: skip


def test_shared_modules_keep_all_their_names(net: Captured):
    assert net.by_layer["shared"].module_names == net.by_layer["shared#2"].module_names == ("shared", "again")
    assert net.by_layer["shared#2"].module == "shared"
    assert net.by_layer["conv"].module_names == ("conv",)


def test_shapes_and_attributes(net: Captured):
    conv = net.by_layer["conv"]
    assert conv.op == "aten.conv2d"
    assert (conv.input_shapes, conv.weight_shape, conv.output_shape) == (((2, 3, 10, 10),), (4, 3, 3, 3), (2, 4, 4, 4))
    assert conv.attributes["stride"] == (2, 2)
    assert conv.attributes["groups"] == 1
    assert net.by_layer["mean"].weight_shape is None


def test_inputs_name_the_producing_operations(net: Captured):
    assert net.by_layer["conv.pad"].inputs == ()
    assert net.by_layer["conv"].inputs == ("conv.pad",)
    assert net.by_layer["shared"].inputs == ("act",)
    assert net.by_layer["shared#2"].inputs == ("shared",)
    assert net.outputs == ("mean",)


def test_operands_know_their_parameters(net: Captured):
    weight = net.by_layer["shared"].operand("weight")
    assert weight is not None
    assert weight.parameters == ("shared.weight", "again.weight")
    assert not weight.from_input
    image = net.by_layer["conv.pad"].operands[0]
    assert image.from_input
    assert (image.dtype, image.shape) == ("float32", (2, 3, 8, 8))


def test_strict_and_non_strict_export_give_the_same_names(net: Captured, monkeypatch: pytest.MonkeyPatch):
    real = torch.export.export
    monkeypatch.setattr(torch.export, "export", lambda *args, strict, **kwargs: real(*args, strict=True, **kwargs))
    strictly = capture(Net(), torch.zeros(2, 3, 8, 8))
    assert [(op.layer, op.op, op.inputs) for op in strictly.ops] == [(op.layer, op.op, op.inputs) for op in net.ops]


def test_names_do_not_carry_wrappers():
    wrapped = nn.DataParallel(nn.Sequential(torch.compile(nn.Linear(4, 4)), nn.ReLU()))
    assert [op.layer for op in capture(wrapped, torch.zeros(1, 4)).ops] == ["0", "1"]


def test_a_model_that_is_one_layer():
    [op] = capture(nn.Linear(4, 2), torch.zeros(1, 4)).ops
    assert (op.layer, op.module, op.module_names) == ("linear", "", ("",))


def test_a_model_without_operations():
    assert capture(nn.Identity(), torch.zeros(1, 4)) == Captured(ops=(), outputs=())

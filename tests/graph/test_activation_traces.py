"""Statistics of what layers read: codes by hand, calls, tokens, sampling, and that the model stays as it was."""

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from netchip.errors import GraphError
from netchip.graph.activation_traces import activation_codes, activation_ranges, activation_traces
from netchip.graph.to_workload import to_workload
from netchip.workload.activation_statistics import activation_sparsity


class Twice(nn.Module):
    """One convolution that is called twice, then a linear layer on tokens."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 3, 3, padding=1)
        self.drop = nn.Dropout(0.5)
        self.fc = nn.Linear(3, 2)

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv(torch.relu(self.conv(x)))
        return self.fc(self.drop(x).flatten(2).transpose(1, 2))


@pytest.fixture
def images() -> Tensor:
    return torch.randn(4, 3, 8, 8, generator=torch.Generator().manual_seed(0))


def test_codes_of_a_relu_take_all_of_0_to_255_and_zero_stays_zero() -> None:
    codes = activation_codes(torch.tensor([0.0, 0.25, 1.0, 2.0]), (0.0, 1.0))
    assert codes.tolist() == [0, 64, 255, 255]


def test_codes_of_a_signed_range_have_the_zero_point_taken_off() -> None:
    # 255 steps over [-1, 4]: step 5 / 255, -1 is 51 steps below zero
    assert activation_codes(torch.tensor([-1.0, 0.0, 4.0, -9.0]), (-1.0, 4.0)).tolist() == [-51, 0, 204, -51]


def test_a_range_mostly_below_zero_stays_within_8_bits() -> None:
    assert activation_codes(torch.tensor([-4.0, 0.0, 1.0]), (-4.0, 1.0)).tolist() == [-127, 0, 32]


def test_a_range_of_zeros_gives_zeros() -> None:
    assert activation_codes(torch.zeros(3), (0.0, 0.0)).tolist() == [0, 0, 0]


def test_statistics_are_those_of_the_codes_over_all_batches(images: Tensor) -> None:
    model = nn.Sequential(nn.ReLU(), nn.Conv2d(3, 2, 3))
    found = activation_traces(model, [images[:2], images[2:]])
    step = float(images.max()) / 255
    codes = np.round(images.clamp(min=0).numpy().astype(np.float64) / step).astype(np.uint8)
    assert found == {"1": activation_sparsity(codes)}


def test_names_are_those_of_the_workload_and_each_call_counts_by_itself(images: Tensor) -> None:
    model = Twice().eval()
    found = activation_traces(model, [images])
    assert list(found) == [layer.name for layer in to_workload(model, images[:1]).layers] == ["conv", "conv#2", "fc"]
    assert found["conv"].zero_share < 0.1 < found["conv#2"].zero_share
    assert found["fc"].elements == 4 * 64 * 3
    assert found["fc"].rows == 4 * 3  # a row is a feature of all tokens of an image


def test_only_the_layers_asked_for_and_their_rows(images: Tensor) -> None:
    found = activation_traces(Twice(), [images], layers=["fc"], channels_in_row={"fc": 3})
    assert list(found) == ["fc"]
    assert found["fc"].rows == 4
    assert list(activation_traces(Twice(), [images], layers=["conv#2"])) == ["conv#2"]


def test_large_inputs_are_counted_on_some_images(images: Tensor) -> None:
    model = nn.Sequential(nn.Conv2d(3, 2, 3))
    assert activation_traces(model, [images], most_values=400)["0"].elements == 2 * 192
    assert activation_traces(model, [images], most_values=1)["0"].elements == 192


def test_the_model_is_left_as_it_was(images: Tensor) -> None:
    model = Twice().train()
    model.conv.eval()
    activation_traces(model, [images])
    assert [module.training for module in (model, model.drop, model.conv)] == [True, True, False]
    assert not model.conv._forward_pre_hooks
    with pytest.raises(RuntimeError):
        activation_traces(model, [images[:, :2]])
    assert not model.conv._forward_pre_hooks


def test_ranges_are_those_of_all_batches_and_may_be_given(images: Tensor) -> None:
    model = nn.Sequential(nn.Conv2d(3, 2, 3))
    found = activation_ranges(model, [images[:2], images[2:]])
    assert found["0"] == pytest.approx((float(images.min()), float(images.max())))
    clipped = activation_traces(model, [images], ranges={"0": (0.0, 1.0)})
    assert clipped["0"].zero_share == pytest.approx(float((images * 255 <= 0.5).float().mean()))


def test_half_precision_and_keyword_inputs(images: Tensor) -> None:
    class Named(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.fc = nn.Linear(8, 2).bfloat16()

        def forward(self, x: Tensor) -> Tensor:
            return self.fc(input=x)

    assert activation_traces(Named(), [{"x": images.bfloat16()}])["fc"].elements == images.numel()


def test_what_cannot_be_traced_is_said(images: Tensor) -> None:
    model = nn.Sequential(nn.Conv2d(3, 2, 3))
    with pytest.raises(GraphError, match="no batches"):
        activation_traces(model, [])
    with pytest.raises(GraphError, match="'1' is no convolution or linear layer of this network; it has 0"):
        activation_traces(model, [images], layers=["1"])
    with pytest.raises(GraphError, match="inputs of 0 hold NaN"):
        activation_traces(model, [images * float("nan")])
    with pytest.raises(GraphError, match="no range was given for the inputs of 0"):
        activation_traces(model, [images], ranges={})

"""A twin computes with the original's tensors, whatever happens to them."""

import copy

import torch
from torch import nn

from netchip.methods.fractional_skipping.blocks.twins import twin


class _Doubled(nn.Module):
    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self._held = (layer,)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return 2 * self._held[0](x)


def test_shares_all_but_what_is_replaced() -> None:
    model = nn.Sequential(nn.Sequential(nn.Linear(2, 2), nn.ReLU()), nn.BatchNorm1d(2)).eval()
    inner = model[0][0]  # pyright: ignore
    other = twin(model, {inner: _Doubled(inner)})
    assert other is not model
    assert other[1] is model[1]  # pyright: ignore
    assert twin(model, {}) is model
    x = torch.randn(3, 2)
    assert torch.allclose(other(x), model[1](torch.relu(2 * inner(x))))  # pyright: ignore
    assert [name for name, _ in model.named_parameters()] == ["0.0.weight", "0.0.bias", "1.weight", "1.bias"]


def test_follows_moves_loads_and_copies() -> None:
    model = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2)).eval()
    holder = nn.Module()
    holder.model = model
    holder._held = (twin(model, {model[0]: _Doubled(model[0])}),)  # pyright: ignore
    copied = copy.deepcopy(holder).double()
    other = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2)).double()
    copied.load_state_dict({f"model.{name}": 2 * each + 1 for name, each in other.state_dict().items()})
    x = torch.randn(3, 2, dtype=torch.float64)
    first, second = copied.model  # pyright: ignore
    assert torch.allclose(copied._held[0](x), second(2 * first(x)))  # pyright: ignore

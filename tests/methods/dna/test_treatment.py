"""What a network of one's own would get."""

import torch
from torch import nn

from netchip.methods import find_method


def test_layers_that_engines_run_are_named_with_their_channels() -> None:
    network = nn.Sequential(
        nn.Conv2d(3, 8, 3), nn.ReLU(), nn.Conv2d(8, 8, 3, groups=8), nn.Flatten(), nn.Linear(128, 5)
    )
    found = find_method("dna").treatment(network, torch.zeros(2, 3, 8, 8))
    assert found.treats == ("0", "2", "4")
    assert found.channels == 8 + 8 + 5
    assert "mode 'accelerator' finds the hardware for it" in found.why_not


def test_a_product_of_activations_is_named_as_the_reason() -> None:
    class Attention(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x @ x.transpose(1, 2)

    found = find_method("dna").treatment(Attention(), torch.zeros(1, 4, 6))
    assert found.treats == ()
    assert "a product of two activations, which no engine of this template runs" in found.why_not


def test_what_is_not_counted_is_named_and_no_warning() -> None:
    class Mixed(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer, self.head = nn.Linear(4, 6), nn.LSTM(6, 3)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.head(self.layer(x))[0]

    found = find_method("dna").treatment(Mixed(), torch.zeros(2, 5, 4))
    assert found.treats == ("layer",)
    assert "not counted, and on no engine: head" in found.why_not

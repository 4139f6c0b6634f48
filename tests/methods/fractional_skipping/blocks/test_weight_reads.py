"""Layers whose weights are used without a call are found, and a block that holds one is refused few bits, not skipping."""

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import linear

from netchip.errors import ConfigError
from netchip.methods.fractional_skipping.blocks.weight_reads import watching
from netchip.methods.fractional_skipping.network import make_fractional


class Block(nn.Module):
    """One layer is called, one is read as EVA's attention does, one is not used at all."""

    def __init__(self) -> None:
        super().__init__()
        self.called, self.read, self.unused = nn.Linear(4, 4), nn.Linear(4, 4), nn.Linear(4, 4)

    def forward(self, x: Tensor) -> Tensor:
        return x + linear(self.called(x), weight=self.read.weight)


def test_only_what_is_read_and_not_called() -> None:
    block = Block()
    with watching([block]) as reads:
        block(torch.zeros(2, 4))
    assert reads.of(block) == ("read",)
    assert not block.called._forward_hooks


@pytest.mark.parametrize(
    ("blocks", "layer"),
    [
        ([Block(), Block()], "read"),
        ([nn.TransformerEncoderLayer(4, 2, 8, batch_first=True) for _ in range(2)], "self_attn.out_proj"),
    ],
)
def test_such_a_block_is_skipped_but_runs_at_no_few_bits(blocks: list[nn.Module], layer: str) -> None:
    torch.manual_seed(0)
    model, x = nn.Sequential(*blocks), torch.randn(3, 5, 4)
    with pytest.raises(
        ConfigError,
        match=rf"block '1' computes with the weight of '{layer}' and does not call it .* at 4 bits; gate it with",
    ):
        make_fractional(model, "skip, 4, full", example=x)
    network = make_fractional(model, "skip, full", example=x)
    assert network(x).shape == x.shape

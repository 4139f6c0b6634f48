"""A whole network rounded: which weights, tied ones, and bytes that equal those of the file."""

from pathlib import Path

import pytest
import torch
from torch import nn

from netchip.errors import ConfigError
from netchip.methods.smart_exchange.baselines.file import read_rounded, write_rounded
from netchip.methods.smart_exchange.baselines.model import dense_rest, quantize_model, quantized_weights, stored_bytes
from netchip.methods.smart_exchange.baselines.quantized import quantize
from netchip.methods.smart_exchange.baselines.scheme import INT4


class Tied(nn.Module):
    """Layers of every kind; the embedding's weight is the last layer's."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(10, 70)
        self.body = nn.Sequential(
            nn.Conv1d(1, 6, 3, groups=1),
            nn.BatchNorm1d(6),
            nn.ConvTranspose1d(6, 4, 5, groups=2),
            nn.Flatten(),
            nn.Linear(288, 70),
        )
        self.head = nn.Linear(70, 10, bias=False)
        self.head.weight = self.embedding.weight

    def forward(self, words: torch.Tensor) -> torch.Tensor:
        return self.head(self.body(self.embedding(words)[:, None]))


@pytest.fixture
def model() -> Tied:
    torch.manual_seed(0)
    return Tied().eval()


def test_every_weight_is_rounded_in_a_copy(model: Tied) -> None:
    before = {name: value.clone() for name, value in model.state_dict().items()}
    rounded, sizes = quantize_model(model, "int4-g64")
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert isinstance(rounded, Tied)
    assert rounded.head.weight is rounded.embedding.weight
    assert torch.equal(rounded.head.weight, quantize(before["head.weight"], INT4).weight())
    transposed = quantize(before["body.2.weight"], INT4, transposed_groups=2).weight()
    assert torch.equal(rounded.get_parameter("body.2.weight"), transposed)
    weights = 700 + 18 + 60 + 20160
    groups = 10 * 2 + 6 + 4 + 70 * 5
    assert sizes == {"codes": weights // 2, "scales": 2 * groups, "dense": 4 * (6 + 4 * 6 + 4 + 70) + 8}
    assert rounded(torch.tensor([1])).shape == (1, 10)


def test_what_is_skipped_stays(model: Tied) -> None:
    rounded, sizes = quantize_model(model, "int8", skip=("body.*", "embedding"))
    assert all(torch.equal(value, model.state_dict()[name]) for name, value in rounded.state_dict().items())
    assert sizes["dense"] == 4 * (700 + 18 + 60 + 20160 + 6 + 24 + 4 + 70) + 8
    with pytest.raises(ConfigError, match="the pattern 'bodi' fits no weight of this network; did you mean 'body"):
        quantize_model(model, "int8", skip=("bodi",))


@pytest.mark.parametrize("scheme", ["int8", "int4-g64", "int3-g64", "int4-g64-affine"])
def test_the_file_has_the_bytes_that_are_counted_and_the_weights_that_were_computed_with(
    model: Tied, scheme: str, tmp_path: Path
) -> None:
    quantized = quantized_weights(model, scheme)
    dense = dense_rest(model, quantized)
    size = write_rounded(tmp_path / "model", quantized, dense)
    content = (tmp_path / "model").read_bytes()
    header = 8 + int.from_bytes(content[:8], "little")
    assert size == len(content) == header + sum(stored_bytes(quantized, dense).values())
    rounded, sizes = quantize_model(model, scheme)
    assert sizes == stored_bytes(quantized, dense)
    state = read_rounded(tmp_path / "model").state_dict()
    assert set(state) == set(rounded.state_dict()) - {"head.weight"}
    assert all(torch.equal(value, rounded.state_dict()[name]) for name, value in state.items())


def test_weights_that_are_no_numbers_are_named(model: Tied) -> None:
    with torch.no_grad():
        model.get_parameter("body.4.weight")[0, 0] = torch.nan
    with pytest.raises(ConfigError, match=r"body.4.weight: 1 of 20160 values are NaN or infinite"):
        quantize_model(model, "int8")

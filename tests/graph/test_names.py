"""Names of operations."""

import pytest
from torch import nn
from torch.nn.utils import parametrizations

from netchip.graph.names import LayerNames


class Own(nn.Module):
    """A layer of the user's own, with a weight."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(nn.Linear(2, 2).weight.detach())


@pytest.fixture
def names() -> LayerNames:
    model = nn.ModuleDict(
        {
            "fc": nn.Linear(2, 2),
            "norm": parametrizations.weight_norm(nn.Linear(2, 2)),
            "act": nn.ReLU(),
            "attn": nn.MultiheadAttention(2, 1),
            "own": Own(),
        }
    )
    model["twin"] = model["fc"]
    return LayerNames(model)


@pytest.mark.parametrize(
    ("path", "operator", "parameters", "expected"),
    [
        ("fc", "linear", ("fc.weight",), "fc"),
        ("twin", "linear", ("fc.weight", "twin.weight"), "fc"),
        ("fc", "pad", (), "fc.pad"),
        ("act", "relu", (), "act"),
        ("norm", "linear", ("norm.parametrizations.weight.original0",), "norm"),
        ("attn", "linear", ("attn.in_proj_weight",), "attn.in_proj"),
        ("attn", "linear", ("attn.out_proj.weight",), "attn.out_proj"),
        ("attn", "bmm", (), "attn.bmm"),
        ("own", "linear", ("own.weight",), "own"),
        ("own", "add", (), "own.add"),
        ("", "conv2d", ("kernel",), "kernel"),
        ("", "conv2d", ("own.parametrizations.weight.original",), "own"),
        ("", "add", (), "add"),
        ("gone", "add", (), "gone.add"),
    ],
)
def test_base_names(names: LayerNames, path: str, operator: str, parameters: tuple[str, ...], expected: str):
    assert names.base(path, operator, parameters) == expected


def test_repeats_are_numbered(names: LayerNames):
    assert [names.unique(base) for base in ("fc", "act", "fc", "fc")] == ["fc", "act", "fc#2", "fc#3"]


def test_all_names_of_a_module(names: LayerNames):
    assert names.all_names("twin") == ("fc", "twin")
    assert names.all_names("gone") == ("gone",)


def test_a_model_that_is_one_layer_takes_the_operators_name():
    assert LayerNames(nn.Linear(2, 2)).base("", "linear", ("weight",)) == "linear"

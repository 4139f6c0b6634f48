"""The traced copy: ends and layer entries are marked, and each result of an operation is a node of its own."""

from dataclasses import dataclass

import pytest
import torch
from torch import nn

from netchip.errors import GraphError
from netchip.graph.tracing import call, map_tensors, quiet_copy, tensors_of, trace


def test_nodes_of_a_small_network():
    model = nn.Sequential(nn.Conv2d(3, 4, 1), nn.ReLU())
    found = trace(model, torch.randn(2, 3, 5, 5))
    assert [node.end for node in found.nodes if node.end] == ["output", "input"]
    (layer,) = [node for node in found.nodes if node.layer is not None]
    assert layer.shape == (2, 4, 5, 5)
    assert layer.layer is found.model[0]
    assert layer.layer is not model[0]
    assert layer.inputs == []
    (entry,) = [node for node in found.nodes if node.enters is found.model[0]]
    assert entry.inputs[0].source.end == "input"
    assert entry.outputs == []


def test_each_half_of_a_split_is_its_own_node():
    class Halves(nn.Module):
        def forward(self, x):
            one, other = x.chunk(2, 1)
            return one * other.sigmoid()

    nodes = trace(Halves(), torch.randn(2, 6, 3)).nodes
    halves = [node for node in nodes if "Split" in type(node.grad_fn).__name__]
    assert sorted(node.output for node in halves) == [0, 1]
    by_number = {node.output: type(node.outputs[0].target.grad_fn).__name__ for node in halves}
    assert "Mul" in by_number[0]
    assert "Sigmoid" in by_number[1]


def test_a_layer_called_twice_feeds_both_readers():
    class Twice(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = nn.Linear(4, 4)

        def forward(self, x):
            return self.layer(torch.relu(self.layer(x)))

    nodes = trace(Twice(), torch.randn(2, 4)).nodes
    (layer,) = [node for node in nodes if node.layer is not None]
    assert len([node for node in nodes if node.enters is layer.layer]) == 2
    assert len(layer.outputs) == 2


def test_models_that_cannot_be_copied_are_refused():
    model = nn.Linear(2, 2)
    model.cached = model(torch.randn(1, 2))
    with pytest.raises(GraphError, match="Linear cannot be copied, which tracing needs"):
        quiet_copy(model)


def test_nests_of_tensors():
    @dataclass
    class Output:
        first: torch.Tensor
        rest: tuple

    one, two, three = torch.zeros(1), torch.ones(1), torch.full((1,), 2.0)
    assert [float(t) for t in tensors_of(Output(one, ({"a": two}, [three], None)))] == [0.0, 1.0, 2.0]
    assert map_tensors({"a": (one, 3)}, lambda t: t + 1) == {"a": (torch.ones(1), 3)}
    assert call(nn.Linear(1, 1), {"input": one}).shape == (1,)
    assert call(nn.Bilinear(1, 1, 1), (one, two)).shape == (1,)

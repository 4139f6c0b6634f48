"""Channels followed through a network: the units and bans, and torch-pruning's own groups as an independent reading."""

import torch
import torch_pruning
from torch import nn

from netchip.graph.closure import coupled_units
from netchip.graph.tracing import trace


def _names(found):
    return {module: name for name, module in found.model.named_modules()}


def test_units_of_a_shortcut(network):
    model, example = network("resnext")
    found = trace(model, example)
    names = _names(found)
    units = [
        {(names[m], axis): p for (m, axis), p in unit.positions.items()}
        for unit in coupled_units(found)
        if not unit.ban
    ]
    third = next(unit for unit in units if unit.get(("stem.0", "out")) == (3,))
    read, made, passed = ("a.0", "fc"), ("stem.0", "c.0"), ("stem.1", "c.1")
    places = [*((n, "in") for n in read), *((n, "out") for n in made), *((n, "channels") for n in passed)]
    assert third == dict.fromkeys(places, (3,))


def test_bans_say_what_reaches_an_end(network):
    found = trace(*network("two inputs, mean"))
    names = _names(found)
    bans = {names[m]: unit.ban for unit in coupled_units(found) for m, axis in unit.positions if axis == "out"}
    assert bans["h"].reason == "reach the model's output"
    assert not bans["h"].inexact
    assert bans["a"].inexact


def test_an_unused_input_is_no_constraint_and_a_residual_on_the_input_is():
    class OnInput(nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.b = nn.Conv2d(3, 3, 1), nn.Conv2d(3, 2, 1)

        def forward(self, x):
            return self.b(torch.relu(x + self.a(x)))

    found = trace(OnInput(), torch.randn(1, 3, 4, 4))
    names = _names(found)
    bans = {names[m]: u.ban.reason for u in coupled_units(found) if u.ban for m, axis in u.positions if axis == "out"}
    assert bans == {"a": "hold the model's input", "b": "reach the model's output"}


def test_torch_pruning_finds_the_same_groups_on_plain_networks(network):
    """Channel by channel, on a network without the cases in which its merged groups lose channels."""
    for name in ("resnext", "efficientnet"):
        model, example = network(name)
        if name == "resnext":
            model.b[0] = nn.Conv2d(12, 12, 3, padding=1)
        graph = torch_pruning.DependencyGraph().build_dependency(model, example, verbose=False)
        found = trace(model, example)
        names, theirs = _names(found), {module: key for key, module in model.named_modules()}
        for unit in coupled_units(found):
            ours = {names[m] for m, _ in unit.positions}
            root = next((m, p) for (m, axis), p in unit.positions.items() if axis == "out")
            layer = model.get_submodule(names[root[0]])
            group = graph.get_pruning_group(layer, graph.get_pruner_of_module(layer).prune_out_channels, list(root[1]))
            assert ours == {theirs[item.dep.target.module] for item in group.items if item.dep.target.module in theirs}

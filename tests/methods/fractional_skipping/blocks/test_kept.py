"""Computed once, again after a change, and never where a gradient is wanted."""

import copy

import torch

from netchip.methods.fractional_skipping.blocks.kept import Kept, may_keep


def test_computed_once_until_a_source_changes() -> None:
    kept, source, calls = Kept(), torch.ones(2), []

    def compute() -> int:
        calls.append(1)
        return len(calls)

    assert [kept.get("a", [source], compute) for _ in range(3)] == [1, 1, 1]
    source.add_(1)
    assert kept.get("a", [source], compute) == 2
    assert kept.get("a", [source.clone()], compute) == 3, "another tensor"
    assert kept.get("b", [source], compute) == 4
    kept.clear()
    assert kept.get("b", [source], compute) == 5
    assert copy.deepcopy(kept).get("b", [source], compute) == 6, "a copy starts empty"
    with torch.inference_mode():
        assert kept.get("c", [torch.ones(1)], compute) == 7


def test_only_without_gradients() -> None:
    assert not may_keep()
    with torch.no_grad():
        assert may_keep()

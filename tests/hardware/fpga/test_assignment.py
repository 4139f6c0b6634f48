"""Layers to chunks: the released rule, and contiguous partitions against trying them all."""

import itertools
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netchip.errors import RequestError
from netchip.hardware.fpga.assignment import Assignment, by_map_size, contiguous
from netchip.hardware.fpga.layer_table import LayerTable
from netchip.workload.layer import Layer


def test_the_released_rule(conv: Callable[..., Layer]) -> None:
    layers = [
        conv("a", in_size=(32, 32)),
        conv("b", in_size=(16, 16), in_channels=4, out_channels=4, groups=4),
        conv("c", in_size=(8, 8)),
        conv("d", in_size=(16, 16), stride=(2, 2), in_channels=4, out_channels=4, groups=4),
    ]
    found = by_map_size(LayerTable.of(layers))
    assert found.names == ("conv >= 16", "conv < 16", "depthwise >= 16", "depthwise < 16")
    assert found.chunk == (0, 2, 1, 3)
    assert found.layers_of(1) == (2,)
    assert by_map_size(LayerTable.of(layers), (32, 16)).chunk == (0, 4, 2, 5)


@settings(max_examples=80, deadline=None)
@given(st.integers(1, 3), st.integers(1, 6), st.integers(0, 10_000))
def test_contiguous_is_the_best_of_all(count: int, length: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    cycles = random.integers(0, 20, (count, length)).astype(float)
    cycles[random.random(cycles.shape) < 0.15] = np.inf

    def slowest(chunks: tuple[int, ...]) -> float:
        return max(sum(cycles[place, i] for i, each in enumerate(chunks) if each == place) for place in range(count))

    best = min(map(slowest, itertools.combinations_with_replacement(range(count), length)))
    names = [f"c{place}" for place in range(count)]
    if np.isinf(best):
        with pytest.raises(RequestError, match=r"runs on no chunk|no contiguous partition runs every layer"):
            contiguous(cycles, names)
    else:
        found = contiguous(cycles, names)
        assert slowest(found.chunk) == best
        assert list(found.chunk) == sorted(found.chunk)


def test_one_layer_takes_the_quickest_chunk() -> None:
    assert contiguous(np.array([[5.0], [3.0]]), ["a", "b"]).chunk == (1,)


def test_what_cannot_be_is_refused(conv: Callable[..., Layer]) -> None:
    with pytest.raises(RequestError, match="layer 1 runs on no chunk; give one of them an engine"):
        contiguous(np.array([[1.0, np.inf]]), ["a"])
    with pytest.raises(RequestError, match="2 names for 1 chunks"):
        contiguous(np.array([[1.0]]), ["a", "b"])
    with pytest.raises(RequestError, match=r"bounds = \[8, 16\]: give map heights that fall"):
        by_map_size(LayerTable.of([conv()]), (8, 16))
    with pytest.raises(RequestError, match="layer 0 goes to chunk 2; there are 0 to 1"):
        Assignment(("a", "b"), (2,))

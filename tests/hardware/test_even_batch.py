"""Even mappings as factors cost what the same mappings cost as lists of loops."""

from dataclasses import fields, replace
from typing import Any

import array_api_compat.numpy as xp
import numpy as np
import pytest

from netchip.errors import RequestError
from netchip.hardware.accelerator import Accelerator
from netchip.hardware.conventions import DEFAULT, PRESETS, Conventions
from netchip.hardware.cost import Latency, evaluate
from netchip.hardware.costs import Costs
from netchip.hardware.dimensions import DIMS
from netchip.hardware.even_batch import EvenBatch
from netchip.workload.layer import Layer
from netchip.workload.shape import LayerShape

LEVELS = (0, 0, 1, 2)
LAYERS = (
    Layer(
        "conv", LayerShape.conv(in_channels=6, out_channels=8, in_size=(9, 13), kernel=(3, 3), stride=(2, 2), batch=2)
    ),
    Layer(
        "grouped",
        LayerShape.conv(in_channels=12, out_channels=8, in_size=(8, 8), kernel=(3, 3), padding=(1, 1), groups=2),
    ),
)


def random_batch(layer: LayerShape, chip: Accelerator, count: int, seed: int) -> EvenBatch:
    """Prime factors of each bound dealt to levels and array dimensions, in a random order."""
    random = np.random.default_rng(seed)
    factor = np.ones((len(set(LEVELS)), len(DIMS), count))
    spatial = np.ones((len(chip.array), len(DIMS), count))
    for index, dim in enumerate(DIMS):
        for prime in _primes(layer.loop_bounds[dim]):
            where = random.integers(len(factor) + len(spatial), size=count)
            for place in range(count):
                target, row = (
                    (factor, where[place]) if where[place] < len(factor) else (spatial, where[place] - len(factor))
                )
                used = spatial[row, :, place].prod() * prime if target is spatial else 0
                if target is spatial and used > list(chip.array.values())[row]:
                    target, row = factor, 0
                target[row, index, place] *= prime
    order = np.argsort(random.random(factor.shape), axis=1).astype(float)
    return EvenBatch(levels=LEVELS, factor=factor, place=order, spatial=spatial, layer=np.zeros(1, dtype=int))


def _primes(number: int) -> list[int]:
    found, prime = [], 2
    while number > 1:
        while number % prime == 0:
            found, number = [*found, prime], number // prime
        prime += 1
    return found


def all_numbers(costs: Costs) -> dict[Any, Any]:
    found: dict[Any, Any] = {}
    for field in fields(Costs):
        value = getattr(costs, field.name)
        found |= (
            {(field.name, key): each for key, each in value.items()} if hasattr(value, "items") else {field.name: value}
        )
    return found


@pytest.mark.parametrize("conventions", PRESETS.values(), ids=lambda each: each.name)
@pytest.mark.parametrize("latency", ["bound", "stalls"])
@pytest.mark.parametrize("layer", LAYERS, ids=lambda layer: layer.name)
def test_factors_and_loops_give_the_same_numbers(
    roomy: Accelerator, layer: Layer, latency: Latency, conventions: Conventions
) -> None:
    even = random_batch(layer.shape, roomy, 150, seed=1)
    loops = even.as_loops(roomy, xp)
    first = all_numbers(evaluate([layer], roomy, even, conventions=conventions, latency=latency, xp=xp))
    second = all_numbers(evaluate([layer], roomy, loops, conventions=conventions, latency=latency, xp=xp))
    assert first.keys() == second.keys()
    for key, value in first.items():
        np.testing.assert_allclose(value, second[key], rtol=1e-12, err_msg=str(key))


def test_an_order_matters(roomy: Accelerator) -> None:
    even = random_batch(LAYERS[0].shape, roomy, 150, seed=1)
    turned = replace(even, place=-even.place)
    one, other = (evaluate([LAYERS[0]], roomy, each, xp=xp).energy_pj for each in (even, turned))
    assert np.mean(one == other) < 0.5


def test_a_row_reads_in_the_order_of_its_places(roomy: Accelerator) -> None:
    factor, place = np.ones((3, 8, 2)), np.arange(8.0)[None, :, None] * np.ones((3, 8, 2))
    factor[0, 2, 1], factor[1, 3, 1], factor[1, 4, 1], factor[2, 0, 1] = 4, 3, 5, 2
    place[1, 3, 1] = 9.0
    batch = EvenBatch(
        levels=LEVELS, factor=factor, place=place, spatial=np.ones((2, 8, 1)), layer=np.zeros(1, dtype=int)
    )
    assert str(batch.row(1, roomy, xp)).splitlines() == [
        "B 2: W=dram I=dram O=dram",
        "C 3: W=buffer I=buffer O=buffer",
        "OY 5: W=buffer I=buffer O=buffer",
        "K 4: W=reg_w I=buffer O=reg_o",
    ]
    assert len(batch) == 2


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("factor", np.zeros((3, 8, 1)), r"factor of mapping 0 is not possible; give steps of at least 1"),
        ("factor", np.ones((3, 7, 1)), r"factor has the shape \[3, 7, 1\]; give \[3, 8, any\]"),
        ("place", np.ones((2, 8, 1)), r"place has the shape \[2, 8, 1\]; give \[3, 8, any\]"),
        ("levels", (0, 0, 1, 1), r"levels = \[0, 0, 1, 1\]: factor has 3 levels, so use each of 0 to 2"),
        ("spatial", np.full((2, 8, 1), 0.5), r"spatial of mapping 0 is not possible"),
        ("layer", np.array([-1]), r"layer of mapping 0 is not possible"),
        ("layer", np.zeros(3, dtype=int), r"the arrays hold \[2, 3\] mappings"),
    ],
)
def test_what_is_refused_at_birth(name: str, value: Any, message: str) -> None:
    arrays: dict[str, Any] = {
        "levels": LEVELS,
        "factor": np.ones((3, 8, 2)),
        "place": np.ones((3, 8, 1)),
        "spatial": np.ones((2, 8, 1)),
        "layer": np.zeros(1, dtype=int),
    }
    with pytest.raises(RequestError, match=message):
        EvenBatch(**arrays | {name: value})


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"levels": (0, 1, 2)}, r"levels has 3 memories, but tiny has 4; make the mappings for this accelerator"),
        ({"levels": (1, 0, 0, 2)}, r"levels puts 'buffer' below 'reg_w', which it fills; give it a level above"),
        ({"levels": (0, 1, 2, 2), "place": np.zeros((3, 8, 1))}, r"place of mapping 0 has one number twice at level 2"),
    ],
)
def test_levels_that_do_not_suit_the_accelerator_are_refused(
    roomy: Accelerator, changes: dict[str, Any], message: str
) -> None:
    factor = np.ones((3, 8, 1))
    factor[2, 2], factor[2, 3] = 8, 6
    arrays = {
        "levels": LEVELS,
        "factor": factor,
        "place": np.arange(8.0)[None, :, None] * np.ones((3, 1, 1)),
        "spatial": np.ones((2, 8, 1)),
    }
    layer = Layer("fc", LayerShape.linear(in_features=6, out_features=8))
    batch = EvenBatch(**{**arrays, "layer": np.zeros(1, dtype=int), **changes})
    with pytest.raises(RequestError, match=message):
        evaluate([layer], roomy, batch, conventions=DEFAULT, xp=xp)

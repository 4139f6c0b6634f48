"""One size for all weights: met on what is really packed, by the cheapest rows, or refused with the nearest."""

from collections.abc import Mapping

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from netchip.errors import BudgetError, ConfigError
from netchip.methods.smart_exchange.decomposition.choosing import tiling_for
from netchip.methods.smart_exchange.decomposition.decompose import Settings, decompose
from netchip.methods.smart_exchange.decomposition.ladder import Ladder, ladder_of
from netchip.methods.smart_exchange.decomposition.sparsity import without_share
from netchip.methods.smart_exchange.decomposition.target import parse_target
from netchip.methods.smart_exchange.decomposition.targets import Rest, choose, meet, size_of
from netchip.methods.smart_exchange.decomposition.tiling import Tiling
from netchip.methods.smart_exchange.packing.packed import pack
from netchip.methods.smart_exchange.packing.sizes import Counts, predicted_size

QUICK = Settings(iterations=5)


def gaussian(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def network() -> tuple[dict[str, Tensor], dict[str, Tiling]]:
    """Three weights: even rows, rows of very different size, and a linear one."""
    uneven = gaussian(32, 32, 3, 3, seed=1) * torch.logspace(0, -3, 32).reshape(1, 32, 1, 1)
    weights = {"even": gaussian(32, 32, 3, 3), "uneven": uneven, "linear": gaussian(40, 64, seed=2)}
    return weights, {name: tiling_for(weight.shape) for name, weight in weights.items()}


def hand(name: str, bits: list[int], errors: list[float]) -> Ladder:
    """A ladder with figures by hand; its rows are a tenth of its bits."""
    shares, sizes = np.linspace(0, 0.9, len(bits)), np.array(bits)
    return Ladder(name, 100, bits[0] // 10, shares, sizes // 10, sizes, np.array(errors))


# The choice among ladders.


def test_the_cheapest_steps_are_taken_first() -> None:
    cheap, dear = hand("cheap", [1000, 500, 100], [0.0, 0.1, 0.3]), hand("dear", [1000, 500, 100], [0.0, 1.0, 2.0])
    for allowed, wanted in (
        (2000, (0, 0)),
        (1999, (0.45, 0)),
        (1500, (0.45, 0)),
        (1499, (0.9, 0)),
        (1099, (0.9, 0.45)),
    ):
        found = choose([cheap, dear], parse_target("9x"), allowance=allowed)
        assert tuple(found.shares.values()) == wanted
        assert found.predicted <= allowed


def test_a_rung_above_the_hull_is_passed_over_unless_it_is_enough() -> None:
    """The middle rung is a bad bargain: it is not what decides the order."""
    bump, plain = hand("bump", [1000, 900, 100], [0.0, 0.5, 0.6]), hand("plain", [1000, 900, 100], [0.0, 0.2, 1.8])
    found = choose([bump, plain], parse_target("9x"), allowance=1100)
    assert tuple(found.shares.values()) == (0.9, 0.0)


@given(st.lists(st.lists(st.integers(1, 100), min_size=2, max_size=5), min_size=1, max_size=3), st.floats(0.05, 1.0))
@settings(max_examples=100, deadline=None)
def test_the_greedy_choice_fits_and_nearly_is_the_best_there_is(steps: list[list[int]], part: float) -> None:
    """Against all choices: never better than the best, and its error is at most one hull step above."""
    ladders = []
    for index, saved in enumerate(steps):
        bits = np.cumsum([1, *saved])[::-1]
        ladders.append(
            hand(str(index), bits.tolist(), np.cumsum([0, *[1.0 + (7 * each) % 5 for each in saved]]).tolist())
        )
    least, most = sum(int(each.bits[-1]) for each in ladders), sum(int(each.bits[0]) for each in ladders)
    allowed = least + part * (most - least)
    found = choose(ladders, parse_target("9x"), allowance=allowed)
    assert found.predicted <= allowed
    error = sum(float(each.errors[each.shares.tolist().index(found.shares[each.name])]) for each in ladders)
    grids = np.meshgrid(*[np.arange(len(each.bits)) for each in ladders], indexing="ij")
    sizes = sum(each.bits[grid] for each, grid in zip(ladders, grids, strict=True))
    errors = sum(each.errors[grid] for each, grid in zip(ladders, grids, strict=True))
    best = float(errors[sizes <= allowed].min())
    assert best <= error + 1e-9
    assert error <= best + max(float(each.errors[-1]) for each in ladders)


def test_what_cannot_be_reached_is_refused_with_the_nearest() -> None:
    ladders = [hand("one", [1000, 800], [0.0, 0.1]), hand("two", [1000, 600], [0.0, 0.1])]
    with pytest.raises(BudgetError, match=r"target 5x cannot be reached: the nearest is 4\.57x"):
        choose(ladders, parse_target("5x"))
    with pytest.raises(BudgetError, match=r"target 10% rows cannot be reached: the nearest is 70\.0% rows"):
        choose(ladders, parse_target("10% rows"))
    with pytest.raises(ConfigError, match="no weight to choose rows of"):
        choose([], parse_target("5x"))


def test_what_is_stored_beside_counts() -> None:
    ladder = hand("one", [1000, 800, 500], [0.0, 0.1, 0.2])
    assert choose([ladder], parse_target("3.2x")).shares == {"one": 0.0}
    assert choose([ladder], parse_target("3.2x"), Rest(weights=0, bits=300)).shares == {"one": 0.9}


# A ladder.


def test_the_first_rung_is_the_dense_decomposition_and_bits_fall() -> None:
    weights, tilings = network()
    ladder = ladder_of("uneven", weights["uneven"], tilings["uneven"], settings=QUICK)
    dense = decompose(weights["uneven"], tilings["uneven"], iterations=5)
    assert ladder.bits[0] == 8 * predicted_size(Counts.of(dense)).bytes
    error = float((dense.weight() - weights["uneven"]).norm() / weights["uneven"].norm())
    assert ladder.errors[0] == pytest.approx(error**2, rel=1e-3)
    assert (np.diff(ladder.bits) <= 0).all()
    assert (np.diff(ladder.errors) >= -1e-12).all()
    assert (np.diff(ladder.rows) <= 0).all()


@pytest.mark.parametrize("share", [0.25, 0.5, 0.9])
def test_a_rung_is_near_what_a_decomposition_with_its_mask_gives(share: float) -> None:
    weights, tilings = network()
    for name, weight in weights.items():
        ladder = ladder_of(name, weight, tilings[name], share=share, settings=QUICK)
        mask = without_share(weight, tilings[name], share)
        real = decompose(weight, tilings[name], row_mask=mask.kept, iterations=5)
        assert ladder.rows.tolist() == [int(mask.kept.sum())]
        assert ladder.bits[0] == pytest.approx(8 * predicted_size(Counts.of(real)).bytes, rel=0.05)
        error = float(((real.weight() - weight).norm() / weight.norm()) ** 2)
        assert ladder.errors[0] == pytest.approx(error, rel=0.15)


def test_refuses_a_share_that_cannot_be() -> None:
    with pytest.raises(ConfigError, match=r"layer: 1\.5 of its rows cannot go"):
        ladder_of("layer", gaussian(4, 3), tiling_for((4, 3)), share=1.5)


# The whole way.


@pytest.mark.parametrize("written", ["10x", "12x", "20x", "2.5 bits", "3kB", "9%", "35% rows"])
def test_the_target_holds_for_what_is_packed(written: str) -> None:
    weights, tilings = network()
    target = parse_target(written)
    found = meet(weights, tilings, target, settings=QUICK)
    count, rows = sum(each.weights for each in tilings.values()), sum(each.real_rows for each in tilings.values())
    real = size_of(found.values(), target)
    assert real <= target.most(count, rows)
    assert real >= 0.93 * target.most(count, rows)
    if not target.of_rows:
        assert real == sum(8 * pack(each).bytes for each in found.values())


def test_the_weight_with_small_rows_loses_most_and_the_error_is_less_than_with_equal_shares() -> None:
    weights, tilings = network()
    found = meet(weights, tilings, parse_target("40% rows"), settings=QUICK)
    share = {name: 1 - float(each.kept_rows.sum()) / each.tiling.real_rows for name, each in found.items()}
    assert share["uneven"] > max(share["even"], share["linear"]) + 0.2
    equal = {
        name: decompose(each, tilings[name], row_mask=without_share(each, tilings[name], 0.6).kept, iterations=5)
        for name, each in weights.items()
    }
    ours, theirs = (
        sum(float(((each[name].weight() - weight).norm() / weight.norm()) ** 2) for name, weight in weights.items())
        for each in (found, equal)
    )
    assert ours < 0.9 * theirs


def test_shares_by_hand_stay() -> None:
    weights, tilings = network()
    found = meet(weights, tilings, parse_target("12x"), settings=QUICK, by_hand={"uneven": 0.0, "linear": 0.5})
    assert torch.equal(found["uneven"].levels, decompose(weights["uneven"], tilings["uneven"], iterations=5).levels)
    assert float(found["linear"].kept_rows.sum()) / tilings["linear"].real_rows == pytest.approx(0.5, abs=0.01)
    with pytest.raises(ConfigError, match="rows by hand of other: no such weight; there are even, uneven, linear"):
        meet(weights, tilings, parse_target("12x"), by_hand={"other": 0.5})


def test_a_loss_takes_the_place_of_the_error() -> None:
    """Only "linear" matters to this loss, so the others pay."""
    weights, tilings = network()

    def loss(replaced: Mapping[str, Tensor]) -> float:
        return float((replaced["linear"] - weights["linear"]).square().sum()) if "linear" in replaced else 0.0

    found = meet(weights, tilings, parse_target("12x"), settings=QUICK, loss=loss)
    assert float(found["linear"].kept_rows.sum()) >= tilings["linear"].real_rows - 2


def test_groups_lose_their_rows_together() -> None:
    weights, tilings = network()
    found = meet(weights, tilings, parse_target("12x"), settings=QUICK, group=8)
    rows = tilings["even"].blocks_to_rows(found["even"].kept_rows).reshape(4, 8, -1)
    assert (rows.any(1).float().mean() - rows.all(1).float().mean()) < 0.05


def test_the_same_weights_give_the_same_choice() -> None:
    weights, tilings = network()
    first, second = (meet(weights, tilings, parse_target("14x"), settings=QUICK) for _ in range(2))
    assert all(torch.equal(first[name].levels, second[name].levels) for name in weights)


def test_out_of_reach_says_the_nearest() -> None:
    weights, tilings = network()
    with pytest.raises(BudgetError, match=r"target 500x cannot be reached: the nearest is \d+\.\d\dx"):
        meet(weights, tilings, parse_target("500x"), settings=QUICK)

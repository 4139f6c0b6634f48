"""Bucket switching by hand, on a block of 2 x 2."""

import torch
from hypothesis import given
from hypothesis import strategies as st

from netchip.methods.smart_exchange.decomposition.alphabet import Alphabet
from netchip.methods.smart_exchange.training.buckets import basis_step, coefficient_step, switch

ALPHABET = Alphabet(bits=3)  # 3 powers: 1, 1/2, 1/4 as levels 1, 2, 3


def block(*values: float, dtype: torch.dtype = torch.float32) -> torch.Tensor:
    return torch.tensor(values, dtype=dtype).reshape(1, 2, 2)


def test_steps_of_coefficients_and_basis_follow_the_chain_rule() -> None:
    """W = C B, so a loss with dL/dW = G has dL/dC = G B^T and dL/dB = C^T G: as autograd finds."""
    generator = torch.Generator().manual_seed(0)
    coefficients = torch.randn(2, 5, 3, generator=generator, requires_grad=True)
    basis = torch.randn(2, 3, 3, generator=generator, requires_grad=True)
    gradient = torch.randn(2, 5, 3, generator=generator)
    (coefficients @ basis).backward(gradient)
    assert torch.allclose(coefficient_step(gradient, basis.detach()), coefficients.grad, atol=1e-6)  # type: ignore[arg-type]
    assert torch.allclose(basis_step(gradient, coefficients.detach()), basis.grad, atol=1e-6)  # type: ignore[arg-type]


def test_two_agreeing_steps_move_an_exponent_at_bar_two() -> None:
    """C = [[1/2, -1/2], [1/4, 0]]; the steps are + + / - - twice.

    1/2 by + doubles to 1; -1/2 by + halves to -1/4; 1/4 by - halves below the smallest power, to 0; 0 by - becomes -1/4.
    """
    levels = block(2, -2, 3, 0, dtype=torch.int8)
    live = torch.ones(1, 2, 2, dtype=torch.bool)
    step = block(0.1, 0.2, -0.3, -0.4)
    first = switch(levels, torch.zeros_like(levels, dtype=torch.int16), step, live=live, alphabet=ALPHABET, bar=2)
    assert torch.equal(first.levels, levels)
    assert first.counters.flatten().tolist() == [1, 1, -1, -1]
    second = switch(first.levels, first.counters, step, live=live, alphabet=ALPHABET, bar=2)
    assert second.levels.flatten().tolist() == [1, -3, 0, -3]
    assert ALPHABET.values_of(second.levels).flatten().tolist() == [1.0, -0.25, 0.0, -0.25]
    assert second.counters.flatten().tolist() == [0, 0, 0, 0]


def test_signs_that_disagree_cancel() -> None:
    levels, live = block(2, 2, 2, 2, dtype=torch.int8), torch.ones(1, 2, 2, dtype=torch.bool)
    counters = torch.zeros(1, 2, 2, dtype=torch.int16)
    for step in (block(1, 1, 1, 1), block(-1, -1, 1, 1), block(1, 1, -1, 1)):
        moved = switch(levels, counters, step, live=live, alphabet=ALPHABET, bar=3)
        levels, counters = moved.levels, moved.counters
    assert levels.flatten().tolist() == [2, 2, 2, 1]
    assert counters.flatten().tolist() == [1, 1, 1, 0]


def test_the_largest_power_stays_and_its_counter_starts_anew() -> None:
    levels, live = block(1, -1, 1, -1, dtype=torch.int8), torch.ones(1, 2, 2, dtype=torch.bool)
    zeros = torch.zeros(1, 2, 2, dtype=torch.int16)
    moved = switch(levels, zeros, block(1, -1, -1, 1), live=live, alphabet=ALPHABET, bar=1)
    assert moved.levels.flatten().tolist() == [1, -1, 2, -2]
    assert moved.counters.flatten().tolist() == [0, 0, 0, 0]


def test_small_steps_and_coefficients_that_are_masked_out_do_not_count() -> None:
    """At a threshold of 0.1: 1/2 counts steps above 0.05, a zero those above 0.1 x 1/4."""
    levels = block(2, 0, 2, 0, dtype=torch.int8)
    live = block(1, 0, 1, 1).bool()
    zeros = torch.zeros(1, 2, 2, dtype=torch.int16)
    moved = switch(levels, zeros, block(0.05, 9, 0.051, 0.026), live=live, alphabet=ALPHABET, bar=1, threshold=0.1)
    assert moved.levels.flatten().tolist() == [2, 0, 1, 3]
    small = switch(levels, zeros, block(0.04, 9, -0.04, 0.024), live=live, alphabet=ALPHABET, bar=1, threshold=0.1)
    assert torch.equal(small.levels, levels)


@given(
    bits=st.integers(2, 8),
    values=st.lists(st.tuples(st.integers(-31, 31), st.floats(-1, 1), st.booleans()), min_size=4, max_size=4),
)
def test_levels_stay_in_the_alphabet_and_masked_zeros_stay_zero(
    bits: int, values: list[tuple[int, float, bool]]
) -> None:
    alphabet = Alphabet(bits)
    levels = block(*(max(-alphabet.powers, min(alphabet.powers, each[0])) for each in values), dtype=torch.int8)
    live = block(*(each[2] for each in values)).bool()
    levels = torch.where(live, levels, torch.zeros_like(levels))
    step = block(*(each[1] for each in values))
    zeros = torch.zeros(1, 2, 2, dtype=torch.int16)
    moved = switch(levels, zeros, step, live=live, alphabet=alphabet, bar=1)
    assert int(moved.levels.abs().max()) <= alphabet.powers
    assert bool((moved.levels[~live] == 0).all())
    before, after = alphabet.values_of(levels, torch.float64), alphabet.values_of(moved.levels, torch.float64)
    assert bool((torch.sign(after - before) * torch.sign(step) >= 0).all())  # never against its step

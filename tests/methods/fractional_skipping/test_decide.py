"""One option a sample, ties and NaN among the logits, and the gradient that passes by the decision."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from netchip.errors import DivergedError
from netchip.methods.fractional_skipping.decide import check_logits, first_largest, hard_mask, one_hot

NAN = float("nan")


@given(st.lists(st.lists(st.sampled_from([-1.0, 0.0, 0.5]), min_size=4, max_size=4), min_size=1, max_size=6))
def test_one_hot_under_ties_at_the_lowest_index(rows: list[list[float]]) -> None:
    """The released code compares with the maximum, so that options that tie all run; here one does."""
    mask = hard_mask(torch.tensor(rows))
    assert mask.sum(1).tolist() == [1.0] * len(rows)
    chosen = [row.index(max(row)) for row in rows]
    assert mask.argmax(1).tolist() == chosen
    assert [first_largest(row) for row in rows] == chosen


def test_mask_is_exactly_one_hot_with_a_gradient_too() -> None:
    logits = torch.tensor([[0.1, 0.1, 0.1], [3.0, -2.0, 1.0]], requires_grad=True)
    assert hard_mask(logits).tolist() == [[1.0, 0.0, 0.0], [1.0, 0.0, 0.0]]


def test_gradient_is_the_softmax_jacobian_times_the_slope_at_the_hard_mask() -> None:
    """dL/dlogits = J_softmax^T dL/dm, dL/dm a finite difference at the hard mask, not at the mixture."""
    logits = torch.tensor([[0.2, 0.9, -0.4], [1.0, 0.3, 0.5]], dtype=torch.float64, requires_grad=True)
    candidates = torch.tensor([[1.0, -2.0, 0.5], [0.3, 0.8, -1.5]], dtype=torch.float64)

    def loss(mask: torch.Tensor) -> torch.Tensor:
        return ((mask * candidates).sum(1) ** 3).sum()

    loss(hard_mask(logits)).backward()
    hard, step = hard_mask(logits.detach()), 1e-6
    slope = torch.zeros_like(hard)
    for place in range(hard.numel()):
        moved = torch.zeros_like(hard)
        moved.view(-1)[place] = step
        slope.view(-1)[place] = (loss(hard + moved) - loss(hard - moved)) / (2 * step)
    p = logits.detach().softmax(1)
    expected = p * (slope - (p * slope).sum(1, keepdim=True))
    assert logits.grad is not None
    assert torch.allclose(logits.grad, expected, atol=1e-7)
    soft = logits.detach().requires_grad_()
    loss(soft.softmax(1)).backward()
    assert soft.grad is not None
    assert not torch.allclose(soft.grad, expected, atol=1e-2), "the mixture has another gradient"


def test_gumbel_draws_options_by_their_probability() -> None:
    torch.manual_seed(0)
    logits = torch.tensor([0.6, 0.3, 0.1]).log().expand(20_000, 3)
    shares = hard_mask(logits, "gumbel", temperature=0.5).mean(0)
    assert shares.tolist() == pytest.approx([0.6, 0.3, 0.1], abs=0.02)


def test_gumbel_gradient_is_that_of_the_noisy_softmax() -> None:
    logits = torch.zeros(1, 3, requires_grad=True)
    torch.manual_seed(1)
    mask = hard_mask(logits, "gumbel", temperature=2.0)
    (mask * torch.tensor([1.0, 2.0, 4.0])).sum().backward()
    torch.manual_seed(1)
    noise = -torch.empty(1, 3).exponential_().log_()
    p = (noise / 2).softmax(1)[0]
    slope = torch.tensor([1.0, 2.0, 4.0])
    assert logits.grad is not None
    assert torch.allclose(logits.grad[0], p * (slope - (p * slope).sum()) / 2)


def test_a_forbidden_option_is_never_taken_and_gets_no_gradient() -> None:
    logits = torch.tensor([[5.0, 0.0, 1.0]], requires_grad=True)
    mask = hard_mask(logits + torch.tensor([-math.inf, 0.0, 0.0]))
    assert mask.tolist() == [[0.0, 0.0, 1.0]]
    (mask * torch.tensor([1.0, 2.0, 3.0])).sum().backward()
    assert logits.grad is not None
    assert logits.grad[0, 0] == 0
    assert logits.grad.isfinite().all()


def test_nan_says_which_block() -> None:
    fine, broken = torch.zeros(2, 3), torch.tensor([[0.0, 0.0, 0.0], [0.0, NAN, 0.0]])
    check_logits([fine, fine - math.inf], ["a", "b"])
    check_logits([], [])
    with pytest.raises(DivergedError, match=r"the gate of block 'layer2.0' gave NaN"):
        check_logits([fine, broken, broken], ["layer1.1", "layer2.0", "layer2.1"])
    assert first_largest([0.0, NAN, 1.0]) == first_largest([NAN]) == -1


def test_one_hot_of_routes() -> None:
    assert one_hot(torch.tensor([2, 0]), 3, torch.zeros(1)).tolist() == [[0, 0, 1], [1, 0, 0]]

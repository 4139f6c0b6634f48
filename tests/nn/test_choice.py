"""Choices: draws that are exactly one-hot, gradients worked out by hand, frequencies that are the probabilities."""

import math

import pytest
import torch

from netchip.errors import ConfigError, DivergedError
from netchip.nn.choice import Annealing, Choice, gumbel_one_hot, mixed, one_hot


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_all_options_are_alike_at_first() -> None:
    choice = Choice(4)
    assert choice.options == 4
    torch.testing.assert_close(choice.probabilities.detach(), torch.full((4,), 0.25))
    assert choice.most_likely() == 0


@pytest.mark.parametrize("temperature", [0.1, 1.0, 10.0])
def test_a_draw_is_exactly_one_hot_and_keeps_its_option_bit_for_bit(temperature: float) -> None:
    logits = torch.randn(200, 5, generator=seeded(), requires_grad=True)
    drawn = gumbel_one_hot(logits, temperature, seeded(1))
    assert set(drawn.detach().flatten().tolist()) == {0.0, 1.0}
    assert torch.equal(drawn.sum(-1), torch.ones(200))
    value = torch.randn(200, generator=seeded(2))
    assert torch.equal(value * drawn.amax(-1), value)


def test_draws_come_as_often_as_the_softmax_says() -> None:
    probabilities = torch.tensor([0.5, 0.3, 0.15, 0.05])
    drawn = gumbel_one_hot(probabilities.log().repeat(20_000, 1), 0.7, seeded())
    torch.testing.assert_close(drawn.mean(0), probabilities, atol=0.012, rtol=0)


def test_a_draw_repeats_with_its_seed() -> None:
    logits = torch.zeros(50, 3)
    assert torch.equal(gumbel_one_hot(logits, 1.0, seeded(3)), gumbel_one_hot(logits, 1.0, seeded(3)))
    assert not torch.equal(gumbel_one_hot(logits, 1.0, seeded(3)), gumbel_one_hot(logits, 1.0, seeded(4)))


def test_the_gradient_is_that_of_the_noisy_softmax() -> None:
    logits = torch.tensor([0.3, -0.2, 0.9], dtype=torch.float64, requires_grad=True)
    costs = torch.tensor([1.0, 4.0, 2.0], dtype=torch.float64)
    (gumbel_one_hot(logits, 0.5, seeded()) @ costs).backward()
    noise = -torch.log(-torch.log(torch.rand(3, generator=seeded(), dtype=torch.float64)))
    p = ((logits.detach().log_softmax(0) + noise) / 0.5).softmax(0)
    by_hand = p * (costs - p @ costs) / 0.5  # d log_softmax sums to nothing here: softmax is blind to a shift
    torch.testing.assert_close(logits.grad, by_hand)


def test_expected_cost_and_its_gradient_by_hand() -> None:
    choice = Choice(2)
    choice.logits.data = torch.tensor([0.0, math.log(3.0)])
    expected = choice.expected(torch.tensor([4.0, 8.0]))
    assert expected.item() == pytest.approx(7.0)
    expected.backward()
    assert choice.logits.grad is not None
    torch.testing.assert_close(choice.logits.grad, torch.tensor([0.25 * (4 - 7), 0.75 * (8 - 7)]))


def test_ties_go_to_the_first() -> None:
    assert one_hot(torch.tensor([1.0, 3.0, 3.0])).tolist() == [0.0, 1.0, 0.0]


def test_a_mix_is_the_weighted_sum() -> None:
    outputs = [torch.full((2,), value) for value in (1.0, 10.0, 100.0)]
    torch.testing.assert_close(mixed(outputs, torch.tensor([0.5, 0.25, 0.25])), torch.full((2,), 28.0))


@pytest.mark.parametrize(
    ("shape", "half"),
    [("exponential", 1.0), ("linear", 2.125)],
)
def test_temperatures(shape: str, half: float) -> None:
    annealing = Annealing(4.0, 0.25, 10, shape)  # type: ignore[arg-type]
    assert annealing.at(0) == pytest.approx(4.0)
    assert annealing.at(5) == pytest.approx(half)
    assert annealing.at(10) == annealing.at(99) == pytest.approx(0.25)


def test_what_is_refused() -> None:
    with pytest.raises(ConfigError, match="stem: a choice among 0 options"):
        Choice(0, name="stem")
    with pytest.raises(ConfigError, match=r"temperature = 0\.0; give one above 0"):
        Choice(2).draw(0.0)
    with pytest.raises(ConfigError, match=r"temperature from 0 to 1\.0"):
        Annealing(0)
    broken = Choice(2, name="block3")
    broken.logits.data[1] = math.nan
    for ask in (broken.draw, broken.most_likely):
        with pytest.raises(DivergedError, match="block3: its logits are"):
            ask()

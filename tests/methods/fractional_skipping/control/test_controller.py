"""A budget is held from both sides, whatever the batch size, the depth and the unit of the cost."""

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from netchip.errors import BudgetError, ConfigError
from netchip.methods.fractional_skipping.blocks.site import BlockSite
from netchip.methods.fractional_skipping.control.controller import BudgetController, Rule
from netchip.methods.fractional_skipping.costs import CostTable, cost_table
from netchip.methods.fractional_skipping.decide import hard_mask
from netchip.methods.fractional_skipping.options import INT8, PAPER_4, OptionSet

RULES: tuple[Rule, ...] = ("sign", "dead_band", "squared_hinge", "pi")


def _table(options: OptionSet = PAPER_4, blocks: int = 6) -> CostTable:
    return cost_table("paper", [BlockSite(name=f"b{index}") for index in range(blocks)], options)


class _Toy(nn.Module):
    """A gate on noise [B, 8]; the more bits a sample gets, the less it loses, and some samples lose more than others."""

    def __init__(self, table: CostTable, start: int) -> None:
        super().__init__()
        self.shape = (len(table.blocks), len(table.options))
        self.head = nn.Linear(8, self.shape[0] * self.shape[1])
        with torch.no_grad():
            self.head.bias.view(self.shape)[:, start] += 1.0

    def forward(self, x: Tensor) -> Tensor:
        logits = self.head(x).view(-1, self.shape[1])
        return hard_mask(logits).view(len(x), *self.shape)


def _held(table: CostTable, rule: Rule, target: float, *, start: int, batch: int, strength: float) -> float:
    """The share on held-out samples after 400 steps."""
    torch.manual_seed(0)
    toy, generator = _Toy(table, start), torch.Generator().manual_seed(1)
    controller = BudgetController(table, target, rule, strength=strength)
    optimizer = torch.optim.SGD(toy.parameters(), lr=1.0)
    gain = torch.linspace(0, 1, len(table.options)).sqrt()
    for step in range(400):
        for group in optimizer.param_groups:
            group["lr"] = 3.0 * (1 - step / 400)
        x = torch.randn(batch, 8, generator=generator)
        masks = toy(x)
        task = (x[:, 0].sigmoid()[:, None] * (1 - masks @ gain)).mean()
        optimizer.zero_grad()
        (task + controller.loss(masks)).backward()
        optimizer.step()
    with torch.no_grad():
        return float(table.gated_of_masks(toy(torch.randn(4096, 8, generator=generator))).mean())


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("start", [0, 3], ids=["from-skip", "from-full"])
def test_the_target_is_held_from_both_sides(rule: Rule, start: int) -> None:
    strength = 20.0 if rule == "squared_hinge" else 1.0
    assert _held(_table(), rule, 0.4, start=start, batch=32, strength=strength) == pytest.approx(0.4, abs=0.03)


@pytest.mark.parametrize("batch", [4, 128])
@pytest.mark.parametrize("blocks", [3, 12])
def test_it_is_held_at_any_batch_size_and_depth_with_one_strength(batch: int, blocks: int) -> None:
    held = _held(_table(INT8, blocks), "pi", 0.3, start=5, batch=batch, strength=2.0)
    assert held == pytest.approx(0.3, abs=0.03)


def _masks(share: float, samples: int = 4) -> Tensor:
    """[samples, 2, 2] over skip and full whose mean share is `share`, with gradient."""
    return torch.tensor([[[1 - share, share]] * 2] * samples, requires_grad=True)


def _two(rule: Rule, *, strength: float = 2.0) -> BudgetController:
    return BudgetController(_table(OptionSet.parse("skip, full"), 2), "50%", rule, strength=strength, tolerance=0.1)


# (rule, share, slope on the share, value), worked out by hand: budget 0.5, strength 2, tolerance 0.1
BY_HAND: list[tuple[Rule, float, float, float]] = [
    ("sign", 0.75, 2.0, 1.5),
    ("sign", 0.5, -2.0, -1.0),
    ("dead_band", 0.75, 2.0, 1.5),
    ("dead_band", 0.45, -0.2, -0.09),
    ("squared_hinge", 0.75, 2 * 2 * 0.15, 2 * 0.15**2),
    ("squared_hinge", 0.25, -2 * 2 * 0.15, 2 * 0.15**2),
    ("squared_hinge", 0.55, 0.0, 0.0),
    ("pi", 0.75, 2 * 0.25 + 2 * 0.02 * 0.25, 0.51 * 0.25),
]


@pytest.mark.parametrize(("rule", "share", "slope", "value"), BY_HAND)
def test_values_and_slopes_are_those_worked_out_by_hand(rule: Rule, share: float, slope: float, value: float) -> None:
    masks = _masks(share)
    loss = _two(rule).loss(masks)
    loss.backward()
    assert loss.item() == pytest.approx(value, abs=1e-6)
    assert masks.grad is not None
    # the share is a mean over 4 samples and 2 blocks of the weight of the full option
    assert masks.grad[..., 1].flatten().tolist() == pytest.approx([slope / 8] * 8, abs=1e-6)
    assert not masks.grad[..., 0].any()


@pytest.mark.parametrize("rule", RULES)
def test_a_batch_given_twice_over_is_the_same_push(rule: Rule) -> None:
    once, twice = _masks(0.7), _masks(0.7, samples=8)
    (loss := _two(rule).loss(once)).backward()
    (doubled := _two(rule).loss(twice)).backward()
    assert once.grad is not None
    assert twice.grad is not None
    assert loss.item() == pytest.approx(doubled.item(), rel=1e-5)
    assert torch.allclose(once.grad.sum(0), twice.grad.sum(0))


def test_the_unit_of_the_cost_makes_no_difference() -> None:
    blocks, in_picojoule = _table(), _table()
    in_picojoule = CostTable(blocks.blocks, PAPER_4, 7e6 * blocks.costs, 7e6 * blocks.reference, None, "pJ")
    masks = torch.rand(3, 6, 4)
    losses = [BudgetController(table, 0.3).loss(masks).item() for table in (blocks, in_picojoule)]
    assert losses[0] == pytest.approx(losses[1], rel=1e-5)


@pytest.mark.parametrize(("blocks", "strength"), [(17, 0.0218), (35, 0.0448), (53, 0.0678)])
def test_the_papers_strength_is_its_sum_at_batch_128(blocks: int, strength: float) -> None:
    """1e-5 times the sum over samples and blocks, of which the mean is a share: method's notes, section 3."""
    table = _table(PAPER_4, blocks)
    masks = torch.zeros(128, blocks, 4).index_fill_(2, torch.tensor([2]), 1.0)
    theirs = 1e-5 * (masks @ torch.tensor(PAPER_4.costs)).sum().item()
    ours = BudgetController(table, 0.1, "sign", strength=strength).loss(masks).item()
    assert ours == pytest.approx(theirs, rel=2e-3)


def test_the_average_remembers_and_the_state_goes_round() -> None:
    controller = _two("pi")
    assert controller.average is None
    assert not controller.met
    controller.loss(_masks(0.9))
    controller.loss(_masks(0.4))
    assert controller.average == pytest.approx(0.9 * 0.9 + 0.1 * 0.4)
    again = _two("pi")
    again.load_state_dict(controller.state_dict())
    assert again.loss(_masks(0.6)).item() == controller.loss(_masks(0.6)).item()
    assert again.state_dict() == controller.state_dict()


def test_it_says_when_the_budget_is_met() -> None:
    controller = _two("pi")
    controller.loss(_masks(0.55))
    assert controller.met


def test_shares_of_all_processes_are_what_is_judged() -> None:
    loss = _two("sign").loss(_masks(0.75), observed=torch.tensor(0.25))
    assert loss.item() == pytest.approx(-2 * 0.25)


def test_what_cannot_be_is_refused() -> None:
    with pytest.raises(BudgetError, match=r"a budget of 5 % .* 8, 16, full reach 6.25 % to 100 %"):
        BudgetController(_table(OptionSet.parse("8, 16, full")), "5%")
    with pytest.raises(ConfigError, match="rule = 'bang': there are sign, dead_band, squared_hinge, pi"):
        BudgetController(_table(), 0.5, "bang")  # pyright: ignore[reportArgumentType]
    with pytest.raises(ConfigError, match="strength = 0"):
        BudgetController(_table(), 0.5, strength=0)
    with pytest.raises(ConfigError, match="tolerance = 1"):
        BudgetController(_table(), 0.5, tolerance=1)


def test_a_table_of_real_costs_is_held_too() -> None:
    """Blocks of very different size: the mean of the shares is over the work, not over the blocks."""
    table = CostTable(("a", "b"), PAPER_4, np.outer([9.0, 1.0], PAPER_4.costs), 10.0, None, "MACs")
    assert _held(table, "pi", 0.3, start=3, batch=32, strength=1.0) == pytest.approx(0.3, abs=0.03)

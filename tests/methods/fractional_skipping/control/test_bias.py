"""A budget held by a bias: from both sides, at any batch size, and the task's gradient is what it was."""

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from netchip.errors import BudgetError, ConfigError
from netchip.methods.fractional_skipping.blocks.site import BlockSite
from netchip.methods.fractional_skipping.control.bias import BiasController
from netchip.methods.fractional_skipping.control.retarget import steps_of
from netchip.methods.fractional_skipping.costs import CostTable, cost_table
from netchip.methods.fractional_skipping.decide import hard_mask
from netchip.methods.fractional_skipping.options import PAPER_4

TABLE = cost_table("paper", [BlockSite(name=f"b{index}") for index in range(6)], PAPER_4)


class _Toy(nn.Module):
    """A gate on noise [B, 8] whose logits hardly differ between inputs, as a young gate's."""

    logit_bias: Tensor

    def __init__(self, start: int) -> None:
        super().__init__()
        self.head = nn.Linear(8, 24)
        self.register_buffer("logit_bias", torch.zeros(6, 4))
        with torch.no_grad():
            self.head.weight.mul_(0.1)
            self.head.bias.view(6, 4)[:, start] += 1.0

    def forward(self, x: Tensor) -> Tensor:
        logits = self.head(x).view(-1, 6, 4) + self.logit_bias
        return hard_mask(logits.flatten(0, 1)).view(-1, 6, 4)


@pytest.mark.parametrize("start", [0, 3], ids=["from-skip", "from-full"])
@pytest.mark.parametrize("batch", [8, 128])
@pytest.mark.parametrize("pull", [0.03, 0.3])
def test_the_target_is_held_while_the_task_pulls_at_it(start: int, batch: int, pull: float) -> None:
    torch.manual_seed(0)
    toy, generator = _Toy(start), torch.Generator().manual_seed(1)
    controller = BiasController(toy, TABLE, "40%")
    optimizer = torch.optim.SGD(toy.parameters(), lr=pull)
    gain = torch.linspace(0, 1, 4).sqrt()
    shares = []
    for _ in range(400):
        x = torch.randn(batch, 8, generator=generator)
        masks = toy(x)
        optimizer.zero_grad()
        (x[:, 0].sigmoid()[:, None] * (1 - masks @ gain)).mean().backward()
        optimizer.step()
        controller.hold(masks)
        shares.append(float(TABLE.gated_of_masks(masks.detach()).mean()))
    assert np.mean(shares[-100:]) == pytest.approx(0.4, abs=0.01)


def _masks(option: int) -> Tensor:
    return torch.zeros(2, 6, 4).index_fill_(2, torch.tensor([option]), 1.0)


def test_a_step_is_the_gain_times_what_lacks_and_a_twenty_fifth_of_its_sum() -> None:
    toy = _Toy(0)
    controller = BiasController(toy, TABLE, "40%", gain=0.5)
    controller.hold(_masks(0))
    assert controller.strength == pytest.approx(0.2 + 0.008)
    assert torch.allclose(toy.logit_bias, 0.208 * torch.tensor(PAPER_4.costs).expand(6, 4))
    assert np.allclose(toy.logit_bias.numpy(), 0.208 * steps_of(TABLE))
    controller.hold(_masks(3))
    assert controller.strength == pytest.approx(0.208 - 0.3 + 0.008 - 0.012)


def test_it_adds_nothing_to_the_loss() -> None:
    assert BiasController(_Toy(0), TABLE, "40%").loss_of_shares(torch.rand(5)).item() == 0.0


def test_the_state_goes_round_and_puts_the_bias_in_place() -> None:
    first, second = _Toy(0), _Toy(0)
    controller = BiasController(first, TABLE, "40%")
    controller.hold(_masks(0))
    again = BiasController(second, TABLE, "40%")
    again.load_state_dict(controller.state_dict())
    assert torch.equal(first.logit_bias, second.logit_bias)


def test_what_cannot_be_is_refused() -> None:
    few = CostTable(("a",), PAPER_4, np.array([[0.3, 0.4, 0.5, 1.0]]), 1.0, None, "blocks")
    with pytest.raises(BudgetError, match="reach 30 % to 100 %"):
        BiasController(_Toy(0), few, "20%")
    with pytest.raises(ConfigError, match="gain = 0"):
        BiasController(_Toy(0), TABLE, "40%", gain=0)

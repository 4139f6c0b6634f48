"""One look gives the logits of all blocks."""

import pytest
import torch

from netchip.errors import ConfigError
from netchip.graph.to_workload import to_workload
from netchip.methods.fractional_skipping.gates.protocol import Gate
from netchip.methods.fractional_skipping.gates.upfront import UpfrontGate


def test_from_the_input_the_plan_is_made_before_the_first_block() -> None:
    gate = UpfrontGate([3] * 5, 4, source="input")
    images = torch.randn(2, 3, 32, 32)
    plan = gate.begin(images)
    assert plan is not None
    assert plan.shape == (2, 5, 4)
    logits, state = gate.step(3, torch.zeros(2, 16, 8, 8), plan)
    assert state is plan
    assert torch.equal(logits, plan[:, 3])
    assert isinstance(gate, Gate)


def test_from_the_stem_the_plan_is_made_at_the_first_block_and_kept() -> None:
    gate = UpfrontGate([16] * 5, 4)
    assert gate.begin(torch.zeros(2, 3, 8, 8)) is None
    maps = torch.randn(2, 16, 8, 8)
    first, plan = gate.step(0, maps, None)
    second, _ = gate.step(1, torch.randn(2, 32, 4, 4), plan)
    assert torch.equal(torch.stack([first, second], 1), plan[:, :2])


def test_starts_with_the_full_option_ahead_in_every_block() -> None:
    torch.manual_seed(0)
    _, plan = UpfrontGate([16] * 9, 7).step(0, torch.randn(32, 16, 8, 8).relu(), None)
    assert plan.softmax(2)[..., -1].mean().item() == pytest.approx(0.35, abs=0.08)


@pytest.mark.parametrize("source", ["input", "stem"])
def test_products_are_those_that_capture_counts(source: str) -> None:
    gate = UpfrontGate([3] * 5, 4, source=source)  # pyright: ignore[reportArgumentType]

    class Plan(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.gate = gate

        def forward(self, images: torch.Tensor) -> torch.Tensor:
            return self.gate.step(0, images, self.gate.begin(images))[1]

    counted = to_workload(Plan(), torch.zeros(1, 3, 32, 32))
    assert sum(layer.macs for layer in gate.layers((3, 32, 32))) == counted.macs


def test_what_is_refused() -> None:
    with pytest.raises(
        ConfigError, match="source = 'middle': the route is decided from the 'input' or from the 'stem'"
    ):
        UpfrontGate([3] * 5, 4, source="middle")  # pyright: ignore[reportArgumentType]
    with pytest.raises(ConfigError, match="needs at least 1 block, option"):
        UpfrontGate([], 4)
    with pytest.raises(ConfigError, match=r"reads maps \[B, C, H, W\] and got \(2, 3\)"):
        UpfrontGate([3] * 5, 4).step(0, torch.zeros(2, 3), None)

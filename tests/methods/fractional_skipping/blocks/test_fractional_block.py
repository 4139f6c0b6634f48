"""One set of weights, BatchNorm statistics that move once a step, and what each option adds."""

import copy

import pytest
import torch
from torch import nn

from netchip.errors import ConfigError
from netchip.methods.fractional_skipping.blocks.arithmetic import MODES
from netchip.methods.fractional_skipping.blocks.fractional_block import FractionalBlock
from netchip.methods.fractional_skipping.blocks.route import on_route
from netchip.methods.fractional_skipping.blocks.site import BlockSite
from netchip.methods.fractional_skipping.options import INT8, PAPER_4, OptionSet
from netchip.models.resnet_cifar import Block

SITE = BlockSite(name="layer2.0", shortcut="layer2.0.shortcut")


def _made(mode: str, options: OptionSet = PAPER_4) -> FractionalBlock:
    torch.manual_seed(0)
    return FractionalBlock(Block(4, 8, 2), SITE, 0, options, MODES[mode])


def _updates(block: FractionalBlock) -> dict[str, int]:
    norms = {name: each for name, each in block.named_modules() if isinstance(each, nn.BatchNorm2d)}
    return {name: int(each.num_batches_tracked) for name, each in norms.items()}  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize("mode", ["paper", "modern"])
def test_statistics_move_once_a_step_for_each_precision(mode: str) -> None:
    block = _made(mode).train()
    for _ in range(3):
        block.candidates(range(4), torch.randn(5, 4, 6, 6))
    updates = _updates(block)
    assert set(updates.values()) == {3}
    assert len(updates) == (3 if mode == "paper" else 9), "modern: its own three for 8 and for 16 bits"


def test_as_released_every_candidate_moves_them() -> None:
    """Three options run the block, and the shortcut runs for a skip too."""
    block = _made("paper_legacy").train()
    block.candidates(range(4), torch.randn(5, 4, 6, 6))
    assert _updates(block) == {"block.bn1": 3, "block.bn2": 3, "block.shortcut.1": 4}


def test_a_forced_option_moves_them_though_it_is_not_the_reference() -> None:
    block = _made("paper").train()
    block.candidates([1], torch.randn(5, 4, 6, 6))
    assert set(_updates(block).values()) == {1}


def test_statistics_are_those_of_the_full_option() -> None:
    block, x = _made("paper").train(), torch.randn(5, 4, 6, 6)
    plain = copy.deepcopy(block.block).train()
    block.candidates(range(4), x)
    plain(x)
    for name, value in plain.state_dict().items():
        assert torch.equal(block.block.state_dict()[name], value)


def test_the_reference_is_the_users_block_and_weights_are_shared() -> None:
    block = _made("modern").eval()
    assert block.run(3, (x := torch.randn(2, 4, 6, 6))).equal(block.block(x))
    shared = [name for name, _ in block.named_parameters() if name.startswith("block.")]
    assert shared == [f"block.{name}" for name, _ in Block(4, 8, 2).named_parameters()]
    own = {name.split(".")[0] for name, _ in block.named_parameters()}
    assert own == {"block", "steps", "norms"}
    assert {name.split(".")[0] for name, _ in _made("paper").named_parameters()} == {"block"}


def test_the_shortcut_runs_at_the_options_bits_and_in_full_where_the_block_is_skipped() -> None:
    block, x = _made("modern").train(), torch.randn(5, 4, 6, 6)
    block.candidates(range(4), x)
    block.eval()
    assert block.run(0, x).equal(block.block.shortcut(x))  # pyright: ignore
    assert len(block.quantised_layers()) == 6, "two convolutions and the shortcut, at 8 and at 16 bits"


def test_int8_reference_is_quantised_with_the_users_own_norms() -> None:
    block = _made("modern", INT8).train()
    x = torch.randn(5, 4, 6, 6)
    block.candidates(range(6), x)
    assert set(block.norms) == {"2", "3", "4", "6"}
    assert set(_updates(block).values()) == {1}
    full, eight = block.eval().block(x), block.run(5, x)
    assert 0 < (eight - full).abs().max() < 0.1 * full.abs().max()


def test_more_bits_are_nearer_to_full() -> None:
    options = OptionSet.parse("2,4,6,8,16,full")
    for mode, least in (
        ("paper", 1e-2),
        ("modern", 1e-6),
    ):  # the paper's mean range clips the larger samples at any bits
        block, x = _made(mode, options).train(), torch.randn(64, 4, 6, 6)
        block.candidates(range(6), x)
        found = block.eval().candidates(range(6), x)
        errors = [(each - found[-1]).square().mean().item() for each in found[:-1]]
        assert errors == sorted(errors, reverse=True)
        assert errors[-1] < least


def test_gradient_reaches_the_shared_weights_from_every_option() -> None:
    block, x = _made("modern").train(), torch.randn(5, 4, 6, 6)
    for option in (1, 2, 3):
        block.zero_grad()
        block.candidates([option], x)[0].square().sum().backward()
        assert block.block.conv1.weight.grad.abs().sum() > 0  # pyright: ignore
    steps = [each for name, each in block.named_parameters() if name.startswith("steps.16")]
    assert len(steps) == 6


def test_in_place_activations_do_not_write_into_the_next_candidates_input() -> None:
    block = nn.Sequential(nn.ReLU(inplace=True), nn.Conv2d(4, 4, 3, 1, 1))
    made = FractionalBlock(block, BlockSite(name="a"), 0, PAPER_4, MODES["modern"]).train()
    x = torch.randn(2, 4, 5, 5)
    kept = x.clone()
    made.candidates(range(4), x)
    assert x.equal(kept)


def test_modes_pass_to_twins_and_frozen_norms_stay_frozen() -> None:
    block = _made("paper").train()
    for module in block.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.eval()
    block.candidates(range(4), torch.randn(5, 4, 6, 6))
    assert set(_updates(block).values()) == {0}
    assert all(layer.training for layer in block.quantised_layers())
    assert not any(layer.training for layer in block.eval().quantised_layers())


def test_outside_of_a_route_it_is_the_users_block() -> None:
    block, x = _made("modern").eval(), torch.randn(2, 4, 6, 6)
    assert block(x).equal(block.block(x))


class _Masked(nn.Module):
    """A block that is given its mask by keyword, as torch's transformer gives it; `loud` by keyword only."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(3, 3)

    def forward(
        self, x: torch.Tensor, scale: float = 1.0, mask: torch.Tensor | None = None, *, loud: bool
    ) -> torch.Tensor:
        return x + scale * self.linear(x if mask is None else x * mask)


class _Plain(_Masked):
    def forward(self, x: torch.Tensor, scale: float = 1.0, mask: torch.Tensor | None = None) -> torch.Tensor:  # type: ignore[override]
        return super().forward(x, scale, mask, loud=False)


def test_arguments_by_keyword_reach_the_block_by_place() -> None:
    torch.manual_seed(0)
    site, x, mask = BlockSite(name="layer"), torch.randn(2, 3), torch.tensor([[1.0], [0.0]])
    block = FractionalBlock(_Plain(), site, 0, PAPER_4, MODES["modern"]).eval()
    assert block(x, mask=mask).equal(block.block(x, 1.0, mask))
    seen: list[tuple[object, ...]] = []

    class Route:
        def through(self, block: FractionalBlock, x: torch.Tensor, rest: tuple[object, ...]) -> torch.Tensor:
            seen.append(rest)
            return x

    with on_route(Route()):  # type: ignore[arg-type]
        block(x, 2.0, mask=mask)
    assert seen == [(2.0, mask)]
    refused = FractionalBlock(_Masked(), site, 0, PAPER_4, MODES["modern"])
    with pytest.raises(
        ConfigError, match="block 'layer' takes loud by keyword only, which a gated block cannot pass on"
    ):
        refused(x, loud=True)

"""What ranks channels, by hand: |gamma| with late starters, relative group L2, Taylor, and scores that never settle."""

import numpy as np
import pytest
import torch
from torch import nn

from netchip.errors import ConfigError
from netchip.graph.coupling import channel_groups
from netchip.methods.early_bird.scoring.importance import AtRandom, Gamma, GroupL2, Taylor


class Residual(nn.Module):
    """A stem, a branch of two layers added to it, a head: one group of the stream (two norms), one inside the branch."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.stem_norm = nn.Conv2d(1, 4, 1, bias=False), nn.BatchNorm2d(4)
        self.inner, self.inner_norm = nn.Conv2d(4, 3, 1, bias=False), nn.BatchNorm2d(3)
        self.outer, self.outer_norm = nn.Conv2d(3, 4, 1, bias=False), nn.BatchNorm2d(4)
        self.head = nn.Conv2d(4, 2, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.stem_norm(self.stem(x)).relu()
        return self.head(x + self.outer_norm(self.outer(self.inner_norm(self.inner(x)).relu())))


@pytest.fixture
def residual() -> Residual:
    torch.manual_seed(0)
    return Residual()


def set_scale(norm: nn.BatchNorm2d, values: list[float]) -> None:
    with torch.no_grad():
        norm.weight.copy_(torch.tensor(values))


IMAGES = torch.randn(2, 1, 4, 4, generator=torch.Generator().manual_seed(0))


def test_gamma_is_the_mean_over_the_norms_of_a_unit(residual: Residual) -> None:
    groups = channel_groups(residual, IMAGES).groups
    assert [group.name for group in groups] == ["stem", "inner"]
    gamma = Gamma(residual, groups)
    set_scale(residual.stem_norm, [1.0, -2.0, 3.0, 4.0])
    set_scale(residual.outer_norm, [0.0, 0.0, -1.0, 2.0])
    set_scale(residual.inner_norm, [0.5, 0.25, -0.75])
    assert gamma.scores(residual, 1).tolist() == [0.5, 1.0, 2.0, 3.0, 0.5, 0.25, 0.75]


def test_a_norm_that_started_at_zero_does_not_drag_its_stream_down(residual: Residual) -> None:
    nn.init.zeros_(residual.outer_norm.weight)
    gamma = Gamma(residual, channel_groups(residual, IMAGES).groups)
    set_scale(residual.outer_norm, [0.01, 0.01, 0.02, 0.01])
    set_scale(residual.stem_norm, [1.0, 2.0, 3.0, 4.0])
    assert gamma.scores(residual, 1)[:4].tolist() == [1.0, 2.0, 3.0, 4.0]


def test_a_group_of_late_starters_alone_is_measured_by_its_own_mean(residual: Residual) -> None:
    """The branch starts at zero as a whole: its scales are brought to the mean of the others, which is 2."""
    nn.init.zeros_(residual.inner_norm.weight)
    gamma = Gamma(residual, channel_groups(residual, IMAGES).groups)
    set_scale(residual.stem_norm, [2.0] * 4)
    set_scale(residual.outer_norm, [2.0] * 4)
    assert gamma.scores(residual, 1)[4:].tolist() == [2.0, 2.0, 2.0], (
        "not yet moved: as the others, not the least of all"
    )
    set_scale(residual.inner_norm, [0.01, 0.02, 0.03])
    assert gamma.scores(residual, 1)[4:] == pytest.approx([1.0, 2.0, 3.0])


def test_which_norms_started_at_zero_survives_a_resume(residual: Residual) -> None:
    nn.init.zeros_(residual.outer_norm.weight)
    first = Gamma(residual, channel_groups(residual, IMAGES).groups)
    set_scale(residual.outer_norm, [0.5] * 4)
    second = Gamma(residual, channel_groups(residual, IMAGES).groups)
    assert not np.array_equal(first.scores(residual, 1), second.scores(residual, 1))
    second.load_state_dict(first.state_dict())
    assert np.array_equal(first.scores(residual, 1), second.scores(residual, 1))


def plain(*layers: nn.Module) -> nn.Sequential:
    return nn.Sequential(*layers)


def test_l2_by_hand_without_any_norm() -> None:
    """Two units: made by rows (3, 4) and (0, 0), read through columns (1, 1, 1)' and (7, 7, 7)'; mean squares 12.5, 0 and 1, 49.

    Root of the mean over the two layers: sqrt(6.75), sqrt(24.5); relative to their mean.
    """
    network = plain(nn.Linear(2, 2, bias=False), nn.ReLU(), nn.Linear(2, 3))
    with torch.no_grad():
        network[0].weight.copy_(torch.tensor([[3.0, 4.0], [0.0, 0.0]]))
        network[2].weight.copy_(torch.tensor([[1.0, 7.0]] * 3))
    scores = GroupL2(channel_groups(network, torch.randn(2, 2)).groups).scores(network, 1)
    raw = np.sqrt([6.75, 24.5])
    assert scores == pytest.approx(raw / raw.mean(), rel=1e-6)


def test_l2_of_grouped_depthwise_and_transposed_layers_has_one_score_a_unit() -> None:
    torch.manual_seed(0)
    network = plain(
        nn.Conv2d(1, 8, 1), nn.Conv2d(8, 8, 3, groups=8), nn.ReLU(), nn.Conv2d(8, 8, 1, groups=2), nn.ReLU(),
        nn.ConvTranspose2d(8, 6, 2), nn.GroupNorm(2, 6), nn.ReLU(), nn.Conv2d(6, 2, 1),
    )  # fmt: skip
    groups = channel_groups(network, torch.randn(2, 1, 6, 6)).groups
    scores = GroupL2(groups).scores(network, 1)
    assert scores.size == sum(group.units for group in groups)
    assert np.isfinite(scores).all()
    parts = np.split(scores, np.cumsum([group.units for group in groups])[:-1])
    assert [part.mean() for part in parts] == pytest.approx([1.0] * len(parts))
    with torch.no_grad():  # what makes and reads one unit of the first group, made small, is what scores least
        for member in groups[0].members:
            if member.axis in ("out", "in"):
                layer = network.get_submodule(member.module)
                rows = member.index[1] if member.axis == "out" else member.index[1] % layer.weight.shape[1]
                layer.weight[rows] *= 1e-3 if member.axis == "out" else 1.0
                if member.axis == "in":
                    layer.weight[:, rows] *= 1e-3
    again = GroupL2(groups).scores(network, 1)
    assert int(again[: groups[0].units].argmin()) == 1


def test_taylor_by_hand_over_two_steps(residual: Residual) -> None:
    """(sum of gamma x gradient over the norms of a unit)^2, mean over two steps."""
    groups = channel_groups(residual, IMAGES).groups
    taylor = Taylor(residual, groups)
    for value in (1.0, 3.0):
        for norm in (residual.stem_norm, residual.outer_norm, residual.inner_norm):
            norm.weight.grad = torch.full_like(norm.weight, value)
        taylor.observe(residual, 1.0)
    assert taylor.scores(residual, 1).tolist() == [20.0] * 4 + [5.0] * 3  # (1+1)^2, (3+3)^2 -> 20; 1, 9 -> 5


def test_taylor_takes_the_scale_out_of_gradients(residual: Residual) -> None:
    groups = channel_groups(residual, IMAGES).groups
    found = []
    for scale in (1.0, 1024.0):
        taylor = Taylor(residual, groups)
        residual.zero_grad()
        (scale * residual(IMAGES).square().sum()).backward()
        taylor.observe(residual, scale)
        found.append(taylor.scores(residual, 1))
    assert found[0] == pytest.approx(found[1], rel=1e-4)


def test_taylor_without_norms_says_how_the_loss_changes() -> None:
    """First order: the sum of weight x gradient over a filter is the loss's change when that filter shrinks by its share."""
    torch.manual_seed(0)
    network, images = plain(nn.Conv2d(1, 5, 3, bias=False), nn.ReLU(), nn.Conv2d(5, 2, 3)), torch.randn(2, 1, 8, 8)
    taylor = Taylor(network, channel_groups(network, images).groups)

    def loss() -> torch.Tensor:
        return network(images).square().mean()

    loss().backward()
    taylor.observe(network, 1.0)
    scores = taylor.scores(network, 1)
    with torch.no_grad():
        for unit in range(5):
            before, kept = loss().item(), network[0].weight[unit].clone()
            network[0].weight[unit] *= 1 - 1e-3
            change = (before - loss().item()) / 1e-3
            network[0].weight[unit] = kept
            assert scores[unit] == pytest.approx(change**2, rel=0.05)


def test_taylor_without_a_step_says_what_is_missing(residual: Residual) -> None:
    taylor = Taylor(residual, channel_groups(residual, IMAGES).groups)
    with pytest.raises(ConfigError, match=r"importance 'taylor' reads gradients: call search\.regularize\(\)"):
        taylor.scores(residual, 1)


def test_taylor_sums_survive_a_resume(residual: Residual) -> None:
    groups = channel_groups(residual, IMAGES).groups
    whole, first, second = (Taylor(residual, groups) for _ in range(3))
    for step, seen in enumerate((first, second)):
        residual.zero_grad()
        (residual(IMAGES) * (step + 1)).square().sum().backward()
        if step == 1:
            seen.load_state_dict(first.state_dict())
        for each in (whole, seen):
            each.observe(residual, 1.0)
    assert np.array_equal(whole.scores(residual, 1), second.scores(residual, 1))


def test_random_scores_are_new_at_every_check_and_the_same_for_a_seed() -> None:
    model, scores = nn.Identity(), AtRandom(50, seed=3)
    assert not np.array_equal(scores.scores(model, 1), scores.scores(model, 2))
    assert np.array_equal(scores.scores(model, 2), AtRandom(50, seed=3).scores(model, 2))
    assert not np.array_equal(scores.scores(model, 2), AtRandom(50, seed=4).scores(model, 2))

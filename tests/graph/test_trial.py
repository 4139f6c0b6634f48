"""Trial cuts find what the trace alone would not, also behind many layers."""

import torch
from torch import nn

from netchip.graph.coupling import channel_groups


class _Cumulated(nn.Module):
    """A running sum over the channels after the first convolution, seen only through `depth` further layers."""

    def __init__(self, depth: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, 8, 1)
        self.rest = nn.Sequential(
            *(nn.Sequential(nn.Conv2d(8, 8, 1), nn.ReLU()) for _ in range(depth)), nn.Conv2d(8, 2, 1)
        )

    def forward(self, x):
        summed = torch.stack([self.first(x)[:, : c + 1].sum(1) for c in range(self.first.out_channels)], 1)
        return self.rest(summed)


def test_a_fault_is_seen_through_twelve_layers():
    torch.manual_seed(0)
    coupling = channel_groups(_Cumulated(12), torch.randn(1, 3, 5, 5))
    assert {group.name for group in coupling.groups} == {f"rest.{place}.0" for place in range(12)}


class _Uneven(nn.Module):
    """Two groups that can be cut alone, but only by the same number: their products are stacked."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b = nn.Conv2d(3, 8, 1), nn.Conv2d(3, 8, 1)
        self.c, self.d = nn.Conv2d(8, 2, 1), nn.Conv2d(8, 2, 1)

    def forward(self, x):
        one, other = torch.relu(self.a(x)), torch.relu(self.b(x))
        scale = (
            1.0 if one.shape[1] + other.shape[1] in (16, *range(9, 16)) and 8 in (one.shape[1], other.shape[1]) else 2.0
        )
        return self.c(one) + scale * self.d(other)


def test_groups_that_only_fail_together_are_not_both_offered():
    torch.manual_seed(0)
    coupling = channel_groups(_Uneven(), torch.randn(1, 3, 5, 5))
    assert [group.name for group in coupling.groups] == ["a"]
    assert "differs by" in next(found.reason for found in coupling.left_alone if found.name == "b")


class _Single(nn.Module):
    """Runs in float32 only: it makes its own float32 tensors."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b, self.c = nn.Conv2d(3, 8, 1), nn.Conv2d(8, 4, 1), nn.Conv2d(4, 2, 1)

    def forward(self, x):
        hidden = torch.relu(self.a(x))
        fixed = nn.functional.conv2d(x.float(), torch.ones(8, 3, 1, 1))[:, : hidden.shape[1]].mean()
        return self.c(self.b(hidden.to(torch.float32) + 0 * fixed) if hidden.dtype == torch.float32 else self._refuse())

    @staticmethod
    def _refuse():
        raise TypeError("float32 only")


def test_a_model_that_insists_on_float32_is_tried_in_float32():
    coupling = channel_groups(_Single(), torch.randn(1, 3, 5, 5))
    assert {group.name for group in coupling.groups} == {"a", "b"}

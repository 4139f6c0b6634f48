"""A trained network as steps gives what the network gives; what no step can be made of is named."""

import pytest
import torch
from torch import nn

from netchip.errors import RequestError
from netchip.rtl.folding import FloatMove, folded
from netchip.rtl.levels import Levels


class Small(nn.Module):
    """All that there are steps for: layers, BatchNorms, ReLUs, a sum, a shuffle, the mean of maps, a linear layer."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(1, 4, 3, 1, 1, bias=False), nn.BatchNorm2d(4), nn.ReLU())
        self.deep = nn.Sequential(nn.Conv2d(4, 4, 3, 1, 1, groups=4), nn.BatchNorm2d(4))
        self.pool, self.classifier = nn.AdaptiveAvgPool2d(1), nn.Linear(4, 3)
        for module in self.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.running_mean = torch.empty(4).uniform_(-0.2, 0.2)
                module.running_var = torch.empty(4).uniform_(0.5, 2.0)
                nn.init.uniform_(module.weight, 0.5, 1.5)
                nn.init.uniform_(module.bias, -0.3, 0.3)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        maps = self.stem(images)
        turned = maps.reshape(len(maps), 2, 2, 6, 6).transpose(1, 2).reshape(len(maps), 4, 6, 6)
        return self.classifier(self.pool(torch.relu(maps + self.deep(turned))).flatten(1))


def small() -> Small:
    torch.manual_seed(0)
    return Small().eval()


def test_steps_give_what_the_network_gives() -> None:
    model, images = small(), torch.randn(5, 1, 6, 6, generator=torch.Generator().manual_seed(1))
    found = folded(model, images)
    kinds = "Layer Move Move Move Layer Sum Layer Move Layer"
    assert [type(step).__name__ for step in found.steps] == [f"Float{kind}" for kind in kinds.split()]
    assert [step.relu for step in found.steps if not isinstance(step, FloatMove)] == [True, False, True, False, False]
    assert [layer.mean for layer in found.layers] == [False, False, True, False]
    with torch.no_grad():
        assert torch.allclose(found.values(images)[found.output].reshape(5, 3), model(images), atol=1e-5)


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (
            nn.Sequential(nn.Conv2d(1, 2, 3), nn.Sigmoid()),
            r"1 \(sigmoid\) is run neither by a chunk nor by the host beside it",
        ),
        (nn.Sequential(nn.Conv2d(1, 2, 3), nn.MaxPool2d(2)), r"1 \(max_pool2d\) is run neither"),
        (
            nn.Sequential(nn.ReLU(), nn.Conv2d(1, 2, 3)),
            "0: only a ReLU right after a layer or a sum, which nothing else reads",
        ),
        (nn.Sequential(nn.BatchNorm2d(1), nn.Conv2d(1, 2, 3)), "0: only a BatchNorm right after a layer"),
        (nn.Sequential(nn.Conv2d(1, 2, 3), nn.AdaptiveAvgPool2d(2)), "is run neither by a chunk"),
    ],
)
def test_what_is_no_step_is_refused_by_name(model: nn.Module, message: str) -> None:
    with pytest.raises(RequestError, match=message):
        folded(model.eval(), torch.zeros(1, 1, 6, 6))


def test_levels_hold_zero_exactly_and_the_range_nearly() -> None:
    for low, high, bits in ((-1.0, 3.0, 8), (0.0, 5.0, 8), (0.5, 2.0, 16), (-2.0, -1.0, 16), (0.0, 0.0, 8)):
        levels = Levels.of(low, high, bits)
        values = torch.tensor([0.0, low, high])
        back = levels.values(levels.numbers(values))
        assert back[0] == 0
        assert (back - values).abs().max() <= levels.step * 0.51
    assert Levels(0.1, 0, 8).numbers(torch.tensor([1e6, -1e6])).tolist() == [127, -128]

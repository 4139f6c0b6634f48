"""Residual blocks of our networks, of timm's and of a user's, and what skipping each of them means."""

import importlib.util

import pytest
import torch
from torch import Tensor, nn

from netchip.errors import ConfigError
from netchip.methods.fractional_skipping.blocks.finding import find_blocks
from netchip.methods.fractional_skipping.gates.pooling import pooled
from netchip.models.build import build
from netchip.models.resnet_cifar import Block, CifarResNet
from netchip.models.spec import ModelSpec


def _build(name: str) -> nn.Module:
    return build(ModelSpec.parse({"name": name, "classes": 10}))


@pytest.mark.parametrize(("depth", "gated"), [(38, 17), (74, 35), (110, 53)])
def test_the_papers_networks(depth: int, gated: int) -> None:
    found = find_blocks(CifarResNet(depth, classes=10, width=1.0, in_channels=3))
    assert len(found) == gated
    assert [each.site.name for each in found if each.site.shortcut] == ["layer2.0", "layer3.0"]
    assert all(each.site.skippable for each in found)
    third = gated // 3
    assert [each.channels for each in found] == [16] * (third + 1) + [32] * (third + 1) + [64] * third
    assert len(find_blocks(CifarResNet(depth, classes=10, width=1.0, in_channels=3), gate_first=True)) == gated + 1


@pytest.mark.parametrize(
    ("name", "gated", "shortcuts"),
    [
        ("resnet18", 7, 3),
        ("resnet50", 15, 3),
        ("preresnet29", 8, 2),
        ("timm:resnet18", 7, 3),
        ("timm:resnet50", 15, 3),
    ],
)
def test_families(name: str, gated: int, shortcuts: int) -> None:
    """The first block always runs; in ResNet-50 and pre-activation networks it would have a shortcut too."""
    if name.startswith("timm:") and importlib.util.find_spec("timm") is None:
        pytest.skip("timm is not installed")
    model = _build(name)
    found = find_blocks(model)
    assert (len(found), sum(each.site.shortcut is not None for each in found)) == (gated, shortcuts)
    assert all(each.site.skippable for each in found)
    small = torch.zeros(1, 3, 64, 64)
    assert [(each.site, each.channels) for each in find_blocks(model, example=small)] == [
        (each.site, each.channels) for each in found
    ]


def test_blocks_that_cannot_be_skipped_say_why() -> None:
    found = find_blocks(_build("mobilenet_v2"))
    assert len(found) == 16
    fixed = [each.site for each in found if not each.site.skippable]
    assert len(fixed) == 6
    assert fixed[0].why_not == "its output has another shape than its input, and it has no shortcut"


class _Mine(nn.Module):
    """Blocks of a class that nobody knows, registered in another order than they run in, one in another."""

    def __init__(self) -> None:
        super().__init__()
        self.late = nn.Sequential(nn.Conv2d(4, 6, 3, 1, 1), nn.ReLU(), nn.Sequential(nn.Conv2d(6, 6, 1)))
        self.early = nn.ModuleList([nn.Conv2d(3, 4, 1), nn.Conv2d(4, 4, 3, 1, 1), nn.Conv2d(4, 4, 3, 2, 1)])

    def forward(self, x: Tensor) -> Tensor:
        for layer in self.early:
            x = layer(x)
        return self.late(x)


def test_blocks_named_by_the_user_in_the_order_they_run() -> None:
    found = find_blocks(_Mine(), ["early.*", "late", "late.*"], torch.zeros(2, 3, 8, 8))
    assert [each.site.name for each in found] == ["early.1", "early.2", "late"], "early.0 is the first and always runs"
    assert [each.site.skippable for each in found] == [True, False, False]
    assert [each.channels for each in found] == [4, 4, 4]
    without = find_blocks(_Mine(), ["early.*", "late"])
    assert [each.site.name for each in without] == ["early.0", "early.1", "early.2"], "as registered"
    assert [each.site.skippable for each in without] == [False, True, False]


def test_empty_shortcut_is_the_identity_and_a_pool_is_none() -> None:
    class Block(nn.Module):
        def __init__(self, shortcut: nn.Module) -> None:
            super().__init__()
            self.conv, self.shortcut = nn.Conv2d(3, 3, 3, 1, 1), shortcut

    model = nn.Sequential(Block(nn.Sequential()), Block(nn.Sequential()), Block(nn.AvgPool2d(2)), Block(nn.Identity()))
    assert [each.site.shortcut for each in find_blocks(model)] == [None, "2.shortcut", None]


def test_tokens() -> None:
    """A transformer's blocks [B, T, C], told by name; the channels are the last axis."""

    class Block(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.norm, self.mlp = nn.LayerNorm(8), nn.Sequential(nn.Linear(8, 16), nn.GELU(), nn.Linear(16, 8))

        def forward(self, x: Tensor) -> Tensor:
            return x + self.mlp(self.norm(x))

    for example in (None, torch.zeros(2, 5, 8)):
        [found] = find_blocks(nn.Sequential(Block(), Block()), example=example)
        assert (found.channels, found.site.skippable) == (8, True)


def test_maps_whose_channels_are_last() -> None:
    """As in Swin [B, H, W, C]; the gate pools over the positions."""

    class SwinTransformerBlock(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.norm, self.mlp = nn.LayerNorm(8), nn.Linear(8, 8)

        def forward(self, x: Tensor) -> Tensor:
            return x + self.mlp(self.norm(x))

    images = torch.randn(2, 5, 6, 8)
    [found] = find_blocks(nn.Sequential(SwinTransformerBlock(), SwinTransformerBlock()), example=images)
    assert (found.channels, found.site.skippable) == (8, True)
    torch.testing.assert_close(pooled(images, 8), images.mean((1, 2)))


def test_blocks_that_see_parts_of_an_input_as_a_batch_are_left_out() -> None:
    """As MobileViT folds the pixels of a patch into the batch."""

    class Folded(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.whole, self.parts = CifarResNet(8, classes=4, width=1.0, in_channels=3), Block(4, 4, 1)

        def forward(self, x: Tensor) -> Tensor:
            return self.parts(self.whole(x).reshape(-1, 4, 1, 1).repeat(2, 1, 1, 1))

    found = find_blocks(Folded(), example=torch.zeros(2, 3, 8, 8))
    assert [each.site.name for each in found] == ["whole.layer2.0", "whole.layer3.0"]
    with pytest.raises(ConfigError, match="block 'parts' sees 4 things at once where the network is given 2 inputs"):
        find_blocks(Folded(), ["whole.layer*.?", "parts"], torch.zeros(2, 3, 8, 8))


def test_torchs_own_transformer_layers_are_known() -> None:
    layer = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)
    encoder = nn.TransformerEncoder(layer, 3, enable_nested_tensor=False)
    found = find_blocks(encoder, example=torch.zeros(2, 5, 8))
    assert [(each.site.name, each.channels, each.site.skippable) for each in found] == [
        ("layers.1", 8, True),
        ("layers.2", 8, True),
    ]


def test_what_is_refused() -> None:
    with pytest.raises(
        ConfigError, match=r"VGG has 0 residual blocks that are known by their class, .* name its blocks"
    ):
        find_blocks(_build("vgg16_bn"))
    with pytest.raises(ConfigError, match=r"no module is called like 'body.*'; the outermost are late, early"):
        find_blocks(_Mine(), ["body.*"])
    with pytest.raises(
        ConfigError, match=r"names 1 block, and the first always runs; name more, or set gate_first=True"
    ):
        find_blocks(_Mine(), ["late"])
    shared = nn.Conv2d(3, 3, 1)
    with pytest.raises(ConfigError, match="a block runs twice in one pass"):
        find_blocks(
            nn.Sequential(nn.Sequential(shared), nn.Sequential(shared)),
            ["*.0"],
            torch.zeros(1, 3, 2, 2),
            gate_first=True,
        )
    model = _Mine()
    model.forward = lambda x: model.late(model.early[0](x))
    with pytest.raises(ConfigError, match="1 of 3 blocks did not run on the example"):
        find_blocks(model, ["early.0", "early.1", "late"], torch.zeros(1, 3, 4, 4))

"""Compression ratios from shapes and sparsities alone, beside the ratios computed when the method's rules were studied.

Blocks are those of the paper: one a filter, sliced at 192 rows (64 channels of a 3x3 kernel) or, as in the authors' first code, at
96. VGG-19 and ResNet-50 agree with the study within the last digit given, the compact networks within 1 % with slices of 96 rows.
The others are within 2.5 %: there the study's slices of 1x1 and linear layers (the official code's table of sizes, with presets
such as 25088 -> 41 x 204 rows) and what it counted as filled-up coefficients are not those of one rule. A coefficient that fills
a row up counts: it is stored. Rows are pruned by the same share in every layer; the published networks' shares are not known.
"""

import math
from itertools import pairwise

import pytest
import torch
from torch import nn

from netchip.methods.smart_exchange.accounting.layers import LayerCounts
from netchip.methods.smart_exchange.accounting.rules import Accounting, IndexedRows, account
from netchip.methods.smart_exchange.decomposition.choosing import tiling_for
from netchip.methods.smart_exchange.decomposition.tiling import Tiling
from netchip.models.build import build
from netchip.models.spec import ModelSpec

Shape = tuple[int, ...]
LAST_DIGIT, ONE_PERCENT, OTHER_SLICES = 0.006, 0.01, 0.025


def zoo(name: str, classes: int) -> list[Shape]:
    with torch.device("meta"):
        modules = build(ModelSpec(name=name, classes=classes)).modules()
    return [tuple(each.weight.shape) for each in modules if isinstance(each, nn.Conv2d | nn.Linear)]


def vgg11() -> list[Shape]:
    channels = (3, 64, 128, 256, 256, 512, 512, 512, 512)
    convolutions = [(out, into, 3, 3) for into, out in pairwise(channels)]
    return [*convolutions, (4096, 25088), (4096, 4096), (1000, 4096)]


def efficientnet_b0() -> list[Shape]:
    """Expansion, channels, repeats and kernel of each stage (arXiv 1905.11946, table 1); squeeze to a quarter of the input."""
    shapes, channels = [(32, 3, 3, 3)], 32
    stages = (
        (1, 16, 1, 3),
        (6, 24, 2, 3),
        (6, 40, 2, 5),
        (6, 80, 3, 3),
        (6, 112, 3, 5),
        (6, 192, 4, 5),
        (6, 320, 1, 3),
    )
    for expansion, out, repeats, kernel in stages:
        for _ in range(repeats):
            inner, squeezed = channels * expansion, channels // 4
            shapes += [(inner, channels, 1, 1)] if expansion > 1 else []
            shapes += [(inner, 1, kernel, kernel), (squeezed, inner, 1, 1), (inner, squeezed, 1, 1), (out, inner, 1, 1)]
            channels = out
    return [*shapes, (1280, 320, 1, 1), (1000, 1280)]


SHAPES = {
    "mobilenet_v2": zoo("mobilenet_v2", 1000),
    "vgg19": zoo("vgg19_bn", 10),
    "resnet50": zoo("resnet50", 1000),
    "vgg11": vgg11(),
    "efficientnet_b0": efficientnet_b0(),
    "resnet164": zoo("preresnet164", 10),
}


def layers(name: str, row_sparsity: float, height: int = 192) -> list[LayerCounts]:
    return [
        LayerCounts.from_shape(f"{place}", tiling_for(shape, height=height, stacking=False), row_sparsity=row_sparsity)
        for place, shape in enumerate(SHAPES[name])
    ]


@pytest.mark.parametrize(
    ("name", "megabytes"), [("vgg19", 80.13), ("resnet50", 102.4), ("mobilenet_v2", 13.92), ("resnet164", 6.75)]
)
def test_the_networks_are_those_of_the_tables(name: str, megabytes: float) -> None:
    """At four bytes a weight; what the tables have more are norms and biases."""
    assert 4e-6 * sum(map(math.prod, SHAPES[name])) == pytest.approx(megabytes, rel=0.006)


@pytest.mark.parametrize(
    ("name", "row_sparsity", "all_rows", "kept_rows", "tolerance"),
    [
        ("vgg19", 0.928, 42.9, 73.2, LAST_DIGIT),
        ("vgg19", 0.937, 45.0, 80.4, LAST_DIGIT),
        ("resnet50", 0.45, 11.9, 12.6, LAST_DIGIT),
        ("resnet50", 0.586, 14.9, 16.4, LAST_DIGIT),
        ("vgg11", 0.86, 31.5, 43.9, OTHER_SLICES),
        ("resnet164", 0.376, 9.4, 9.8, OTHER_SLICES),
        ("resnet164", 0.61, 13.1, 14.2, OTHER_SLICES),
    ],
)
def test_paper_rule(name: str, row_sparsity: float, all_rows: float, kept_rows: float, tolerance: float) -> None:
    counted = layers(name, row_sparsity)
    assert account(counted, "paper", indexed_rows="all").against_fp32 == pytest.approx(all_rows, rel=tolerance)
    assert account(counted, "paper", indexed_rows="kept").against_fp32 == pytest.approx(kept_rows, rel=tolerance)


@pytest.mark.parametrize(("name", "ratio"), [("mobilenet_v2", 6.58), ("efficientnet_b0", 6.36)])
def test_paper_rule_of_compact_networks(name: str, ratio: float) -> None:
    assert account(layers(name, 0.0, height=96), "paper").against_fp32 == pytest.approx(ratio, rel=ONE_PERCENT)


@pytest.mark.parametrize(
    ("name", "row_sparsity", "published", "accounting", "indexed", "height", "off_percent"),
    [
        ("mobilenet_v2", 0.0, 6.57, "paper", "all", 96, -0.3),
        ("vgg19", 0.928, 74.19, "paper", "kept", 192, -1.3),
        ("vgg19", 0.937, 80.94, "paper", "kept", 192, -0.7),
        ("resnet50", 0.45, 11.53, "paper", "all", 96, -1.2),
        ("resnet50", 0.586, 14.24, "paper", "all", 96, -0.8),
        ("resnet164", 0.376, 8.04, "official_code", "all", 192, -2.3),
        ("resnet164", 0.61, 10.55, "official_code", "all", 192, -3.0),
        ("efficientnet_b0", 0.0, 6.67, "paper", "all", 192, -3.6),
        ("vgg11", 0.86, 47.04, "paper", "kept", 192, -7.5),
    ],
)
def test_the_reading_that_comes_nearest_to_each_published_ratio(
    name: str,
    row_sparsity: float,
    published: float,
    accounting: Accounting,
    indexed: IndexedRows,
    height: int,
    off_percent: float,
) -> None:
    """The table in docs/results.md: no rule gives all of them."""

    def off(accounting: Accounting, indexed: IndexedRows, height: int) -> float:
        size = account(layers(name, row_sparsity, height), accounting, indexed_rows=indexed)
        return 100 * (size.against_fp32 / published - 1)

    assert off(accounting, indexed, height) == pytest.approx(off_percent, abs=0.06)
    others = [off("paper", "all", each) for each in (96, 192)] + [off("paper", "kept", each) for each in (96, 192)]
    others += [off("official_code", "all", each) for each in (96, 192)]
    assert min(map(abs, others)) == pytest.approx(abs(off(accounting, indexed, height)))


@pytest.mark.parametrize(
    ("name", "row_sparsity", "ratio", "tolerance"),
    [
        ("vgg19", 0.928, 22.6, LAST_DIGIT),
        ("vgg19", 0.937, 23.2, LAST_DIGIT),
        ("vgg11", 0.86, 19.0, OTHER_SLICES),
        ("resnet50", 0.45, 9.5, OTHER_SLICES),  # without its 7x7 stem, which the code does not count
        ("resnet50", 0.586, 11.4, OTHER_SLICES),
        ("resnet164", 0.376, 7.9, OTHER_SLICES),
        ("resnet164", 0.61, 10.2, OTHER_SLICES),
        ("mobilenet_v2", 0.0, 5.79, OTHER_SLICES),  # 5.76 with slices of 96 rows
        ("efficientnet_b0", 0.0, 5.61, 0.06),  # without its 5x5 depthwise layers, which the study counted: 5 % above it
    ],
)
def test_official_code(name: str, row_sparsity: float, ratio: float, tolerance: float) -> None:
    assert account(layers(name, row_sparsity), "official_code").against_fp32 == pytest.approx(ratio, rel=tolerance)


@pytest.mark.parametrize(
    ("name", "row_sparsity", "published", "ours"),
    [("vgg19", 0.928, 74.19, 42.87), ("resnet164", 0.376, 8.04, 9.42), ("vgg11", 0.86, 47.04, 31.31)],
)
def test_published_ratios_of_pruned_networks_are_not_those_of_a_file(
    name: str, row_sparsity: float, published: float, ours: float
) -> None:
    """What a file takes, with a bit for every row: some headline ratios are not reached, one is passed."""
    ratio = account(layers(name, row_sparsity), "file").against_fp32
    assert ratio == pytest.approx(ours, rel=0.002)
    assert ratio != pytest.approx(published, rel=0.1)


@pytest.mark.parametrize(
    ("height", "bits_per_weight", "ratio"), [(192, 4.46, 7.18), (48, 4.83, 6.62), (27, 5.22, 6.13), (9, 7.0, 4.57)]
)
def test_dense_ceiling_of_a_block(height: int, bits_per_weight: float, ratio: float) -> None:
    """4 + 1/3 + 24 / rows bits a weight."""
    size = account([LayerCounts.from_shape("", Tiling((1, height, 3), 3))], "paper")
    assert size.bits_per_weight == pytest.approx(bits_per_weight, abs=0.005)
    assert size.against_fp32 == pytest.approx(ratio, abs=0.01)


def test_the_rule_alone_moves_the_ratio_up_to_threefold() -> None:
    counted = layers("vgg19", 0.937)
    most = account(counted, "paper", indexed_rows="kept").against_fp32
    least = account(counted, "official_code").against_fp32
    assert most / least == pytest.approx(3.46, abs=0.1)

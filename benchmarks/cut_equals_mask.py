"""Half of all channels cut at random from many architectures, held against the masked network: what is cut, what is left alone.

    python benchmarks/cut_equals_mask.py

The networks of netchip, and where the extra `vision` is installed some of timm's, all with random weights, scales, shifts and
running statistics. `difference` is max|cut - masked| / max|masked| in float32; above 1e-5 the cut is refused.
"""

import argparse
import platform
from collections.abc import Iterator
from datetime import date

import numpy as np
import torch
from torch import nn

from netchip.errors import MissingExtra
from netchip.graph.coupling import Coupling, channel_groups
from netchip.graph.surgery import cut, plan
from netchip.models.build import build, example_input
from netchip.models.spec import ModelSpec

OURS = ("vgg16_bn", "resnet20", "preresnet101", "resnet18", "resnet50", "mobilenet_v2")
TIMM = (
    "densenet121",
    "resnext50_32x4d",
    "efficientnet_b0",
    "mobilenetv3_large_100",
    "regnety_004",
    "resnet50_gn",
    "vit_tiny_patch16_224",
    "convnext_atto",
    "swin_tiny_patch4_window7_224",
)


def networks() -> Iterator[tuple[str, nn.Module, torch.Tensor]]:
    """Name, network with random scales and statistics, and an input."""
    for name in (*OURS, *(f"timm:{name}" for name in TIMM)):
        spec = ModelSpec(name=name, classes=10, image_size=224 if name in TIMM[-3:] else None)
        torch.manual_seed(0)
        try:
            network = build(spec)
        except MissingExtra as error:
            print(f"{name}: {error}")
            continue
        _randomise(network)
        yield name, network, example_input(spec)


@torch.no_grad()
def _randomise(network: nn.Module) -> None:
    """Scales, shifts and running statistics away from 1, 0, 0, 1, so that a wrong cut cannot look right; LayerScale to 1."""
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d | nn.GroupNorm):
            module.weight.uniform_(-1.5, 1.5)
            module.bias.normal_()
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean.normal_()
            module.running_var.uniform_(0.5, 2.0)
    for name, parameter in network.named_parameters():
        if name.endswith(".gamma"):
            parameter.fill_(1.0)


def reasons(coupling: Coupling) -> Iterator[str]:
    """Each reason once, with the layers and channels it holds for; the classifier's outputs always stay and are not listed."""
    found: dict[str, list[tuple[str, int]]] = {}
    for left in coupling.left_alone:
        if "reach the model's output" not in left.reason:
            found.setdefault(left.reason, []).append((left.name, left.channels))
    for reason, layers in found.items():
        channels = sum(count for _, count in layers)
        yield f"{len(layers)} x {channels} channels, such as {layers[0][0]}: {reason}"


def main() -> None:
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    torch.set_num_threads(1)
    print(f"{date.today()}, {platform.machine()}, torch {torch.__version__}")
    print(f"{'network':34}{'groups':>7}{'units':>8}{'parameters left':>17}{'difference':>12}")
    random = np.random.default_rng(0)
    for name, network, example in networks():
        coupling = channel_groups(network, example)
        keep = {group.name: random.permutation(group.units) < -(-group.units // 2) for group in coupling.groups}
        report = cut(network, plan(coupling, keep), example=example)
        share = f"{100 * report.parameters_after / report.parameters_before:.1f} %"
        units = sum(group.units for group in coupling.groups)
        print(f"{name:34}{len(coupling.groups):7}{units:8}{share:>17}{report.difference:12.1e}", flush=True)
        for reason in reasons(coupling):
            print(f"    left alone: {reason}")


if __name__ == "__main__":
    main()

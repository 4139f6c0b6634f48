"""Every network of the zoo: the published parameter and MAC counts, small images, widths, and names that are not there.

Sources: ResNet-18/50 and MobileNetV2 as torchvision documents them; CIFAR ResNets He et al. 2015, table 6 (with option A,
so without the projections); BatchNorm channels of VGG-16 (4,224) and PreResNet-101 (7,408) as the Early-Bird code counts
them; VGG-16 on CIFAR 14.7 M parameters and 313 M MACs (Li et al., arXiv 1608.08710, table 1: 3.13e8; theirs has another
classifier).
"""

import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from netchip.errors import ModelError
from netchip.models.build import build, example_input, model_names
from netchip.models.spec import ModelSpec


def parameters(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


def scales(network: nn.Module) -> int:
    return sum(module.num_features for module in network.modules() if isinstance(module, nn.BatchNorm2d))


def macs(spec: ModelSpec) -> float:
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        build(spec).eval()(example_input(spec))
    return counter.get_total_flops() / 2


def imagenet(name: str) -> ModelSpec:
    return ModelSpec(name=name, classes=1000)


@pytest.mark.parametrize(
    ("name", "count", "millions"),
    [("resnet18", 11_689_512, 1814.07), ("resnet50", 25_557_032, 4089.18), ("mobilenet_v2", 3_504_872, 300.77)],
)
def test_imagenet_counts(name: str, count: int, millions: float) -> None:
    assert parameters(build(imagenet(name))) == count
    assert macs(imagenet(name)) / 1e6 == pytest.approx(millions, abs=0.01)


@pytest.mark.parametrize(("depth", "millions"), [(20, 0.27), (32, 0.46), (44, 0.66), (56, 0.85), (110, 1.7)])
def test_cifar_resnets_have_the_published_parameters(depth: int, millions: float) -> None:
    network = build(ModelSpec(name=f"resnet{depth}"))
    projections = sum(parameters(module) for name, module in network.named_modules() if name.endswith("shortcut"))
    assert projections == (16 * 32 + 2 * 32) + (32 * 64 + 2 * 64)
    assert (parameters(network) - projections) / 1e6 == pytest.approx(millions, abs=0.03 if depth == 110 else 0.006)


def test_resnet20_macs_by_hand() -> None:
    """Stem 3->16; six 16->16 at 32x32; stage changes; the rest by channels; two projections; the classifier."""
    stem, stage1 = 1024 * 27 * 16, 6 * 1024 * 144 * 16
    stage2 = 256 * 9 * (16 * 32 + 5 * 32 * 32) + 256 * 16 * 32
    stage3 = 64 * 9 * (32 * 64 + 5 * 64 * 64) + 64 * 32 * 64
    assert macs(ModelSpec(name="resnet20")) == stem + stage1 + stage2 + stage3 + 640


def test_vgg16_and_preresnet101_as_the_early_bird_code_counts_them() -> None:
    vgg, preresnet = ModelSpec(name="vgg16_bn"), ModelSpec(name="preresnet101")
    assert (scales(build(vgg)), scales(build(preresnet))) == (4224, 7408)
    assert (parameters(build(vgg)) / 1e6, macs(vgg) / 1e6) == pytest.approx((14.72, 313.2), abs=0.01)
    assert 2 * macs(preresnet) / 1e9 == pytest.approx(0.308, abs=0.001)


def test_scales_start_where_the_papers_start_them() -> None:
    def start(name: str) -> set[float]:
        network = build(ModelSpec(name=name, width=0.25))
        return {
            value
            for module in network.modules()
            if isinstance(module, nn.BatchNorm2d)
            for value in module.weight.tolist()
        }

    assert (start("vgg16_bn"), start("preresnet20"), start("resnet20")) == ({0.5}, {0.5}, {1.0})


@pytest.mark.parametrize("name", model_names())
def test_narrow_grey_and_small(name: str) -> None:
    spec = ModelSpec(name=name, width=0.25, classes=7, image_size=8, in_channels=1)
    network = build(spec)
    assert network(example_input(spec, batch=2)).shape == (2, 7)
    assert parameters(network) < parameters(build(spec.changed(width=0.5)))


def test_same_seed_same_weights() -> None:
    spec = ModelSpec(name="resnet8")
    torch.manual_seed(3)
    first = build(spec).state_dict()
    torch.manual_seed(3)
    second = build(spec).state_dict()
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert torch.equal(example_input(spec), example_input(spec))


def test_an_unknown_name_suggests_the_closest() -> None:
    with pytest.raises(ModelError, match="no network is called 'mobilenetv2'; did you mean 'mobilenet_v2'"):
        build(ModelSpec(name="mobilenetv2"))
    with pytest.raises(ModelError, match="known: vgg16_bn"):
        build(ModelSpec(name="zzz"))

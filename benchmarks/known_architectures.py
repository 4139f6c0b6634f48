"""The networks that benchmarks/architectures.py tries: netchip's own, those written out in plain_networks.py, and timm's."""

from dataclasses import dataclass
from pathlib import Path

from netchip.models.spec import ModelSpec

HERE = Path(__file__).resolve().parent
CLASSES, SMALL = 10, 64


@dataclass(frozen=True)
class Architecture:
    """A network by its name, its family, and the side of the images it is tried on; `note` explains what does not work, and why."""

    name: str
    family: str
    size: int = SMALL
    note: str = ""

    @property
    def spec(self) -> ModelSpec:
        """What `build` takes; those written out beside this script by their file."""
        name = f"{HERE / 'plain_networks.py'}{self.name}" if self.name.startswith(":") else self.name
        return ModelSpec(name=name, classes=CLASSES, image_size=self.size)

    @property
    def title(self) -> str:
        """The name in the table."""
        return self.name.removeprefix(":")


OURS = (
    *(Architecture(name, family, 32) for name, family in (
        ("vgg16_bn", "VGG"), ("resnet20", "ResNet (CIFAR)"), ("preresnet20", "pre-activation ResNet"),
    )),
    Architecture("resnet18", "ResNet"),
    Architecture("mobilenet_v2", "MobileNet"),
)  # fmt: skip
PLAIN = tuple(
    Architecture(name, family)
    for name, family in (
        (":vit", "ViT as Hugging Face writes it"),
        (":unet", "U-Net"),
        (":detector", "feature pyramid and heads"),
        (":frames_then_lstm", "convolutions, then an LSTM"),
        (":encoder", "torch's transformer encoder"),
        (":mlp", "MLP"),
    )
)
TIMM = (
    Architecture("timm:resnet26d", "ResNet-D"),
    Architecture("timm:resnext26ts", "ResNeXt"),
    Architecture("timm:seresnet18", "SE-ResNet"),
    Architecture("timm:skresnet18", "selective kernels"),
    Architecture("timm:resnest14d", "ResNeSt"),
    Architecture("timm:res2net50_26w_4s", "Res2Net"),
    Architecture("timm:resnetv2_18", "ResNet v2"),
    Architecture("timm:regnetx_002", "RegNet"),
    Architecture("timm:regnety_002", "RegNet with SE"),
    Architecture("timm:densenet121", "DenseNet"),
    Architecture("timm:ese_vovnet19b_slim", "VoVNet"),
    Architecture("timm:dla46_c", "deep layer aggregation"),
    Architecture("timm:hrnet_w18_small", "HRNet"),
    Architecture("timm:efficientnet_b0", "EfficientNet"),
    Architecture("timm:tf_efficientnetv2_b0", "EfficientNet v2"),
    Architecture("timm:mobilenetv3_small_100", "MobileNet v3"),
    Architecture("timm:mobilenetv4_conv_small", "MobileNet v4"),
    Architecture("timm:ghostnet_100", "GhostNet"),
    Architecture(
        "timm:repvgg_a0",
        "RepVGG",
        note="A block is three branches in parallel, each with a BatchNorm, and adds to no input; name blocks to gate them.",
    ),
    Architecture(
        "timm:mobileone_s0",
        "MobileOne",
        note="As RepVGG: branches in parallel, merged into one convolution after training.",
    ),
    Architecture("timm:fasternet_t0", "FasterNet"),
    Architecture("timm:inception_v3", "Inception", 96),
    Architecture(
        "timm:nf_resnet26",
        "NF-ResNet",
        note="Its convolutions standardise their weights over what they read (ScaledStdConv2d): without an input channel the rest "
        "is another weight, so no cut equals the masked network.",
    ),
    Architecture("timm:convnext_atto", "ConvNeXt"),
    Architecture("timm:convmixer_768_32", "ConvMixer"),
    Architecture("timm:poolformer_s12", "PoolFormer"),
    Architecture("timm:vit_tiny_patch16_224", "ViT"),
    Architecture("timm:deit_tiny_patch16_224", "DeiT"),
    Architecture("timm:cait_xxs24_224", "CaiT"),
    Architecture("timm:eva02_tiny_patch14_224", "EVA-02", 56),
    Architecture("timm:swin_tiny_patch4_window7_224", "Swin", 224),
    Architecture("timm:mixer_s32_224", "MLP-Mixer"),
    Architecture("timm:resmlp_12_224", "ResMLP"),
    Architecture("timm:levit_128s", "LeViT", 224),
    Architecture("timm:mobilevit_xxs", "MobileViT"),
    Architecture("timm:coatnet_pico_rw_224", "CoAtNet"),
    Architecture("timm:efficientformer_l1", "EfficientFormer", 224),
)
ARCHITECTURES = (*OURS, *PLAIN, *TIMM)

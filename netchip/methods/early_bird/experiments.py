"""Named runs. Each is a function that returns a config; the first line of its docstring is what `netchip list` shows."""

from netchip.data.spec import DatasetSpec
from netchip.methods.early_bird.config import EarlyBirdConfig
from netchip.models.spec import ModelSpec
from netchip.train.spec import OptimizerSpec


def digits() -> EarlyBirdConfig:
    """Real handwritten digits at 16x16, ResNet-20, ratio 0.5: under a minute on one core."""
    return EarlyBirdConfig(
        data=DatasetSpec(name="digits", image_size=16, batch_size=64),
        model=ModelSpec(name="resnet20", in_channels=1, classes=10, image_size=16),
        optimizer=OptimizerSpec(learning_rate=0.05, momentum=0.9, weight_decay=1e-4, schedule="cosine"),
        epochs=20,
        ratio=(0.5,),
        latest_epoch=12,
    )


def smoke() -> EarlyBirdConfig:
    """Seconds: the whole path on 8x8 digits with a ResNet-8, to see that everything works."""
    return digits().changed(
        data={"image_size": 8}, model={"name": "resnet8", "image_size": 8}, epochs=10, ratio=0.3, latest_epoch=7
    )


def cifar10_small() -> EarlyBirdConfig:
    """10,000 CIFAR-10 training images, VGG-16 a quarter as wide, ratio 0.5: 10 minutes at most on two cores, both arms."""
    return EarlyBirdConfig(
        data=DatasetSpec(name="cifar10-small", batch_size=64, augment="crop-flip"),
        model=ModelSpec(name="vgg16_bn", width=0.25, image_size=32),
        optimizer=OptimizerSpec(learning_rate=0.1, momentum=0.9, weight_decay=1e-4, schedule="cosine"),
        epochs=20,
        ratio=(0.5,),
        latest_epoch=15,
    )


def vgg16_cifar10() -> EarlyBirdConfig:
    """The paper's settings: VGG-16, CIFAR-10, 160 epochs, one search for ratios 0.3, 0.5 and 0.7. Needs a GPU."""
    return EarlyBirdConfig(
        data=DatasetSpec(name="cifar10", batch_size=256, augment="crop-flip"),
        model=ModelSpec(name="vgg16_bn", image_size=32),
        optimizer=_paper_optimizer(),
        epochs=160,
        ratio=(0.3, 0.5, 0.7),
        min_share=0.0,
    )


def preresnet101_cifar10() -> EarlyBirdConfig:
    """The paper's settings: PreResNet-101 with its residual stream kept whole, otherwise as vgg16-cifar10. Needs a GPU."""
    return vgg16_cifar10().changed(model={"name": "preresnet101"}, stream="full", counting="official")


def _paper_optimizer() -> OptimizerSpec:
    """Section 4.1: SGD with momentum, rate 0.1, a tenth of it at epochs 80 and 120, weight decay 1e-4."""
    return OptimizerSpec(
        learning_rate=0.1, momentum=0.9, weight_decay=1e-4, schedule="multistep", milestones=(80, 120), factor=0.1
    )

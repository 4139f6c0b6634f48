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
        ratio=0.5,
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
        ratio=0.5,
        latest_epoch=15,
    )

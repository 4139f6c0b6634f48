"""Named runs. Each is a function that returns a config; the first line of its docstring is what `netchip list` shows."""

from netchip.data.spec import DatasetSpec
from netchip.methods.fractional_skipping.config import FractionalSkippingConfig
from netchip.models.spec import ModelSpec
from netchip.train.spec import OptimizerSpec


def digits() -> FractionalSkippingConfig:
    """Real handwritten digits at 16x16, ResNet-14, skip / 4 / 8 bits at half of int8: under a minute an arm on one core."""
    return FractionalSkippingConfig(
        data=DatasetSpec(name="digits", image_size=16, batch_size=64),
        model=ModelSpec(name="resnet14", in_channels=1, classes=10, image_size=16),
        backbone_epochs=8,
        backbone_optimizer=_cosine(0.05),
        epochs=8,
        optimizer=_cosine(0.02),
        options="skip, 4, 8",
        budgets=("50%",),
        retarget=("15%", "25%", "35%", "65%", "80%"),
        baselines=("dense", "int8", "int4", "modal", "skipnet", "random", "early-exit"),
    )


def smoke() -> FractionalSkippingConfig:
    """Seconds: the whole path on 8x8 digits with a narrow ResNet-8, to see that everything works."""
    return digits().changed(
        data={"image_size": 8},
        model={"name": "resnet8", "image_size": 8, "width": 0.5},
        backbone_epochs=3,
        gate_epochs=1,
        epochs=3,
        tolerance=0.05,
        retarget=("35%",),
        baselines=("dense",),
    )


def cifar10_small() -> FractionalSkippingConfig:
    """10,000 CIFAR-10 training images, ResNet-14, skip / 4 / 8 bits, every baseline: 10 minutes an arm at most on two cores."""
    return FractionalSkippingConfig(
        data=DatasetSpec(name="cifar10-small", batch_size=64, augment="crop-flip"),
        model=ModelSpec(name="resnet14", width=0.75, image_size=32),
        backbone_epochs=20,
        backbone_optimizer=_cosine(0.1),
        epochs=8,
        optimizer=_cosine(0.02),
        options="skip, 4, 8",
        budgets=("50%", "25%", "75%"),
        retarget=("15%", "25%", "35%", "65%", "75%"),
        baselines=("dense", "int8", "int4", "modal", "skipnet", "random", "early-exit"),
    )


def resnet38_cifar10() -> FractionalSkippingConfig:
    """The paper's settings: ResNet-38, CIFAR-10, skip / 8 / 16 / full, three stages, 64,000 iterations. Needs a GPU."""
    return FractionalSkippingConfig(
        data=DatasetSpec(name="cifar10", batch_size=128, augment="crop-flip"),
        model=ModelSpec(name="resnet38", image_size=32),
        backbone_epochs=182,
        backbone_optimizer=_paper(0.1),
        gate_epochs=6,
        gate_optimizer=OptimizerSpec(learning_rate=0.01, momentum=0.9, weight_decay=1e-4),
        epochs=182,
        optimizer=_paper(0.01),
        options="paper-4",
        mode="paper",
        controller="sign",
        strength=0.0218,
        budgets=("50%", "40%", "30%", "20%", "10%"),
        baselines=("dense", "int8", "int4", "modal", "skipnet", "random", "early-exit"),
    )


def resnet74_cifar10() -> FractionalSkippingConfig:
    """The paper's settings: ResNet-74, otherwise as resnet38-cifar10. Needs a GPU."""
    return resnet38_cifar10().changed(model={"name": "resnet74"}, strength=0.0448)


def _cosine(rate: float) -> OptimizerSpec:
    return OptimizerSpec(learning_rate=rate, momentum=0.9, weight_decay=1e-4, schedule="cosine")


def _paper(rate: float) -> OptimizerSpec:
    """SGD with momentum, a tenth of the rate after 32,000 and 48,000 of 64,000 iterations of 128 images; 351 an epoch here."""
    return OptimizerSpec(
        learning_rate=rate, momentum=0.9, weight_decay=1e-4, schedule="multistep", milestones=(91, 137), factor=0.1
    )

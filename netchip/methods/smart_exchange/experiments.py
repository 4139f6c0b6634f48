"""Named runs. Each is a function that returns a config; the first line of its docstring is what `netchip list` shows."""

from netchip.data.spec import DatasetSpec
from netchip.methods.smart_exchange.config import SmartExchangeConfig
from netchip.methods.smart_exchange.training.settings import SmartExchangeSettings
from netchip.models.spec import ModelSpec
from netchip.train.spec import OptimizerSpec


def digits() -> SmartExchangeConfig:
    """Real handwritten digits at 16x16, ResNet-20, half of the rows pruned: under a minute an arm on one core."""
    return SmartExchangeConfig(
        data=DatasetSpec(name="digits", image_size=16, batch_size=64),
        model=ModelSpec(name="resnet20", in_channels=1, classes=10, image_size=16),
        optimizer=_sgd(0.05),
        epochs=20,
        retrain=_sgd(0.05),
        retrain_epochs=12,
        exchange=SmartExchangeSettings(row_sparsity=0.5, ramp=4),
    )


def smoke() -> SmartExchangeConfig:
    """Seconds: the whole path on 8x8 digits with a ResNet-8, to see that everything works."""
    return digits().changed(
        data={"image_size": 8},
        model={"name": "resnet8", "image_size": 8},
        epochs=8,
        retrain_epochs=4,
        exchange={"ramp": 2},
    )


def cifar10_small() -> SmartExchangeConfig:
    """10,000 CIFAR-10 training images, VGG-16 a quarter as wide, 60 % of the rows pruned: 10 minutes at most on two cores."""
    return SmartExchangeConfig(
        data=DatasetSpec(name="cifar10-small", batch_size=64, augment="crop-flip"),
        model=ModelSpec(name="vgg16_bn", width=0.25, image_size=32),
        optimizer=_sgd(0.1),
        epochs=15,
        retrain=_sgd(0.05),
        retrain_epochs=8,
        exchange=SmartExchangeSettings(row_sparsity=0.6, ramp=3),
    )


def vgg19_cifar10() -> SmartExchangeConfig:
    """The paper's settings: VGG-19, CIFAR-10, 92.8 % of the rows pruned, 300 epochs of retraining. Needs a GPU."""
    return SmartExchangeConfig(
        data=DatasetSpec(name="cifar10", batch_size=128, augment="crop-flip"),
        model=ModelSpec(name="vgg19_bn", image_size=32),
        optimizer=_paper_optimizer(),
        epochs=300,
        retrain=_paper_optimizer(),
        retrain_epochs=300,
        exchange=SmartExchangeSettings(row_sparsity=0.928, ramp=60),
        average_share=0.5,
    )


def resnet164_cifar10() -> SmartExchangeConfig:
    """The paper's settings: pre-activation ResNet-164, CIFAR-10, 37.6 % of the rows pruned, 300 epochs. Needs a GPU."""
    return vgg19_cifar10().changed(model={"name": "preresnet164"}, exchange={"row_sparsity": 0.376})


def _sgd(rate: float) -> OptimizerSpec:
    return OptimizerSpec(learning_rate=rate, momentum=0.9, weight_decay=1e-4, schedule="cosine")


def _paper_optimizer() -> OptimizerSpec:
    """SGD with momentum, rate 0.05, half of it every 30 epochs, weight decay 5e-4 (released code)."""
    return OptimizerSpec(
        learning_rate=0.05,
        momentum=0.9,
        weight_decay=5e-4,
        schedule="multistep",
        milestones=tuple(range(30, 300, 30)),
        factor=0.5,
    )

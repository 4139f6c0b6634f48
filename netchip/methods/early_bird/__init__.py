"""Early-Bird tickets: find the channel-pruned subnetwork in the first epochs, then train only that. See README.md here."""

from netchip.methods.early_bird import experiments
from netchip.methods.early_bird.config import EarlyBirdConfig
from netchip.methods.method import Method, Paper

METHOD = Method(
    name="early-bird",
    summary="find the channel-pruned subnetwork in the first epochs by a mask distance, then train only that",
    paper=Paper(
        title="Drawing Early-Bird Tickets: Towards More Efficient Training of Deep Networks",
        venue="ICLR 2020",
        arxiv="1909.11957",
    ),
    config_class=EarlyBirdConfig,
    experiments={
        "smoke": experiments.smoke,
        "digits": experiments.digits,
        "cifar10-small": experiments.cifar10_small,
        "vgg16-cifar10": experiments.vgg16_cifar10,
        "preresnet101-cifar10": experiments.preresnet101_cifar10,
    },
    runner="netchip.methods.early_bird.run:run",
    inspector="netchip.methods.early_bird.treatment:treatment",
)

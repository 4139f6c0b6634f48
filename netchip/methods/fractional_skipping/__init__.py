"""Fractional skipping: each input decides, block by block, to skip, to run at few bits, or to run in full. See README.md here."""

from netchip.methods.fractional_skipping import experiments
from netchip.methods.fractional_skipping.config import FractionalSkippingConfig
from netchip.methods.method import Method, Paper

METHOD = Method(
    name="fractional-skipping",
    summary="let each input decide, block by block, to skip it, to run it at few bits or in full, within a budget",
    paper=Paper(
        title="Fractional Skipping: Towards Finer-Grained Dynamic CNN Inference",
        venue="AAAI 2020",
        arxiv="2001.00705",
    ),
    config_class=FractionalSkippingConfig,
    experiments={
        "smoke": experiments.smoke,
        "digits": experiments.digits,
        "cifar10-small": experiments.cifar10_small,
        "resnet38-cifar10": experiments.resnet38_cifar10,
        "resnet74-cifar10": experiments.resnet74_cifar10,
    },
    runner="netchip.methods.fractional_skipping.run:run",
    inspector="netchip.methods.fractional_skipping.treatment:treatment",
)

"""SmartExchange: weights as a small basis times sparse signed powers of two. See README.md here."""

from netchip.methods.method import Method, Paper
from netchip.methods.smart_exchange import experiments
from netchip.methods.smart_exchange.config import SmartExchangeConfig

METHOD = Method(
    name="smart-exchange",
    summary="weights as a small int8 basis times sparse powers of two: fewer bits to store and move, shifts to rebuild",
    paper=Paper(
        title="SmartExchange: Trading Higher-cost Memory Storage/Access for Lower-cost Computation",
        venue="ISCA 2020",
        arxiv="2005.03403",
    ),
    config_class=SmartExchangeConfig,
    experiments={
        "smoke": experiments.smoke,
        "digits": experiments.digits,
        "cifar10-small": experiments.cifar10_small,
        "vgg19-cifar10": experiments.vgg19_cifar10,
        "resnet164-cifar10": experiments.resnet164_cifar10,
    },
    runner="netchip.methods.smart_exchange.run:run",
    inspector="netchip.methods.smart_exchange.treatment:treatment",
)

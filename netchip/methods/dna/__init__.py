"""DNA: the network and its accelerator, searched together within hard limits. See README.md here."""

from netchip.methods.dna import experiments
from netchip.methods.dna.config import DnaConfig
from netchip.methods.method import Method, Paper

METHOD = Method(
    name="dna",
    summary="search a network and the accelerator that runs it together, within hard limits",
    paper=Paper(
        title="DNA: Differentiable Network-Accelerator Co-Search",
        venue="2020",
        arxiv="2010.14778",
    ),
    config_class=DnaConfig,
    experiments={
        "smoke": experiments.smoke,
        "digits": experiments.digits,
        "cifar10-small": experiments.cifar10_small,
        "cifar10": experiments.cifar10,
        "imagenet": experiments.imagenet,
        "digits-edp": experiments.digits_edp,
        "smoke-edp": experiments.smoke_edp,
    },
    runner="netchip.methods.dna.run:run",
    inspector="netchip.methods.dna.treatment:treatment",
)

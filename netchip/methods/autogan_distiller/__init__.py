"""AutoGAN-Distiller: search a small generator that imitates a trained one within a hard budget. See README.md here."""

from netchip.methods.autogan_distiller import experiments
from netchip.methods.autogan_distiller.config import AutoganDistillerConfig
from netchip.methods.method import Method, Paper

METHOD = Method(
    name="autogan-distiller",
    summary="search a small generator within a hard budget and train it to imitate a trained one",
    paper=Paper(
        title="AutoGAN-Distiller: Searching to Compress Generative Adversarial Networks",
        venue="ICML 2020",
        arxiv="2006.08198",
    ),
    config_class=AutoganDistillerConfig,
    experiments={
        "smoke": experiments.smoke,
        "demo": experiments.demo,
        "photos-x2": experiments.photos_x2,
        "srgan-x4": experiments.srgan_x4,
        "facades": experiments.facades,
        "facades-256": experiments.facades_256,
    },
    runner="netchip.methods.autogan_distiller.run:run",
    inspector="netchip.methods.autogan_distiller.treatment:treatment",
)

"""The method from top to bottom: a pair is searched, or one half of it for the other; the network is trained, and compared."""

from netchip.data.loading import load
from netchip.methods.dna.config import DnaConfig
from netchip.methods.dna.front import with_front
from netchip.methods.dna.joint.pair import Pair
from netchip.methods.dna.platform.building import platform_of
from netchip.methods.dna.space.presets import preset
from netchip.methods.dna.stages import arms
from netchip.methods.dna.stages.comparison import compare
from netchip.methods.dna.stages.given import given_design, given_pair
from netchip.methods.dna.stages.judging import OURS, Judged
from netchip.methods.dna.stages.stages import Searched, Stages
from netchip.methods.method import Result
from netchip.train.rundir import RunDir


def run(config: DnaConfig, rundir: RunDir) -> Result:
    """Runs every stage that is not on disk yet, in `rundir`, and judges the networks on the test set.

    Raises `BudgetError`, where it can before any training, for limits that are not kept: nothing over them is returned.
    """
    stages = stages_of(config, rundir)
    if config.mode in ("accelerator", "evaluate"):
        return compare(config, stages, [given_pair(config, stages)])
    stages.check()
    judged = [_trained(OURS, "final", stages, stages.searched())]
    judged += [each for name in config.controls for each in _controls(name, config, stages)]
    result = compare(config, stages, judged)
    return with_front(config, stages, judged[0], result) if config.targets else result


def stages_of(config: DnaConfig, rundir: RunDir) -> Stages:
    """The stages of a configuration, in the run's folder."""
    data, wanted = load(config.data), config.space
    channels, height, _ = data.image_shape
    space = preset(
        wanted.name,
        classes=len(data.classes),
        in_channels=channels,
        image_size=height,
        width=wanted.width,
        options=wanted.options,
        bits=wanted.bits,
    )
    return Stages(
        data=data,
        dataset=config.data,
        space=space,
        platform=platform_of(config.platform, seed=config.seed),
        folder=rundir.path,
        search=config.search,
        final=config.final,
        train=config.train,
        design=given_design(config),
        seed=config.seed,
        identity=rundir.config_hash,
    )


def _controls(name: str, config: DnaConfig, stages: Stages) -> list[Judged]:
    """The networks of a control, trained as ours, each with its own best accelerator."""
    if name == "sequential":
        return [_trained(name, name, stages, arms.sequential(stages))]
    if name == "random":
        return [
            _random(stages, pair, index) for index, pair in enumerate(arms.random_pairs(stages, config.random_networks))
        ]
    published = arms.published(stages)
    network = stages.built(lambda: published.space.derive(published.architecture))
    return [Judged(name, stages.trained(network, name), published.design, workload=published.workload)]


def _trained(name: str, folder: str, stages: Stages, found: Searched) -> Judged:
    """What a search found, trained."""
    trained = stages.trained(stages.network(found.pair.architecture, found), folder)
    return Judged(name, trained, found.pair.design, found.pair.architecture, found)


def _random(stages: Stages, pair: Pair, index: int) -> Judged:
    name = f"random-{index + 1}" if index else "random"
    trained = stages.trained(stages.network(pair.architecture), name)
    return Judged(name, trained, pair.design, pair.architecture)

"""The method from top to bottom: search while training, cut, train on, and compare with the dense network."""

from netchip.data.batches import evaluation_batches, training_batches
from netchip.data.loading import load
from netchip.methods.early_bird.config import EarlyBirdConfig
from netchip.methods.early_bird.stages.comparison import compare
from netchip.methods.early_bird.stages.stages import Stages
from netchip.methods.early_bird.stages.trained import TICKET, Trained, in_order
from netchip.methods.method import Result
from netchip.train.rundir import RunDir


def run(config: EarlyBirdConfig, rundir: RunDir) -> Result:
    """Runs every stage that is not on disk yet, in `rundir`, and compares the networks on the test set."""
    data = load(config.data)
    stages = Stages(config, rundir, data, training_batches(data, config.data, seed=config.seed))
    searched = stages.search()
    arms: dict[str, Trained] = {}
    for target, label in enumerate(searched.labels):
        arms[TICKET if target == 0 else f"{TICKET}-{label}"] = stages.retrain(searched, target)
    if "random" in config.controls:
        arms |= stages.random(searched)
    if "late" in config.controls:
        arms |= stages.late(searched)
    if config.dense_baseline:
        arms["dense"] = stages.dense()
    if "uniform" in config.controls:
        arms["uniform"] = stages.uniform(arms[TICKET])
    return compare(config, in_order(arms), searched.search, evaluation_batches(data.test, data, config.data), rundir)

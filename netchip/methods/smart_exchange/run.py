"""The method from top to bottom: train dense, bring the network to factors in several ways, and compare with int8 and int4."""

from netchip.data.batches import evaluation_batches, training_batches
from netchip.data.loading import load
from netchip.methods.method import Result
from netchip.methods.smart_exchange.config import SmartExchangeConfig
from netchip.methods.smart_exchange.stages.comparison import compare
from netchip.methods.smart_exchange.stages.stages import Stages
from netchip.train.rundir import RunDir


def run(config: SmartExchangeConfig, rundir: RunDir) -> Result:
    """Runs every stage that is not on disk yet, in `rundir`, and compares the networks on the test set."""
    data = load(config.data)
    stages = Stages(config, rundir, data, training_batches(data, config.data, seed=config.seed))
    dense = stages.dense()
    names = sorted(config.arms, key=lambda name: name == config.own)
    made = {"dense": dense} | {name: stages.arm(name, dense) for name in names}
    return compare(stages, made, evaluation_batches(data.test, data, config.data))

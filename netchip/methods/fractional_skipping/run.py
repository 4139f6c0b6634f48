"""The method from top to bottom: a backbone, gates trained to each budget, other budgets by a bias, and the comparison."""

from netchip.data.batches import evaluation_batches, training_batches
from netchip.data.loading import load
from netchip.errors import ConfigError
from netchip.graph.to_workload import to_workload
from netchip.methods.fractional_skipping.config import FractionalSkippingConfig
from netchip.methods.fractional_skipping.control.budgets import check_reachable, share_of
from netchip.methods.fractional_skipping.costs import cost_table
from netchip.methods.fractional_skipping.network import make_fractional
from netchip.methods.fractional_skipping.stages.comparison import Compared, compare
from netchip.methods.fractional_skipping.stages.evaluation import Judge
from netchip.methods.fractional_skipping.stages.stages import Stages, arm_makers, name_of
from netchip.methods.fractional_skipping.stages.trained import OURS, Trained
from netchip.methods.method import Result
from netchip.models.build import build, example_input
from netchip.train.distributed import process_count
from netchip.train.rundir import RunDir
from netchip.workload.network import Workload


def run(config: FractionalSkippingConfig, rundir: RunDir) -> Result:
    """Runs every stage that is not on disk yet, in `rundir`, and compares the networks on the test set.

    Raises `ConfigError` under several processes, and what options, blocks and budgets raise, before any training.
    """
    plain = _checked(config)
    data = load(config.data)
    stages = Stages(config, rundir, data, training_batches(data, config.data, seed=config.seed), plain)
    judge = Judge(evaluation_batches(data.test, data, config.data), plain)
    backbone, _ = stages.backbone()
    arms: dict[str, Trained] = {}
    for place, budget in enumerate(config.budgets):
        name = name_of(budget, first=place == 0)
        arms[name] = stages.fractional(backbone, budget, name)
    makers = arm_makers(stages, backbone, arms[OURS])
    arms |= {name: makers[name]() for name in config.baselines if name in makers}
    outcomes = [judge.outcome(arm) for arm in arms.values()]
    if "early-exit" in config.baselines:
        network, trained, table = stages.early_exit(backbone)
        outcomes.append(judge.early_exit(network, trained, table, stages.held_out(), config.budgets[0]))
    if config.cap is not None:
        outcomes.append(judge.capped(arms[OURS], config.cap))
    moved = judge.moved(arms[OURS], stages.held_out(), config.retarget, config.tolerance)
    controls = judge.untrained_controls(arms[OURS], outcomes[0], config.seed)
    return compare(config, Compared(arms, outcomes, moved, controls), judge, data, rundir)


def _checked(config: FractionalSkippingConfig) -> Workload:
    """The workload of the plain network; what cannot be is refused here, before any training."""
    if process_count() > 1:
        raise ConfigError(
            f"{process_count()} processes: a run of fractional-skipping trains its arms in one process; "
            "for several, use make_fractional and BudgetController in a loop of your own"
        )
    plain = build(config.model)
    network = make_fractional(
        plain, config.option_set(), blocks=config.blocks or None, mode=config.mode, gate_first=config.gate_first
    )
    workload = to_workload(plain, example_input(config.model))
    table = cost_table(config.costs, network.sites, network.options, workload)
    for budget in (*config.budgets, *config.retarget):
        check_reachable(table, share_of(budget))
    return workload

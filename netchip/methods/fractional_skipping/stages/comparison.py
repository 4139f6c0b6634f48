"""The arms side by side: accuracy and cost on one test set, and what the routes say about themselves."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from netchip.data.images import ImageClasses
from netchip.files import write_json
from netchip.measure.device import device_description
from netchip.methods.fractional_skipping.config import FractionalSkippingConfig
from netchip.methods.fractional_skipping.options import FULL_BITS
from netchip.methods.fractional_skipping.saved import save_fractional
from netchip.methods.fractional_skipping.seeing.recording import Recorded
from netchip.methods.fractional_skipping.seeing.statistics import RouteStatistics, cost_spread, route_statistics
from netchip.methods.fractional_skipping.stages.evaluation import Judge, Moved
from netchip.methods.fractional_skipping.stages.figures import write_figures, write_training
from netchip.methods.fractional_skipping.stages.trained import OURS, Outcome, Trained
from netchip.methods.method import Arm, Result
from netchip.train.accelerating import training_device
from netchip.train.rundir import RunDir
from netchip.units import format_percent

Metrics = dict[str, float | int | str | None]


@dataclass(frozen=True, eq=False)
class Compared:
    """What there is to compare: trained arms, their outcomes in the order they are shown, and the moved budgets."""

    arms: Mapping[str, Trained]
    outcomes: Sequence[Outcome]
    moved: Sequence[Moved]
    controls: Mapping[str, Recorded]

    @property
    def ours(self) -> tuple[Trained, Outcome, Recorded]:
        """The first budget's network, its outcome, and the routes it took."""
        outcome = next(each for each in self.outcomes if each.name == OURS)
        if outcome.found is None:
            raise TypeError("a gated network without routes")
        return self.arms[OURS], outcome, outcome.found


def compare(
    config: FractionalSkippingConfig, compared: Compared, judge: Judge, data: ImageClasses, rundir: RunDir
) -> Result:
    """Writes networks, routes and figures into `rundir`, and says what the arms came to."""
    ours, outcome, found = compared.ours
    statistics = _statistics(compared)
    first = next(iter(statistics.values()))
    _save(config, compared, rundir)
    write_json(rundir.path / "routes.json", {name: each.to_json() for name, each in statistics.items()})
    write_figures(rundir.path, compared.outcomes, compared.moved, statistics, data)
    write_training(rundir.path, compared.arms)
    return Result(
        headline=_headline(config, compared, first),
        metrics=_metrics(compared, first),
        arms=tuple(_arm(each) for each in _shown(compared)),
        dense=judge.plain,
        efficient=judge.workload(ours, found),
        measured_on=device_description("cpu").to_json() | {"training_device": training_device(config.train.device)},
        simulated=_simulated(config, compared),
        notes=_notes(config, compared, outcome),
    )


def _shown(compared: Compared) -> list[Outcome]:
    """Baselines, moved budgets, our own trainings, the first budget's last: what the others are compared with."""
    baselines = [each for each in compared.outcomes if each.role == "baseline"]
    own = [each for each in compared.outcomes if each.role == "ours"]
    last = [each for each in own if each.name == OURS]
    return [*baselines, *(each.outcome for each in compared.moved), *(each for each in own if each.name != OURS), *last]


def _statistics(compared: Compared) -> dict[str, RouteStatistics]:
    """Of our own trainings and of the moved budgets, by their name and cost."""
    ours = compared.arms[OURS]
    found: dict[str, RouteStatistics] = {}
    for outcome in compared.outcomes:
        arm = compared.arms.get(outcome.name)
        if arm is not None and outcome.found is not None and outcome.name.startswith(OURS):
            label = f"trained to {100 * (arm.budget or 0):g} %"
            found[label] = route_statistics(outcome.found.routes, arm.table, outcome.found.labels)
    for each in compared.moved:
        if each.outcome.found is not None:
            recorded = each.outcome.found
            found[f"moved to {100 * each.found.target:g} %"] = route_statistics(
                recorded.routes, ours.table, recorded.labels
            )
    return found


def _arm(outcome: Outcome) -> Arm:
    spread = cost_spread(outcome.costs)
    training = {} if outcome.seconds is None else {"training_seconds": outcome.seconds}
    return Arm(
        name=outcome.name,
        role=outcome.role,
        counted={
            "gated_cost_percent": 100 * spread.mean,
            "whole_cost_percent": outcome.whole_percent,
            "gated_cost_median_percent": 100 * spread.p50,
            "gated_cost_worst_in_20_percent": 100 * spread.p95,
            "gated_cost_worst_in_100_percent": 100 * spread.p99,
            "gated_cost_largest_percent": 100 * spread.largest,
            "macs": outcome.macs,
            "parameters": outcome.parameters,
        },
        measured={"test_accuracy_percent": outcome.accuracy_percent} | training,
    )


def _save(config: FractionalSkippingConfig, compared: Compared, rundir: RunDir) -> None:
    source = config.model.model_dump(mode="json")
    for name, arm in compared.arms.items():
        save_fractional(rundir.path if name == OURS else rundir.path / name, arm.network.cpu(), source=source)
    moved = {
        each.budget: {"strength": each.found.strength, "bias": each.found.bias.tolist()} for each in compared.moved
    }
    write_json(rundir.path / "moved.json", moved)


def _metrics(compared: Compared, first: RouteStatistics) -> Metrics:
    ours, outcome, _ = compared.ours
    metrics: Metrics = {
        "budget_percent": 100 * (ours.budget or 0),
        "cost_percent": 100 * outcome.share,
        "test_accuracy_percent": outcome.accuracy_percent,
        "blocks": len(first.table.blocks),
        "blocks_that_depend_on_the_input": first.dependent_blocks,
        "distinct_routes": first.distinct_routes,
        "route_entropy_bits": first.route_entropy_bits,
        "mean_block_entropy_bits": float(first.entropy_bits.mean()),
    }
    if first.class_bits is not None:
        metrics["mean_block_class_bits"] = float(first.class_bits.mean())
    for name, control in compared.controls.items():
        metrics[f"{name}_untrained_test_accuracy_percent"] = control.accuracy_percent
        metrics[f"{name}_untrained_cost_percent"] = 100 * float(ours.table.gated(control.routes).mean())
    for each in compared.outcomes:
        if each.name != OURS:
            metrics[f"{each.name}_test_accuracy_percent"] = each.accuracy_percent
            metrics[f"{each.name}_cost_percent"] = 100 * each.share
    return metrics


def _headline(config: FractionalSkippingConfig, compared: Compared, first: RouteStatistics) -> str:
    ours, outcome, _ = compared.ours
    reference = "int8" if config.option_set().reference_bits != FULL_BITS else "full"
    right = f"{format_percent(outcome.accuracy_percent)} of the test images right"
    cost = (
        f"at {100 * outcome.share:.1f} % of the gated blocks' {reference} cost (budget {100 * (ours.budget or 0):g} %)"
    )
    dense = next((each for each in compared.outcomes if each.name == "dense"), None)
    beside = "" if dense is None else f"; dense {format_percent(dense.accuracy_percent)}"
    depend = f"{first.dependent_blocks} of {len(first.table.blocks)} gated blocks depend on the input"
    return f"{right} {cost}{beside}. {depend}."


def _simulated(config: FractionalSkippingConfig, compared: Compared) -> tuple[str, ...]:
    lines = ["few bits: rounded values in float32; costs count what integers of so many bits would"]
    if config.option_set().reference_bits != FULL_BITS:
        lines.append("what always runs is computed in float32, and counted at 8 bits")
    if any(each.name == "early-exit" for each in compared.outcomes):
        lines.append("early exit: all exits are computed, the cost is that of leaving; its classifiers are not counted")
    return tuple(lines)


def _notes(config: FractionalSkippingConfig, compared: Compared, outcome: Outcome) -> tuple[str, ...]:
    ours, _, _ = compared.ours
    unit = "every gated block counts 1" if config.costs == "paper" else "blocks count by their MACs"
    lines = [f"cost {config.costs!r}: {unit}, an option its weight bits x input bits over the reference's"]
    lines += [note for arm in compared.arms.values() for note in arm.notes]
    lines.append(
        "the epoch kept is the most accurate within the budget on the validation part; the test set was touched once"
    )
    missed = abs(outcome.share - (ours.budget or 0)) > config.tolerance
    if missed:
        lines.append(
            f"the budget of {100 * (ours.budget or 0):g} % was missed on the test set: {100 * outcome.share:.1f} %"
        )
    lines += [f"moved without training, {each.found.describe()}" for each in compared.moved]
    early = next((each for each in compared.outcomes if each.name == "early-exit"), None)
    if early is not None:
        lines.append(
            f"early-exit: at the threshold for that budget on the validation part, {100 * early.share:.1f} % here"
        )
    if "skipnet" in compared.arms and config.controller == "bias":
        lines.append(
            "skipnet: its budget is held by a term of the loss (pi), with which it does better than with a bias"
        )
    if "modal" in compared.arms:
        lines.append("modal: static, each block at the option that most inputs took; trained as long")
    if "random" in compared.arms:
        lines.append("random: each block's options as often as in the gated network, drawn at random; trained as long")
    return tuple(lines)

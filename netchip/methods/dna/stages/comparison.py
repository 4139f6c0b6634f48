"""The pair against others: what was counted, what the platform says, what was measured on the test set; and the run's files."""

from collections.abc import Sequence
from pathlib import Path
from statistics import median

from netchip.data.batches import evaluation_batches
from netchip.files import write_json
from netchip.graph.saved import WEIGHTS_FILE
from netchip.measure.accuracy import accuracy_percent
from netchip.measure.device import device_description
from netchip.methods.dna.config import DnaConfig
from netchip.methods.dna.platform.limits import require_accuracy
from netchip.methods.dna.platform.platform import PairReport
from netchip.methods.dna.space.files import save_network
from netchip.methods.dna.space.space import Derived
from netchip.methods.dna.stages.figures import write_figures
from netchip.methods.dna.stages.judging import OURS, Judged
from netchip.methods.dna.stages.stages import Searched, Stages
from netchip.methods.method import Arm, Result
from netchip.train.saving import save_model
from netchip.units import format_percent
from netchip.workload.network import Workload

ACCELERATOR_FILE, PAIR_FILE = "accelerator.json", "pair.json"
SIMULATED = "everything about the accelerator is modelled, not measured"


def compare(config: DnaConfig, stages: Stages, judged: Sequence[Judged]) -> Result:
    """Counts, models and tests the pairs, ours first; writes network, accelerator and figures into the run's folder.

    Raises `BudgetError` where a pair that was searched is over a limit, or under the accuracy that is asked for.
    """
    workloads = [each.layers(stages) for each in judged]
    reports = [stages.platform.report(each.design, own) for each, own in zip(judged, workloads, strict=True)]
    ours, report = judged[0], reports[0]
    if config.mode != "evaluate":
        report.require()
    _require_floor(config, stages, ours, report)
    arms = tuple(_arm(stages, each, own, found) for each, own, found in zip(judged, workloads, reports, strict=True))
    _write(stages, ours, report)
    write_figures(stages, judged, arms, report)
    return Result(
        headline=_headline(arms[0], report),
        metrics=_metrics(arms, ours),
        arms=arms,
        dense=_largest(stages),
        efficient=workloads[0],
        measured_on=device_description("cpu").to_json(),
        simulated=(SIMULATED,),
        notes=_notes(config, judged, reports),
    )


def _require_floor(config: DnaConfig, stages: Stages, ours: Judged, report: PairReport) -> None:
    if config.accuracy_floor_percent is None:
        return
    share = accuracy_percent(ours.trained.network.cpu(), stages.validation()) / 100
    require_accuracy(share, config.accuracy_floor_percent / 100, report)


def _arm(stages: Stages, judged: Judged, workload: Workload, report: PairReport) -> Arm:
    test = evaluation_batches(stages.data.test, stages.data, stages.dataset)
    network = judged.trained.network.cpu()
    measured = {"test_accuracy_percent": accuracy_percent(network, test)}
    if judged.trained.result is not None:
        measured["training_seconds"] = judged.trained.result.seconds
    if judged.searched is not None:
        found = judged.searched
        measured |= {
            "pretrain_seconds": found.pretrain_seconds,
            "heard": len(found.candidates),
            "search_seconds": found.seconds,
            "hardware_seconds": found.hardware_seconds,
            "hardware_share_percent": 100 * found.hardware_seconds / found.seconds,
            "hardware_solves": found.hardware_solves,
        }
    return Arm(
        name=judged.name,
        role="baseline" if judged.name.startswith(("sequential", "random", "published")) else "ours",
        counted={"macs": int(workload.macs), "parameters": sum(each.numel() for each in network.parameters())},
        measured=measured,
        modelled=_modelled(report),
    )


def _modelled(report: PairReport) -> dict[str, float]:
    figures = {"fps": report.fps, "cost": report.cost, "latency_ms": 1e3 * report.latency_s}
    if report.energy_pj is not None and report.edp_pj_s is not None:
        figures |= {"energy_pj": report.energy_pj, "edp_pj_s": report.edp_pj_s}
    return figures | {name: used for name, used in report.usage.items() if not name.endswith("_s")}


def _write(stages: Stages, ours: Judged, report: PairReport) -> None:
    network = ours.trained.network
    if isinstance(network, Derived):
        save_network(stages.folder, network)
    else:
        save_model(network, Path(stages.folder) / WEIGHTS_FILE)
    write_json(stages.folder / ACCELERATOR_FILE, ours.design.to_json())
    write_json(stages.folder / PAIR_FILE, report.to_json())


def _largest(stages: Stages) -> Workload:
    """The network of the space with the most MACs, at the most bits: what a search begins from."""
    bits = len(stages.space.bits) - 1
    places: list[tuple[int, int]] = []
    for place, position in enumerate(stages.space.positions):
        macs = [
            sum(layer.macs for layer in stages.layers.of_option(place, block, bits))
            for block in range(len(position.options))
        ]
        places.append((macs.index(max(macs)), bits))
    return stages.layers.workload(stages.space.architecture(places))


def _headline(arm: Arm, report: PairReport) -> str:
    over = f"; over its limits: {', '.join(report.over)}" if report.over else ""
    energy = "" if report.edp_pj_s is None else f" and an energy-delay product of {report.edp_pj_s:,.4g} pJ s"
    return (
        f"{format_percent(arm.measured['test_accuracy_percent'])} of the test images right at {report.fps:,.0f} frames a second"
        f"{energy} (modelled) on {report.platform}, bound by {report.bound_by}{over}."
    )


def _metrics(arms: Sequence[Arm], ours: Judged) -> dict[str, float | int | str | None]:
    metrics: dict[str, float | int | str | None] = {}
    for arm in arms:
        stem = "" if arm is arms[0] else f"{arm.name}_"
        metrics[f"{stem}test_accuracy_percent"] = arm.measured["test_accuracy_percent"]
        metrics[f"{stem}fps"] = arm.modelled["fps"]
        metrics[f"{stem}macs"] = arm.counted["macs"]
    if "edp_pj_s" in arms[0].modelled:
        metrics |= {("" if arm is arms[0] else f"{arm.name}_") + "edp_pj_s": arm.modelled["edp_pj_s"] for arm in arms}
    random = [arm.measured["test_accuracy_percent"] for arm in arms if arm.name.startswith("random")]
    if len(random) > 1:
        metrics |= {"random_median_accuracy_percent": median(random), "random_best_accuracy_percent": max(random)}
    if ours.architecture is not None:
        metrics["blocks"] = " ".join(ours.architecture.blocks)
    for name in ("search_seconds", "hardware_share_percent", "hardware_solves"):
        if name in arms[0].measured:
            metrics[name] = arms[0].measured[name]
    return metrics


def _notes(config: DnaConfig, judged: Sequence[Judged], reports: Sequence[PairReport]) -> tuple[str, ...]:
    about = {
        "sequential": "sequential: the same search by MACs and as many auditions, then the best accelerator; the MACs aimed at are "
        "those of random networks at the target's pace, and of the networks that keep the limits the best is taken",
        "random": "random: drawn evenly from the space and cut down to the limits, with the best accelerator for it",
        "published": "published: MobileNetV2's blocks in the space's positions at the largest width that keeps the "
        "limits, with the best accelerator for it",
    }
    found = [about[each.name] for each in judged if each.name in about]
    for each, report in zip(judged, reports, strict=True):
        if report.over:
            found.append(
                f"{each.name} is over its limits: "
                + ", ".join(f"{name} by {share:.1%}" for name, share in report.over.items())
            )
    if config.mode == "joint" and len(judged) > 1:
        found.append("all arms: the same limits, epochs of the final training and seed; test images were touched once")
    if judged[0].searched is not None and judged[0].name == OURS:
        found.append(_heard(config, judged[0].searched))
    return tuple(found)


def _heard(config: DnaConfig, searched: Searched) -> str:
    """How the pair was chosen."""
    chosen, spec = searched.candidates[0], config.search
    origins = {
        "best": "the most likely one",
        "probabilities": "drawn by the search's probabilities",
        "even": "drawn evenly",
        "neighbour": "a neighbour of one that had done well",
    }
    again = f", the best {spec.finalists} again after {spec.finalist_epochs}" if spec.finalists else ""
    return (
        f"{len(searched.candidates)} candidates near the target were judged on the validation images after {spec.audition_epochs} "
        f"epochs from the supernet's weights{again}; the one taken was {origins[chosen.origin]}"
    )

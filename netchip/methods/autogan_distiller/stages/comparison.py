"""Student against teacher and controls: counted, measured on this machine, judged on the test pictures by one protocol."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from statistics import median

import torch
from torch import nn

from netchip.graph.saved import WEIGHTS_FILE
from netchip.graph.to_workload import to_workload
from netchip.measure.device import device_description
from netchip.measure.latency import measure_latency
from netchip.methods.autogan_distiller.baselines.interpolation import Bicubic
from netchip.methods.autogan_distiller.config import AutoganDistillerConfig
from netchip.methods.autogan_distiller.distillation import Distillation, Searched, Trained
from netchip.methods.autogan_distiller.quality.protocol import Answered, Protocol
from netchip.methods.autogan_distiller.stages import figures
from netchip.methods.autogan_distiller.stages.chips import figures_of, on_chips
from netchip.methods.autogan_distiller.stages.eight_bit_arm import SIMULATED, eight_bit_arm
from netchip.methods.autogan_distiller.stages.report_tables import before_after, equal_cost
from netchip.methods.autogan_distiller.students import save_student
from netchip.methods.method import Arm, Result
from netchip.train.saving import save_model
from netchip.units import format_count, seconds_to_ms
from netchip.workload.network import Workload

STUDENT = "student"
PSNR = "psnr_to_teacher_db"


def compare(
    config: AutoganDistillerConfig,
    stages: Distillation,
    teacher: nn.Module,
    searched: Searched,
    trained: Mapping[str, Trained],
    small: Mapping[str, Trained],
    notes: list[str],
) -> Result:
    """Judges every arm on the test pictures; writes networks and figures into the run's folder. The student comes last.

    `small` holds the students at 8 bits, each named after its student.
    """
    networks = _networks(stages, teacher, trained)
    example = stages.example(config.cost_size)
    protocol = Protocol(
        low=config.teacher.low, high=config.teacher.high, border=_border(stages), backbone=stages.backbone
    )
    answered = protocol.answered(teacher, stages.pictures.test)
    further = {name: protocol.answered(teacher, pictures) for name, pictures in stages.pictures.further.items()}
    workloads = {name: to_workload(network, example) for name, network in networks.items() if has_weights(network)}
    chips = {name: each for name, each in workloads.items() if name == "teacher" or name.startswith(STUDENT)}
    modelled = on_chips(chips, config.chips, notes)
    latencies = _latencies_ms(networks, example)
    _save(stages.folder, trained)
    arms = tuple(
        Arm(
            name=name,
            role="ours" if name.startswith(STUDENT) else "baseline",
            counted=_counted(network, workloads.get(name)),
            measured=protocol.judge(network, answered)
            | on_further_sets(protocol, network, further)
            | {"latency_batch1_ms": latencies[name]}
            | _trained_figures(stages.folder, name, trained),
            modelled={name: value for report in modelled.get(name, {}).items() for name, value in figures_of(*report)},
        )
        for name, network in networks.items()
    )
    counts = {arm.name: arm.counted for arm in arms}
    eight_bit = tuple(
        eight_bit_arm(name, each, networks[of], counts[of], stages, protocol, answered, example, notes)
        for name, each in small.items()
        for of in [name.removesuffix("-8-bit")]
    )
    arms = (*arms[:-1], *eight_bit, arms[-1])
    _write_figures(stages, searched, trained, arms, protocol, answered, networks[STUDENT])
    tables = {"5-equal-cost": equal_cost(arms), "6-before-after": before_after(workloads, STUDENT, modelled)}
    figures.write_figures(stages.folder, tables)
    return Result(
        headline=_headline(config, arms),
        metrics=_metrics(arms, searched),
        arms=arms,
        dense=workloads["teacher"],
        efficient=workloads[STUDENT],
        measured_on=device_description("cpu").to_json() | {"latency_threads": 1},
        simulated=(SIMULATED,) if small else (),
        notes=(*_notes(config, stages, searched), *notes),
    )


def on_further_sets(
    protocol: Protocol, network: nn.Module, further: Mapping[str, tuple[Answered, ...]]
) -> dict[str, float]:
    """The same figures on the other test sets, but for the backbone's, under the set's name: `set14_psnr_to_teacher_db`."""
    protocol = replace(protocol, backbone=None)  # on large pictures it costs more than all networks together
    return {
        f"{name}_{figure}": value
        for name, answered in further.items()
        for figure, value in protocol.judge(network, answered).items()
    }


def has_weights(network: nn.Module) -> bool:
    """Whether there is anything to count."""
    return next(iter(network.parameters()), None) is not None


def _networks(stages: Distillation, teacher: nn.Module, trained: Mapping[str, Trained]) -> dict[str, nn.Module]:
    """All arms on the CPU in eval mode: teacher and interpolation first, the student last."""
    controls = {name: arm.network for name, arm in trained.items() if not name.startswith(STUDENT)}
    students = {name: trained[name].network for name in reversed(list(trained)) if name.startswith(STUDENT)}
    name = "bicubic" if stages.teacher.scale > 1 else "input"
    networks = {"teacher": teacher, name: Bicubic(stages.teacher.scale), **controls, **students}
    return {name: network.cpu().eval() for name, network in networks.items()}


def _border(stages: Distillation) -> int:
    """As many pixels as the scale, the usual protocol; none where nothing is enlarged."""
    return stages.teacher.scale if stages.teacher.scale > 1 else 0


def _counted(network: nn.Module, workload: Workload | None) -> dict[str, float]:
    parameters = sum(each.numel() for each in network.parameters())
    return {"macs": 0 if workload is None else int(workload.macs), "parameters": parameters}


def _latencies_ms(networks: Mapping[str, nn.Module], example: torch.Tensor) -> dict[str, float]:
    found = measure_latency(networks, example, batch_sizes=(1,), threads=1, warmup=1, repeats=5)
    return {each.model: seconds_to_ms(each.median_s) for each in found}


def _trained_figures(folder: Path, name: str, trained: Mapping[str, Trained]) -> dict[str, float]:
    if name not in trained:
        return {}
    path = folder_of(folder, name) / WEIGHTS_FILE
    return {"training_seconds": trained[name].result.seconds, "file_bytes": path.stat().st_size}


def folder_of(folder: Path, name: str) -> Path:
    """Where an arm's network is saved: the run's own folder for the student."""
    return folder if name == STUDENT else folder / name


def _save(folder: Path, trained: Mapping[str, Trained]) -> None:
    for name, arm in trained.items():
        if name.startswith(STUDENT):
            save_student(folder_of(folder, name), arm.network)  # pyright: ignore[reportArgumentType]
        else:
            save_model(arm.network, folder_of(folder, name) / WEIGHTS_FILE)


def _write_figures(
    stages: Distillation,
    searched: Searched,
    trained: Mapping[str, Trained],
    arms: tuple[Arm, ...],
    protocol: Protocol,
    answered: tuple[Answered, ...],
    student: nn.Module,
) -> None:
    made = {
        "1-quality": figures.quality_by_epoch(trained),
        "2-trajectory": figures.trajectory(searched, stages.target.budget),
        "3-layers": figures.layers(stages.target.table, searched.found.architecture),
        "4-front": figures.quality_against_cost(arms),
    }
    for index, each in enumerate(answered[:2], start=7):
        made[f"{index}-pictures"] = figures.strip(each, protocol.pixels(student, each.picture))
    figures.write_figures(stages.folder, made)


def _metrics(arms: tuple[Arm, ...], searched: Searched) -> dict[str, float | int | str | None]:
    by_name = {arm.name: arm for arm in arms}
    student, teacher = by_name[STUDENT], by_name["teacher"]
    random = [arm.measured[PSNR] for arm in arms if arm.name.startswith("random")]
    metrics: dict[str, float | int | str | None] = {
        "macs": student.counted["macs"],
        "macs_share_percent": 100.0 * student.counted["macs"] / teacher.counted["macs"],
        "parameters": student.counted["parameters"],
        "candidates": len(searched.candidates),
        "search_seconds": searched.pretrained.seconds + searched.result.seconds + searched.judging_seconds,
        "latency_ratio": teacher.measured["latency_batch1_ms"] / student.measured["latency_batch1_ms"],
    }
    metrics |= {name: value for name, value in student.measured.items() if name.startswith(("psnr", "ssim", "squeeze"))}
    if random:
        metrics |= {"random_median_psnr_to_teacher_db": median(random), "random_best_psnr_to_teacher_db": max(random)}
    return metrics


def _headline(config: AutoganDistillerConfig, arms: tuple[Arm, ...]) -> str:
    by_name = {arm.name: arm for arm in arms}
    student, teacher = by_name[STUDENT], by_name["teacher"]
    share = 100.0 * student.counted["macs"] / teacher.counted["macs"]
    cost = (
        f"Student within {config.budget}: {format_count(student.counted['macs'])} MACs, {share:.1f} % of the teacher's"
    )
    plain = next(arm for arm in arms if arm.name in ("bicubic", "input"))
    others = [f"{plain.name} {plain.measured[PSNR]:.2f} dB"]
    random = [arm.measured[PSNR] for arm in arms if arm.name.startswith("random")]
    if random:
        others.append(f"of {len(random)} random networks median {median(random):.2f} dB, best {max(random):.2f} dB")
    return f"{cost}; {student.measured[PSNR]:.2f} dB to the teacher ({', '.join(others)})."


_ORIGINS = {
    "logits": "which the search's logits gave",
    "uniform": "which has nearly one operator and one share of width throughout",
    "drawn": "which was drawn at random near the budget",
    "neighbour": "which is a neighbour of other good ones",
}


def _chosen(searched: Searched) -> str:
    for each in searched.candidates:
        if each.found.architecture == searched.found.architecture:
            return f"the one of {each.found.score:.2f} dB was taken, {_ORIGINS[each.origin]}"
    return "none was quick enough as a whole, so the best by the logits that is was taken"


def _heard(searched: Searched) -> str:
    """ "epochs from the shared weights: after 3 of their own 56.34, 56.30 dB; after 1 of their own 55.12 dB", the longest first."""
    by_epochs: dict[int, list[str]] = {}
    for each in searched.candidates:
        by_epochs.setdefault(each.epochs, []).append(f"{each.found.score:.2f}")
    parts = [f"{epochs} of their own {', '.join(found)} dB" for epochs, found in by_epochs.items()]
    return f"epochs from the shared weights: after {'; after '.join(parts)}"


def _notes(config: AutoganDistillerConfig, stages: Distillation, searched: Searched) -> tuple[str, ...]:
    table, found = stages.target.table, searched.found
    return (
        f"budget {config.budget}: {table.measure.written(stages.target.budget)} at an input of {config.cost_size} pixels a side, "
        f"the student {table.measure.written(found.cost)}; MACs are true ones, a transposed convolution's over its input",
        f"{len(searched.candidates)} candidates within the budget, PSNR to the teacher on the validation part after some "
        f"{_heard(searched)}; {_chosen(searched)}",
        f"test pictures: {', '.join(picture.name for picture in stages.pictures.test[:8])}; luma, 8 bits, border of "
        f"{_border(stages)} pixels left out; looked at once",
    )

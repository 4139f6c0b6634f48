"""Ticket against dense: what was counted and what was measured, on the same test set and the same machine."""

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

from netchip.data.batches import Batches
from netchip.graph.saved import WEIGHTS_FILE, save
from netchip.graph.to_workload import to_workload
from netchip.measure.device import device_description
from netchip.measure.latency import Latency, measure_latency
from netchip.methods.early_bird.config import EarlyBirdConfig
from netchip.methods.early_bird.ledger import Ledger
from netchip.methods.early_bird.search import TicketSearch
from netchip.methods.early_bird.ticket import Ticket
from netchip.methods.method import Arm, Result
from netchip.models.build import build, example_input
from netchip.train.accelerating import training_device
from netchip.train.distributed import is_main
from netchip.train.fit import FitResult
from netchip.train.rundir import RunDir
from netchip.units import format_count, format_percent, seconds_to_ms
from netchip.workload.network import Workload

LATENCY_BATCHES = (1, 64)


@dataclass(frozen=True)
class Trained:
    """An arm after training: the network, the ticket it was cut to (if any), and what each of its phases came to.

    `images` is how many training images an epoch had.
    """

    network: nn.Module
    ticket: Ticket | None
    phases: tuple[FitResult, ...]
    images: int

    @property
    def seconds(self) -> float:
        """Wall-clock of its training steps, in seconds."""
        return sum(phase.seconds for phase in self.phases)


def compare(
    config: EarlyBirdConfig, ours: Trained, dense: Trained | None, search: TicketSearch, test: Batches, rundir: RunDir
) -> Result:
    """Counts, tests and times the arms, writes the networks into `rundir`, and returns the result."""
    example = example_input(config.model, batch=1)
    workloads = {
        "dense": to_workload(build(config.model), example),
        "ticket": to_workload(ours.network.cpu().eval(), example),
    }
    trained = {"ticket": ours} if dense is None else {"dense": dense, "ticket": ours}
    _write(rundir, config, trained)
    latencies = _latencies(trained, example)
    arms = tuple(
        Arm(
            name=name,
            role="ours" if name == "ticket" else "baseline",
            counted=_counted(arm, workloads[name], workloads["dense"]),
            measured=_measured(arm, test, latencies[name]) | _file_size(name, rundir),
        )
        for name, arm in trained.items()
    )
    return Result(
        headline=_headline(ours, arms),
        metrics=_metrics(ours, arms),
        arms=arms,
        dense=workloads["dense"],
        efficient=workloads["ticket"],
        measured_on=_measured_on(config),
        notes=_notes(config, ours, search),
    )


def accuracy_percent(network: nn.Module, test: Batches) -> float:
    """Share of the test images whose class is right, in per cent: hits over images, not a mean over batches."""
    network.eval()
    with torch.inference_mode():
        hits = sum(int((network(images).argmax(1) == labels).sum()) for images, labels in test.epoch(0))
    return 100.0 * hits / len(test.split)


def _counted(arm: Trained, own: Workload, dense: Workload) -> dict[str, float]:
    epochs = arm.phases[-1].epochs_done
    drawn = arm.ticket.epoch if arm.ticket else epochs
    spent = Ledger(int(dense.macs), int(own.macs), arm.images, epochs, drawn)
    parameters = sum(parameter.numel() for parameter in arm.network.parameters())
    return {"macs": int(own.macs), "parameters": parameters, "training_macs": spent.total_macs}


def _measured(arm: Trained, test: Batches, latencies: list[Latency]) -> dict[str, float]:
    figures = {"test_accuracy_percent": accuracy_percent(arm.network.cpu(), test), "training_seconds": arm.seconds}
    for latency in latencies:
        stem = f"latency_batch{latency.batch}"
        figures[f"{stem}_ms"] = seconds_to_ms(latency.median_s)
        figures[f"{stem}_p10_ms"] = seconds_to_ms(latency.p10_s)
        figures[f"{stem}_p90_ms"] = seconds_to_ms(latency.p90_s)
    return figures


def _latencies(trained: dict[str, Trained], example: torch.Tensor) -> dict[str, list[Latency]]:
    networks = {name: arm.network.cpu().eval() for name, arm in trained.items()}
    latencies = measure_latency(networks, example, batch_sizes=LATENCY_BATCHES, threads=1)
    return {name: [latency for latency in latencies if latency.model == name] for name in networks}


def _write(rundir: RunDir, config: EarlyBirdConfig, trained: dict[str, Trained]) -> None:
    if not is_main():
        return
    source = config.model.model_dump(mode="json")
    for name, arm in trained.items():
        plans = (arm.ticket.plan,) if arm.ticket else ()
        save(_folder(name, rundir), arm.network, source=source, plans=plans)


def _folder(name: str, rundir: RunDir) -> Path:
    """The run's own folder holds the ticket's network, as `netchip.load(run)` expects; the baseline's lies below."""
    return rundir.path if name == "ticket" else rundir.path / name


def _file_size(name: str, rundir: RunDir) -> dict[str, float]:
    path = _folder(name, rundir) / WEIGHTS_FILE
    return {"file_bytes": path.stat().st_size} if path.is_file() else {}


def _measured_on(config: EarlyBirdConfig) -> dict[str, object]:
    return device_description("cpu").to_json() | {
        "latency_threads": 1,
        "training_device": training_device(config.train.device),
    }


def _metrics(ours: Trained, arms: tuple[Arm, ...]) -> dict[str, float | int | str | None]:
    by_name = {arm.name: arm for arm in arms}
    ticket, dense = by_name["ticket"], by_name.get("dense")
    metrics: dict[str, float | int | str | None] = {
        "ticket_epoch": ours.ticket.epoch if ours.ticket else None,
        "ticket_stable": int(ours.ticket.stable) if ours.ticket else None,
        "test_accuracy_percent": ticket.measured["test_accuracy_percent"],
        "macs": ticket.counted["macs"],
        "parameters": ticket.counted["parameters"],
    }
    if dense is not None:
        metrics |= {
            "dense_test_accuracy_percent": dense.measured["test_accuracy_percent"],
            "macs_share_percent": 100.0 * ticket.counted["macs"] / dense.counted["macs"],
            "training_macs_share_percent": 100.0 * ticket.counted["training_macs"] / dense.counted["training_macs"],
            "training_seconds_share_percent": 100.0
            * ticket.measured["training_seconds"]
            / dense.measured["training_seconds"],
        }
    return metrics


def _headline(ours: Trained, arms: tuple[Arm, ...]) -> str:
    if ours.ticket is None:
        return "No ticket was found in these epochs: the masks never settled, so the network is the dense one."
    ticket = arms[-1]
    drawn = "drawn after" if ours.ticket.stable else "not stable, drawn anyway after"
    parts = [f"Ticket {drawn} epoch {ours.ticket.epoch}: {format_count(ticket.counted['macs'])} MACs an image"]
    parts.append(f"{format_percent(ticket.measured['test_accuracy_percent'])} of the test images right")
    if len(arms) > 1:
        dense = arms[0]
        parts[0] += f" instead of {format_count(dense.counted['macs'])}"
        parts[1] += f" (dense {format_percent(dense.measured['test_accuracy_percent'])})"
    return ", ".join(parts) + "."


def _notes(config: EarlyBirdConfig, ours: Trained, search: TicketSearch) -> tuple[str, ...]:
    left = [f"left alone: {left.name} ({left.channels} channels): {left.reason}" for left in search.coupling.left_alone]
    rule = f"rule {config.detector!r}, eps {config.eps}, window {config.window}"
    drawn = ours.ticket
    kept = (
        [f"{drawn.kept_percent:.1f} % of the channels that could go were kept; weights: {drawn.weights}"]
        if drawn
        else []
    )
    return (
        f"{rule}; accuracy is the last epoch's, on a test set touched once",
        "training MACs = 3 x forward MACs x images seen; validation is not counted; training seconds hold training steps only",
        *kept,
        *left,
    )

"""Ticket against dense: what was counted and what was measured, on the same test set and the same machine."""

from collections.abc import Callable, Mapping

import torch

from netchip.data.batches import Batches
from netchip.graph.saved import WEIGHTS_FILE, save
from netchip.graph.to_workload import to_workload
from netchip.measure.accuracy import accuracy_percent
from netchip.measure.device import device_description
from netchip.measure.latency import Latency, measure_latency
from netchip.methods.early_bird.config import EarlyBirdConfig
from netchip.methods.early_bird.low_precision.arithmetic import EMULATED
from netchip.methods.early_bird.search import TicketSearch
from netchip.methods.early_bird.stages.figures import write_figures
from netchip.methods.early_bird.stages.ledger import Ledger
from netchip.methods.early_bird.stages.trained import TICKET, Trained, folder_of
from netchip.methods.early_bird.ticket import Ticket
from netchip.methods.method import Arm, Result
from netchip.models.build import build, example_input
from netchip.train.accelerating import training_device
from netchip.train.distributed import is_main
from netchip.train.rundir import RunDir
from netchip.units import format_count, format_percent, seconds_to_ms
from netchip.workload.network import Workload

LATENCY_BATCHES = (1, 64)


def compare(
    config: EarlyBirdConfig, trained: Mapping[str, Trained], search: TicketSearch, test: Batches, rundir: RunDir
) -> Result:
    """Counts, tests and times the arms (by name, in the order they are shown); writes networks and figures into `rundir`."""
    example = example_input(config.model, batch=1)
    dense = to_workload(build(config.model), example)
    own = {name: to_workload(arm.network.cpu().eval(), example) for name, arm in trained.items()}
    ledgers = {name: arm.ledger(own[name].macs, dense.macs, config.epochs) for name, arm in trained.items()}
    _write(rundir, trained)
    write_figures(rundir.path, search, trained, ledgers)
    latencies = _latencies(trained, example)
    arms = {
        name: Arm(
            name=name,
            role="ours" if name.startswith(TICKET) else "baseline",
            counted=_counted(arm, own[name], ledgers[name]),
            measured=_measured(arm, test, latencies[name]) | _file_size(name, rundir),
        )
        for name, arm in trained.items()
    }
    ticket = search.ticket()
    return Result(
        headline=_headline(ticket, arms),
        metrics=_metrics(ticket, arms),
        arms=tuple(arms.values()),
        dense=dense,
        efficient=own[TICKET],
        measured_on=_measured_on(config),
        simulated=tuple(f"arithmetic of {name}: {EMULATED}" for name, arm in trained.items() if arm.emulated),
        notes=_notes(config, ticket, trained, search),
    )


def _counted(arm: Trained, own: Workload, ledger: Ledger) -> dict[str, float]:
    parameters = sum(parameter.numel() for parameter in arm.network.parameters())
    return {"macs": int(own.macs), "parameters": parameters, "training_macs": ledger.total_macs}


def _measured(arm: Trained, test: Batches, latencies: list[Latency]) -> dict[str, float]:
    figures = {"test_accuracy_percent": accuracy_percent(arm.network.cpu(), test), "training_seconds": arm.seconds}
    if arm.energy_j is not None:
        figures["training_energy_j"] = arm.energy_j
    for latency in latencies:
        stem = f"latency_batch{latency.batch}"
        figures[f"{stem}_ms"] = seconds_to_ms(latency.median_s)
        figures[f"{stem}_p10_ms"] = seconds_to_ms(latency.p10_s)
        figures[f"{stem}_p90_ms"] = seconds_to_ms(latency.p90_s)
    return figures


def _latencies(trained: Mapping[str, Trained], example: torch.Tensor) -> dict[str, list[Latency]]:
    networks = {name: arm.network.cpu().eval() for name, arm in trained.items()}
    latencies = measure_latency(networks, example, batch_sizes=LATENCY_BATCHES, threads=1)
    return {name: [latency for latency in latencies if latency.model == name] for name in networks}


def _write(rundir: RunDir, trained: Mapping[str, Trained]) -> None:
    if not is_main():
        return
    for name, arm in trained.items():
        plans = () if arm.plan is None else (arm.plan,)
        save(folder_of(name, rundir.path), arm.network, source=arm.source.model_dump(mode="json"), plans=plans)


def _file_size(name: str, rundir: RunDir) -> dict[str, float]:
    path = folder_of(name, rundir.path) / WEIGHTS_FILE
    return {"file_bytes": path.stat().st_size} if path.is_file() else {}


def _measured_on(config: EarlyBirdConfig) -> dict[str, object]:
    return device_description("cpu").to_json() | {
        "latency_threads": 1,
        "training_device": training_device(config.train.device),
    }


def _metrics(drawn: Ticket | None, arms: Mapping[str, Arm]) -> dict[str, float | int | str | None]:
    ticket, dense = arms[TICKET], arms.get("dense")
    metrics: dict[str, float | int | str | None] = {
        "ticket_epoch": drawn.epoch if drawn else None,
        "ticket_stable": int(drawn.stable) if drawn else None,
        "macs": ticket.counted["macs"],
        "parameters": ticket.counted["parameters"],
    }
    for name, arm in arms.items():
        stem = "" if name == TICKET else f"{name}_"
        metrics[f"{stem}test_accuracy_percent"] = arm.measured["test_accuracy_percent"]
    if dense is not None:
        metrics |= {
            "macs_share_percent": _share(ticket.counted, dense.counted, "macs"),
            "training_macs_share_percent": _share(ticket.counted, dense.counted, "training_macs"),
            "training_seconds_share_percent": _share(ticket.measured, dense.measured, "training_seconds"),
        }
    return metrics


def _share(own: Mapping[str, float], other: Mapping[str, float], name: str) -> float:
    return 100.0 * own[name] / other[name]


def _headline(drawn: Ticket | None, arms: Mapping[str, Arm]) -> str:
    if drawn is None:
        return "No ticket was found in these epochs: the masks never settled, so the network is the dense one."
    ticket, dense = arms[TICKET], arms.get("dense")
    when = "drawn after" if drawn.stable else "not stable, drawn anyway after"
    macs = f"Ticket {when} epoch {drawn.epoch}: {format_count(ticket.counted['macs'])} MACs an image"
    right = f"{format_percent(ticket.measured['test_accuracy_percent'])} of the test images right"
    if dense is not None:
        macs += f" instead of {format_count(dense.counted['macs'])}"
        right += f" (dense {format_percent(dense.measured['test_accuracy_percent'])})"
    return f"{macs}, {right}."


def _notes(
    config: EarlyBirdConfig, drawn: Ticket | None, trained: Mapping[str, Trained], search: TicketSearch
) -> tuple[str, ...]:
    settings = search.settings
    rule = f"rule {settings.detector!r}, eps {settings.eps}, window {settings.window}"
    how = f"importance {search.importance!r}, stream {settings.stream!r}, counting {settings.counting!r}"
    left = [f"left alone: {left.name} ({left.channels} channels): {left.reason}" for left in search.coupling.left_alone]
    return (
        f"{rule}; {how}; accuracy is the last epoch's, on a test set touched once",
        "training MACs = 3 x forward MACs x images seen; validation is not counted; training seconds hold training steps and "
        "the drawing of masks",
        *([_about_ticket(drawn)] if drawn else []),
        *(
            f"ticket-{label}: drawn after epoch {ticket.epoch}{'' if ticket.stable else ', not stable'}"
            for label, ticket in list(search.tickets.items())[1:]
        ),
        *(_ABOUT[name](arm) for name, arm in trained.items() if name in _ABOUT),
        *left,
    )


def _about_ticket(ticket: Ticket) -> str:
    target = ", ".join(f"{name} {value}" for name, value in ticket.target.items())
    return (
        f"{ticket.kept_percent:.1f} % of the channels that could go were kept ({target}); weights: {ticket.weights}, "
        f"trained from epoch {ticket.first_epoch}"
    )


_ABOUT: dict[str, Callable[[Trained], str]] = {
    "uniform": lambda arm: (
        f"uniform: the same network at width {arm.source.width:.3g}, as many MACs, trained for all epochs"
    ),
    "random": lambda arm: (
        "random: as wide in every layer, but which channels is random; cut at the ticket's epoch, trained on as the ticket was"
    ),
    "late": lambda arm: (
        f"late: drawn after all {arm.search_epochs} epochs of dense training, then trained for {arm.retrain_epochs} more"
    ),
}

"""The figures a run leaves for its report: mask distances, kept widths, accuracy by epoch. Plain JSON, drawn elsewhere."""

import itertools
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from netchip.files import write_json
from netchip.methods.early_bird.masks.mask_distance import distance_matrix, mask_distance
from netchip.methods.early_bird.search import TicketSearch
from netchip.methods.early_bird.stages.ledger import Ledger
from netchip.methods.early_bird.stages.trained import Trained
from netchip.methods.early_bird.ticket import Ticket
from netchip.train.distributed import is_main


def write_figures(
    folder: Path, search: TicketSearch, arms: Mapping[str, Trained], ledgers: Mapping[str, Ledger]
) -> None:
    """Writes `folder`/figures/*.json."""
    if not is_main():
        return
    figures = {"1-accuracy": _accuracy(search, arms)}
    if len(search.masks) > 1:
        figures |= {"2-mask-distance": _distances(search), "3-mask-pairs": _pairs(search)}
    ticket = search.ticket()
    if ticket is not None:
        figures["4-widths"] = _widths(search)
    figures["5-ledger"] = _ledger(ledgers)
    for name, figure in figures.items():
        write_json(folder / "figures" / f"{name}.json", figure)


def _distances(search: TicketSearch) -> dict[str, Any]:
    settings, checks = search.settings, list(range(2, len(search.masks) + 1))
    series = [
        {"name": label, "x": checks, "y": [mask_distance(old, new) for old, new in itertools.pairwise(history.masks)]}
        for label, history in zip(search.labels, search.histories, strict=True)
    ]
    if len(series) == 1:
        series[0]["name"] = "distance"
    return {
        "kind": "line",
        "title": f"Mask distance to the mask before ({', '.join(search.labels)})",
        "x_label": _axis(search),
        "y_label": "mask distance",
        "series": [
            *series,
            {"name": f"eps = {settings.eps}", "x": [checks[0], checks[-1]], "y": [settings.eps, settings.eps]},
        ],
        "marks": _marks(search) if settings.every_steps is None else [],
    }


def _pairs(search: TicketSearch) -> dict[str, Any]:
    checks = list(range(1, len(search.masks) + 1))
    return {
        "kind": "heatmap",
        "title": "Mask distance between all pairs of masks",
        "x_label": _axis(search),
        "y_label": _axis(search),
        "x": checks,
        "y": checks,
        "values": distance_matrix(search.masks).round(4).tolist(),
    }


def _widths(search: TicketSearch) -> dict[str, Any]:
    """Groups in their order; a bar for the dense network and one for each ticket."""
    tickets = search.tickets
    widths: dict[str, Ticket] = dict(tickets) if len(tickets) > 1 else {"ticket": next(iter(tickets.values()))}
    first = next(iter(tickets.values())).widths
    return {
        "kind": "bars",
        "title": "Channels kept in each group",
        "y_label": "channels",
        "categories": list(first),
        "series": [
            {"name": "dense", "values": [total for _, total in first.values()]},
            *(
                {"name": name, "values": [kept for kept, _ in ticket.widths.values()]}
                for name, ticket in widths.items()
            ),
        ],
    }


def _ledger(ledgers: Mapping[str, Ledger]) -> dict[str, Any]:
    """What each arm's training cost, as shares of the dense network's."""
    return {
        "kind": "bars",
        "title": "Training MACs, in per cent of dense training",
        "y_label": "% of dense",
        "categories": list(ledgers),
        "series": [
            {"name": "before the cut", "values": [_percent(each.search_macs, each) for each in ledgers.values()]},
            {"name": "after the cut", "values": [_percent(each.retrain_macs, each) for each in ledgers.values()]},
        ],
    }


def _percent(macs: int, ledger: Ledger) -> float:
    return round(100.0 * macs / ledger.dense_total_macs, 3)


def _axis(search: TicketSearch) -> str:
    every = search.settings.every_steps
    return "epochs trained" if every is None else f"masks, one every {every} steps"


def _accuracy(search: TicketSearch, arms: Mapping[str, Trained]) -> dict[str, Any]:
    return {
        "kind": "line",
        "title": "Accuracy on the validation part",
        "x_label": "epoch",
        "y_label": "accuracy, %",
        "series": [{"name": name, **_by_epoch(arm)} for name, arm in arms.items()],
        "marks": _marks(search),
    }


def _marks(search: TicketSearch) -> list[dict[str, Any]]:
    return [{"x": search.drawn_epoch, "label": "ticket drawn"}] if search.drawn_epoch else []


def _by_epoch(arm: Trained) -> dict[str, list[Any]]:
    rows = [row for phase in arm.phases for row in phase.history]
    return {"x": [row["epoch"] + 1 for row in rows], "y": [row.get("validation_accuracy_percent") for row in rows]}

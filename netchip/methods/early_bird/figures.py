"""The figures a run leaves for its report: mask distances, kept widths, accuracy by epoch. Plain JSON, drawn elsewhere."""

import itertools
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from netchip.files import write_json
from netchip.methods.early_bird.comparison import Trained
from netchip.methods.early_bird.mask_distance import distance_matrix, mask_distance
from netchip.methods.early_bird.search import TicketSearch
from netchip.methods.early_bird.ticket import Ticket
from netchip.train.distributed import is_main


def write_figures(folder: Path, search: TicketSearch, arms: Mapping[str, Trained]) -> None:
    """Writes `folder`/figures/*.json."""
    if not is_main():
        return
    figures = {"1-accuracy": _accuracy(search, arms)}
    if len(search.masks) > 1:
        figures |= {"2-mask-distance": _distances(search), "3-mask-pairs": _pairs(search)}
    ticket = search.ticket()
    if ticket is not None:
        figures["4-widths"] = _widths(ticket)
    for name, figure in figures.items():
        write_json(folder / "figures" / f"{name}.json", figure)


def _distances(search: TicketSearch) -> dict[str, Any]:
    masks = search.masks
    neighbours = [mask_distance(old, new) for old, new in itertools.pairwise(masks)]
    epochs = list(range(2, len(masks) + 1))
    return {
        "kind": "line",
        "title": f"Mask distance between epochs (ratio {search.ratio})",
        "x_label": "epochs trained",
        "y_label": "mask distance",
        "series": [
            {"name": "to the epoch before", "x": epochs, "y": neighbours},
            {"name": f"eps = {search.eps}", "x": [epochs[0], epochs[-1]], "y": [search.eps, search.eps]},
        ],
        "marks": _marks(search),
    }


def _pairs(search: TicketSearch) -> dict[str, Any]:
    epochs = list(range(1, len(search.masks) + 1))
    return {
        "kind": "heatmap",
        "title": "Mask distance between all pairs of epochs",
        "x_label": "epochs trained",
        "y_label": "epochs trained",
        "x": epochs,
        "y": epochs,
        "values": distance_matrix(search.masks).round(4).tolist(),
    }


def _widths(ticket: Ticket) -> dict[str, Any]:
    widths = ticket.widths
    return {
        "kind": "bars",
        "title": "Channels kept in each group",
        "y_label": "channels",
        "categories": list(widths),
        "series": [
            {"name": "dense", "values": [total for _, total in widths.values()]},
            {"name": "ticket", "values": [kept for kept, _ in widths.values()]},
        ],
    }


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

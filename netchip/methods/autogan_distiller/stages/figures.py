"""The figures of a run's report: quality by epoch, the search's trajectory, cost by layer, quality against cost, pictures."""

import base64
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from netchip.files import write_json
from netchip.methods.autogan_distiller.costing.table import CostTable
from netchip.methods.autogan_distiller.distillation import Searched, Trained
from netchip.methods.autogan_distiller.quality.protocol import Answered
from netchip.methods.autogan_distiller.space.architecture import Architecture
from netchip.methods.method import Arm

_STRIP = 96  # pixels: side of a picture in a strip


def write_figures(folder: Path, figures: Mapping[str, Mapping[str, Any]]) -> None:
    """Writes `folder`/figures/*.json."""
    for name, figure in figures.items():
        write_json(folder / "figures" / f"{name}.json", dict(figure))


def quality_by_epoch(trained: Mapping[str, Trained]) -> dict[str, Any]:
    """PSNR to the teacher on the validation part."""
    series = [
        {
            "name": name,
            "x": [row["epoch"] + 1 for row in arm.result.history],
            "y": [row["validation_psnr_db"] for row in arm.result.history],
        }
        for name, arm in trained.items()
    ]
    return {
        "kind": "line",
        "title": "PSNR to the teacher on the validation part",
        "x_label": "epoch",
        "y_label": "PSNR, dB",
        "series": series,
    }


def trajectory(searched: Searched, budget: float) -> dict[str, Any]:
    """Costs over the budget during the search: the mean over the logits, and that of the largest logits."""
    rows = searched.result.history
    epochs = [row["epoch"] + 1 for row in rows]
    return {
        "kind": "line",
        "title": "Cost over the budget during the search",
        "x_label": "epoch",
        "y_label": "cost / budget",
        "series": [
            {"name": "mean", "x": epochs, "y": [row["cost_over_budget"] for row in rows]},
            {"name": "largest logits", "x": epochs, "y": [row["most_likely_cost"] / budget for row in rows]},
            {"name": "best within", "x": epochs, "y": [row["found_cost"] / budget for row in rows]},
            {"name": "multiplier", "x": epochs, "y": [row["multiplier"] for row in rows]},
        ],
    }


def layers(table: CostTable, architecture: Architecture) -> dict[str, Any]:
    """The derived network layer by layer: operator, width and cost."""
    widths = table.space.widths(architecture)
    costs = table.by_layer(architecture)
    names = [f"{name}: {architecture.operators[name]}, {widths[name]}" for name in costs]
    return {
        "kind": "bars",
        "title": "The student layer by layer: operator, width",
        "y_label": table.measure.name,
        "categories": names,
        "series": [{"name": table.measure.name, "values": list(costs.values())}],
        "stacked": True,
    }


def quality_against_cost(arms: Sequence[Arm]) -> dict[str, Any]:
    """PSNR to the teacher over MACs, for every arm that has both."""
    shown = [arm for arm in arms if arm.counted.get("macs") and arm.name != "teacher"]
    return {
        "kind": "scatter",
        "title": "Quality against cost on the test pictures",
        "x_label": "MACs",
        "y_label": "PSNR to the teacher, dB",
        "series": [
            {
                "name": arm.name,
                "x": [arm.counted["macs"]],
                "y": [arm.measured["psnr_to_teacher_db"]],
                "labels": [arm.name],
            }
            for arm in shown
        ],
    }


def strip(answered: Answered, student: Tensor) -> dict[str, Any]:
    """Input, teacher, student, ground truth and four times the difference of student and teacher, cut from the middle."""
    size = answered.teacher.shape[1:]
    difference = 4 * (student.float() - answered.teacher.float()).abs().mean(0, keepdim=True).expand(3, *size)
    items = {
        "input": torch.from_numpy(np.ascontiguousarray(answered.picture.image)),
        "teacher": answered.teacher,
        "student": student,
        "4 x difference": difference.clamp(0, 255).byte(),
    }
    if answered.picture.truth is not None:
        items["ground truth"] = torch.from_numpy(answered.picture.truth)
    return {
        "kind": "images",
        "title": f"{answered.picture.name}: the middle",
        "items": [{"caption": name, "png_base64": _png(image, size)} for name, image in items.items()],
    }


def _png(pixels: Tensor, size: Sequence[int]) -> str:
    """The middle of a picture uint8 [C, h, w], enlarged to the output's size by repetition, as a PNG in base64."""
    array = pixels.numpy() if pixels.shape[0] == 3 else pixels.expand(3, *pixels.shape[1:]).numpy()
    image = Image.fromarray(array.transpose(1, 2, 0)).resize((size[1], size[0]), Image.Resampling.NEAREST)
    left, top = (max(0, (side - _STRIP) // 2) for side in (size[1], size[0]))
    buffer = io.BytesIO()
    image.crop((left, top, min(size[1], left + _STRIP), min(size[0], top + _STRIP))).save(buffer, format="PNG")
    return base64.b64encode(buffer.getvalue()).decode()

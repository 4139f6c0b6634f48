"""Runs as plain values, for other programs: JSON, and CSV of one line for each network of each run."""

import csv
import io
from collections.abc import Iterator
from typing import Any

from netchip.report.compare.collecting import Collected
from netchip.report.compare.fronts import fronts
from netchip.report.compare.seeds import variants
from netchip.report.compare.standing import baseline_arm, chosen_arm, task_of
from netchip.report.record import ArmRecord, RunRecord
from netchip.report.tables import SECTIONS

FORMAT = 1
_NAMES = ("folder", "method", "experiment", "config_hash", "seed", "task", "network", "role", "chosen")


def to_json(found: Collected) -> dict[str, Any]:
    """The runs with all figures, what seeds have in common, the fronts, and what was left out; counted, measured and
    modelled figures apart.
    """
    grouped = variants(found.runs)
    return {
        "format": FORMAT,
        "runs": [_run(run) for run in found.runs],
        "seeds": [variant.to_json() for variant in grouped],
        "fronts": [front.to_json() for front in fronts(grouped)],
        "left_out": [{"folder": str(folder), "why": why} for folder, why in found.left_out],
    }


def to_csv(found: Collected) -> str:
    """A line for each network of each run; figures are headed by how they were come by, as in `measured.file_bytes`."""
    lines = [line for run in found.runs for line in _lines(run)]
    figures = [
        name
        for section in SECTIONS
        for name in dict.fromkeys(key for line in lines for key in line)
        if name.startswith(f"{section}.")
    ]
    text = io.StringIO()
    writer = csv.DictWriter(text, [*_NAMES, *figures], lineterminator="\n")
    writer.writeheader()
    writer.writerows(lines)
    return text.getvalue()


def _run(run: RunRecord) -> dict[str, Any]:
    chosen, baseline = chosen_arm(run), baseline_arm(run)
    return {
        "folder": str(run.folder),
        "task": task_of(run),
        "chosen": chosen.name if chosen else None,
        "baseline": baseline.name if baseline else None,
        **run.result.model_dump(mode="json", exclude={"format"}),
        "config": dict(run.config),
        "environment": dict(run.environment),
    }


def _lines(run: RunRecord) -> Iterator[dict[str, Any]]:
    result, chosen = run.result, chosen_arm(run)
    for arm in result.arms:
        own = (
            str(run.folder),
            result.method,
            result.experiment,
            result.config_hash,
            result.seed,
            task_of(run),
            arm.name,
            arm.role,
        )
        yield dict(zip(_NAMES, (*own, int(arm is chosen)), strict=True)) | dict(_figures(arm))


def _figures(arm: ArmRecord) -> Iterator[tuple[str, float]]:
    for section in SECTIONS:
        for key, value in getattr(arm, section).items():
            if value is not None:
                yield f"{section}.{key}", value

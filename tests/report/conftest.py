"""Hand-made run folders for the tests of the report."""

import base64
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image


def png(side: int = 8) -> str:
    buffer = io.BytesIO()
    Image.new("RGB", (side, side), (200, 30, 60)).save(buffer, "PNG")
    return base64.b64encode(buffer.getvalue()).decode()


def arm(name: str, role: str, macs: float, accuracy: float) -> dict[str, Any]:
    return {
        "name": name,
        "role": role,
        "counted": {"macs": macs, "parameters": 270_000, "training_macs": 3.1e12},
        "measured": {
            "test_accuracy_percent": accuracy,
            "training_seconds": 38.2,
            "file_bytes": 1_100_000,
            "latency_batch1_ms": 3.2,
            "latency_batch1_p10_ms": 3.1,
            "latency_batch1_p90_ms": 3.6,
        },
        "modelled": {"energy_pj": 5.0e6},
    }


def figures() -> dict[str, Any]:
    curve = {
        "name": "distance",
        "x": list(range(10)),
        "y": [0.5, 0.4, None, float("nan"), 0.2, 0.1, 0.08, 0.07, 0.06, 0.05],
    }
    heat = [[abs(a - b) / 6 if a != 2 else None for a in range(6)] for b in range(6)]
    return {
        "a": {
            "kind": "line",
            "title": "Mask distance",
            "x_label": "epoch",
            "y_label": "share that differs",
            "series": [curve, {**curve, "name": "threshold", "y": [0.1] * 10}],
            "marks": [{"x": 6, "label": "ticket drawn"}],
        },
        "b": {
            "kind": "heatmap",
            "title": "Distance of every pair",
            "x_label": "epoch",
            "y_label": "epoch",
            "x": list(range(6)),
            "y": list(range(6)),
            "values": heat,
        },
        "c": {
            "kind": "bars",
            "title": "Channels kept",
            "y_label": "channels",
            "categories": ["conv1", "conv2", "conv3"],
            "series": [{"name": "dense", "values": [16, 32, 64]}, {"name": "ticket", "values": [8, 20, None]}],
        },
        "d": {"kind": "images", "title": "Samples", "items": [{"caption": "red", "png_base64": png()}]},
    }


def write_run(
    folder: Path, *, seed: int = 1, result: dict[str, Any] | None = None, drawn: dict[str, Any] | None = None
) -> Path:
    folder.mkdir(parents=True)
    shift = 0.5 * (seed - 1)
    whole = {
        "format": 1,
        "method": "early-bird",
        "experiment": "digits",
        "version": "0.1.0",
        "config_hash": "0a1b2c3d",
        "seed": seed,
        "status": "done",
        "headline": "The ticket keeps 97.22 % with 0.46 of the MACs.",
        "metrics": {"drawn_epoch": 6},
        "arms": [arm("dense", "baseline", 10.2e6, 97.5 + shift), arm("ticket", "ours", 4.7e6, 97.2 + shift)],
        "measured_on": {"device": "a CPU", "threads": 1, "torch": "2.13.0"},
        "simulated": ["nothing is"],
        "notes": ["digits are easy"],
        **(result or {}),
    }
    lines = [
        {
            "phase": phase,
            "epoch": epoch,
            "step": epoch * 16,
            "train_loss": 1.0 / (epoch + 1),
            "accuracy_percent": 90 + epoch,
        }
        for phase, epochs in (("search", range(6)), ("ticket", range(6, 12)))
        for epoch in epochs
    ]
    (folder / "result.json").write_text(json.dumps(whole))
    (folder / "config.json").write_text(json.dumps({"ratio": 0.5, "data": {"name": "digits", "image_size": 16}}))
    (folder / "environment.json").write_text(json.dumps({"python": "3.11", "cores": 2}))
    (folder / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    for name, figure in (figures() if drawn is None else drawn).items():
        (folder / "figures").mkdir(exist_ok=True)
        (folder / "figures" / f"{name}.json").write_text(json.dumps(figure))
    return folder


@pytest.fixture(scope="session", name="write_run")
def _write_run() -> Callable[..., Path]:
    """Writes a run folder: write_run(folder, seed=1, result=changes, drawn=figures)."""
    return write_run


@pytest.fixture(name="figures")
def _figures() -> dict[str, Any]:
    """One figure of each kind, by file name."""
    return figures()


@pytest.fixture(name="arm")
def _arm() -> Callable[..., dict[str, Any]]:
    """An arm of result.json: arm(name, role, macs, accuracy)."""
    return arm

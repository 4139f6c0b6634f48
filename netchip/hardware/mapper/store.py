"""Fronts kept on disk, under a hash of all they depend on: what was searched once is not searched again."""

import hashlib
import json
import math
import warnings
import zlib
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from netchip.errors import CheckpointError, DataError, NetchipWarning, RequestError
from netchip.files import cache_folder, read_json, write_json
from netchip.hardware.budget import Budget
from netchip.hardware.mapper.front import Front
from netchip.hardware.mapper.objective import Objective
from netchip.hardware.mapper.problem import Problem
from netchip.hardware.mapping import Mapping as LoopNest
from netchip.workload.layer import Layer

MODEL_VERSION = 4
"""Raise it when `evaluate` or a mapper gives other results for the same question."""


def question(problem: Problem, objective: Objective, settings: Mapping[str, Any]) -> str:
    """All that the front of a problem depends on, as JSON: the layer without its name and rate, chip, objective, mapper."""
    asked = {
        "version": MODEL_VERSION,
        "layer": _layer(problem.layer),
        "accelerator": problem.accelerator.model_dump(mode="json"),
        "conventions": problem.conventions.model_dump(mode="json"),
        "constraints": problem.constraints.model_dump(mode="json"),
        "objective": objective.model_dump(mode="json") if isinstance(objective, Budget) else objective,
        "mapper": dict(settings),
    }
    return json.dumps(asked, sort_keys=True)


def stored_front(key: str, search: Callable[[], Front]) -> Front:
    """The front under `key`, from disk where it is there and whole, else searched and written.

    A cache that cannot be written is a warning, not an error.
    """
    path = _path(key)
    found = _read(path, key)
    if found is not None:
        return found
    front = search()
    try:
        write_json(path, _to_json(front, key))
    except (CheckpointError, OSError) as error:
        message = f"mappings found are not cached, so they are searched again next time: {error}"
        warnings.warn(message, NetchipWarning, stacklevel=2)
    return front


def is_stored(key: str) -> bool:
    """Whether there is a file for `key`, whole or not."""
    return _path(key).is_file()


def _path(key: str) -> Path:
    return cache_folder() / "mappings" / f"{hashlib.sha256(key.encode()).hexdigest()[:32]}.json"


def _layer(layer: Layer) -> dict[str, Any]:
    encoded = layer.holds_weights
    return {
        "shape": asdict(layer.shape),
        "precision": asdict(layer.precision),
        "stored_bits": layer.stored_bits,
        "rebuilds": layer.weights.rebuild_actions(layer.shape) if encoded else {},
    }


def _to_json(front: Front, key: str) -> dict[str, Any]:
    content = {
        "tried": front.tried,
        "legal": front.legal,
        "front": [
            [float(energy), float(cycles), str(mapping)]
            for energy, cycles, mapping in zip(front.energy_pj, front.cycles, front.mappings, strict=True)
        ],
    }
    return {"sum": _sum(content, key), "content": content}


def _sum(content: object, key: str) -> int:
    return zlib.crc32((json.dumps(content, sort_keys=True) + key).encode())


def _read(path: Path, key: str) -> Front | None:
    """The front in a file, or nothing where the file is missing, damaged, or of another question."""
    try:
        data = read_json(path)
        content = data["content"]
        if data["sum"] != _sum(content, key):
            return None
        energy, cycles, texts = zip(*content["front"], strict=True)
        mappings = tuple(LoopNest.parse_text(text) for text in texts)
        front = Front(np.array(energy), np.array(cycles), mappings, int(content["tried"]), int(content["legal"]))
    except (DataError, RequestError, KeyError, TypeError, ValueError, AttributeError):
        return None
    return front if all(map(math.isfinite, (*energy, *cycles))) else None

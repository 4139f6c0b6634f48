"""Workloads of the networks that are here, kept in the cache: to know one again takes no torch, which takes seconds to load.

A kept workload holds as long as nothing it follows from has changed: netchip's own source of models and capture, and torch.
"""

import contextlib
import hashlib
import json
from collections.abc import Callable
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

from netchip.errors import NetchipError
from netchip.files import cache_folder, read_value, write_json
from netchip.models.catalogue import model_names
from netchip.workload.network import Workload

_SOURCES = ("graph", "models", "nn", "workload")
Known = tuple[str, Workload, int]
"""Title, workload, and how many inputs pass at once."""


def known_workload(name: str, shape: str | None, classes: int | None, capture: Callable[[], Known]) -> Known:
    """What `capture` finds of the network called `name`, or what it found before; only networks of netchip's own are kept."""
    if name not in model_names():
        return capture()
    file = _file(name, shape, classes)
    try:
        return read_value(file, _from_json, "a kept workload")
    except (NetchipError, KeyError, TypeError, ValueError):
        found = capture()
    with contextlib.suppress(NetchipError):  # a cache that cannot be written costs time only
        write_json(file, _to_json(found))
    return found


def _file(name: str, shape: str | None, classes: int | None) -> Path:
    key = json.dumps([name, shape, classes, version("torch"), _source_digest()])
    return cache_folder() / "workloads" / f"{name}-{hashlib.sha256(key.encode()).hexdigest()[:16]}.json"


@cache
def _source_digest() -> str:
    """Of all that netchip makes a workload from."""
    root = Path(__file__).resolve().parents[1]
    digest = hashlib.sha256()
    for file in sorted(found for name in _SOURCES for found in (root / name).rglob("*.py")):
        digest.update(file.relative_to(root).as_posix().encode() + file.read_bytes())
    return digest.hexdigest()


def _to_json(found: Known) -> dict[str, Any]:
    title, workload, inputs = found
    return {"title": title, "inputs": inputs, "workload": workload.to_json()}


def _from_json(data: dict[str, Any]) -> Known:
    return str(data["title"]), Workload.from_json(data["workload"]), int(data["inputs"])

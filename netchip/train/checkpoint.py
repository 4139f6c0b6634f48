"""One file a phase, from which training goes on as if it had never stopped.

It holds: weights, optimizer, fp16 scaler, the generators of every process, the place in the data, the phase's own
state, the running means of the epoch, and what must agree before it may be taken up (`Identity`, as `fit` computes
it). Plain types and tensors only: it loads with `weights_only=True`.
"""

import io
import pickle
import zipfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, cast

import torch

from netchip.errors import CheckpointError, CheckpointMismatch
from netchip.files import write_atomic

FORMAT = 1
NAME = "checkpoint.pt"


@dataclass(kw_only=True)
class Position:
    """Where a phase is, and what it has seen so far. `epoch` and `index` name the next optimizer step, counted from
    0. `energy_j` is None where any part was trained without an energy counter, as in checkpoints from before there was
    one.
    """

    epoch: int
    index: int = 0
    steps: int = 0
    seconds: float = 0.0
    energy_j: float | None = None
    finished: bool = False
    stopped_early: bool = False
    sums: dict[str, float] = field(default_factory=dict[str, float])
    history: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    lines: int = 0
    spent: list[tuple[float, float | None]] = field(default_factory=list[tuple[float, float | None]])


@dataclass(frozen=True, kw_only=True)
class Checkpoint:
    """The content of a checkpoint file. `rng` has one entry a process; `circumstances` may differ on resume, with a
    warning.
    """

    identity: Mapping[str, Any]
    circumstances: Mapping[str, Any]
    position: Position
    model: Mapping[str, Any]
    optimizer: Mapping[str, Any]
    scaler: Mapping[str, Any] | None
    phase: dict[str, Any]
    rng: list[dict[str, Any]]


def write_checkpoint(path: Path, checkpoint: Checkpoint) -> None:
    """Writes `checkpoint` whole or not at all; raises `CheckpointError`, the file of before intact, when the disk
    refuses.
    """
    content: dict[str, Any] = {"format": FORMAT}
    content |= {name: getattr(checkpoint, name) for name in Checkpoint.__dataclass_fields__}
    content["position"] = asdict(checkpoint.position)
    buffer = io.BytesIO()  # torch.save into a file turns a full disk into errors of its own
    torch.save(content, buffer)
    write_atomic(path, buffer.getvalue())


def read_checkpoint(path: Path, identity: Mapping[str, Any]) -> Checkpoint | None:
    """The checkpoint in `path`, its tensors on the CPU; None when there is no file.

    Raises `CheckpointError` for a file that is cut short, damaged or not ours, and `CheckpointMismatch`, naming what
    differs, when it was written under another `identity`.
    """
    if not path.is_file():
        return None
    content = _content(path)
    _same(path, content["identity"], identity)
    position = Position(**content["position"])
    rest = {name: content[name] for name in Checkpoint.__dataclass_fields__ if name != "position"}
    return Checkpoint(position=position, **rest)


def _content(path: Path) -> dict[str, Any]:
    try:
        with zipfile.ZipFile(path) as archive:  # torch does not compare the checksums it writes
            if (broken := archive.testzip()) is not None:
                raise ValueError(f"{broken} has a wrong checksum")
        content: Any = torch.load(path, map_location="cpu", weights_only=True)
    except (
        OSError,
        zipfile.BadZipFile,
        RuntimeError,
        pickle.UnpicklingError,
        EOFError,
        ValueError,
        LookupError,
        TypeError,
        AttributeError,
    ) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise CheckpointError(
            f"{path}: cut short, damaged or not a checkpoint ({reason}); delete it to train this phase again "
            "from its beginning, other phases are not touched"
        ) from None
    wanted = {"format", *Checkpoint.__dataclass_fields__}
    if not isinstance(content, dict) or not wanted <= cast(dict[str, Any], content).keys():
        raise CheckpointError(f"{path}: not a checkpoint of a training phase; move it away and run again")
    found = cast(dict[str, Any], content)
    if found["format"] != FORMAT:
        raise CheckpointMismatch(
            f"{path}: has format {found['format']}, this version of netchip reads {FORMAT}; go on with the "
            "version that wrote it, or start again with --fresh"
        )
    return found


def _same(path: Path, found: Mapping[str, Any], wanted: Mapping[str, Any]) -> None:
    names = sorted(found.keys() | wanted.keys())
    differing = [
        f"{name} {found.get(name)!r} there, {wanted.get(name)!r} here"
        for name in names
        if found.get(name) != wanted.get(name)
    ]
    if differing:
        raise CheckpointMismatch(
            f"{path}: was written by another training ({'; '.join(differing)}); give the same settings to go on, "
            "or another folder (--fresh) to start again"
        )

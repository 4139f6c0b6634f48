"""The way back: from a run or ticket folder to the network it holds.

A folder holds a description (`model.json` of a run, `ticket.json` of a ticket) with the model's source and the edits made
to it, and `model.safetensors`. The dense model is built again, the edits are replayed, the weights are loaded strictly. An
edit is a cut, or of a method: then a function in that method's room makes the network anew, from plain settings.
"""

import importlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import nn

from netchip.errors import CheckpointMismatch, DataError
from netchip.files import read_json, write_json
from netchip.graph.surgery import CutPlan, cut
from netchip.models.build import build
from netchip.models.spec import ModelSpec
from netchip.train.saving import load_state, save_model

MODEL_FILE, TICKET_FILE, WEIGHTS_FILE = "model.json", "ticket.json", "model.safetensors"
FORMAT = 1
_ROOMS = "netchip.methods."


def save(
    folder: str | Path,
    model: nn.Module,
    *,
    source: Mapping[str, Any] | None,
    plans: tuple[CutPlan, ...] = (),
    methods: Sequence[tuple[str, Mapping[str, Any]]] = (),
) -> Path:
    """Writes model.safetensors, then model.json: `source` is a `ModelSpec` as JSON, `plans` the cuts made, in order.

    `methods` come after the cuts: each a "module:function" in a method's room, and plain settings, with which
    `function(network, settings)` returns the network that the method makes of it.
    """
    folder = Path(folder)
    edits: list[dict[str, Any]] = [{"kind": "cut", "plan": plan.to_json()} for plan in plans]
    edits += [{"kind": "method", "by": by, "settings": dict(settings)} for by, settings in methods]
    save_model(model, folder / WEIGHTS_FILE)
    write_json(
        folder / MODEL_FILE, {"format": FORMAT, "source": None if source is None else dict(source), "edits": edits}
    )
    return folder


def load(path: str | Path, *, model: nn.Module | None = None) -> nn.Module:
    """The network of a run or ticket folder, in eval mode on the CPU.

    `model` is the dense network to start from; needed where the folder does not say how to build it (a ticket drawn from
    a module of your own). It is edited in place and returned. Nothing is unpickled. Raises `DataError` when the folder holds
    no network, `CheckpointMismatch` when its weights do not fit.
    """
    folder = Path(path)
    description = _description(folder)
    network = model if model is not None else _build(description, folder)
    for edit in description.get("edits", []):
        network = _replayed(network, edit, folder)
    load_weights(network, load_state(folder / WEIGHTS_FILE))
    return network.eval()


def load_weights(model: nn.Module, state: Mapping[str, torch.Tensor]) -> None:
    """Loads `state` strictly; raises `CheckpointMismatch` that names the first tensor that does not fit."""
    own = model.state_dict()
    for name in [*own, *state]:
        found, wanted = state.get(name), own.get(name)
        if found is None or wanted is None or found.shape != wanted.shape:
            raise CheckpointMismatch(
                f"{name}: the file holds {_shape(found)}, the network {_shape(wanted)}; they do not belong together"
            )
    model.load_state_dict(dict(state))


def _description(folder: Path) -> dict[str, Any]:
    for name in (MODEL_FILE, TICKET_FILE):
        if (folder / name).is_file():
            description = read_json(folder / name)
            if not isinstance(description, dict) or description.get("format") != FORMAT:
                raise CheckpointMismatch(
                    f"{folder / name}: not of format {FORMAT}, which is what this version of netchip reads"
                )
            return description
    raise DataError(
        f"{folder}: holds neither {MODEL_FILE} nor {TICKET_FILE}; name the folder of a finished run or of a saved ticket"
    )


def _build(description: Mapping[str, Any], folder: Path) -> nn.Module:
    if description.get("source") is None:
        raise DataError(
            f"{folder} does not say how its dense network is built; give it: netchip.load({str(folder)!r}, model=my_model)"
        )
    return build(ModelSpec.parse(description["source"], source=f"{folder}: source"))


def _replayed(model: nn.Module, edit: Mapping[str, Any], folder: Path) -> nn.Module:
    if edit.get("kind") == "cut":
        cut(model, CutPlan.from_json(edit["plan"]))
        return model
    if edit.get("kind") == "method":
        return _of_method(str(edit.get("by")), folder)(model, edit["settings"])
    raise CheckpointMismatch(f"{folder}: an edit of kind {edit.get('kind')!r} is not known to this version of netchip")


def _of_method(by: str, folder: Path) -> Any:
    """The function that a file names: only of netchip's own methods, for a file may come from anywhere."""
    module, _, name = by.partition(":")
    if module.startswith(_ROOMS) and all(part.isidentifier() for part in (*module.split("."), name)):
        try:
            return getattr(importlib.import_module(module), name)
        except (ImportError, AttributeError):
            pass
    raise CheckpointMismatch(f"{folder}: an edit by {by!r} is not known to this version of netchip")


def _shape(tensor: torch.Tensor | None) -> str:
    return "nothing" if tensor is None else "x".join(str(size) for size in tensor.shape) or "a scalar"

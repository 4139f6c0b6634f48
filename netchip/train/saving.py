"""Weights on disk: safetensors, nothing unpickled, the same bytes for the same weights."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import nn

from netchip.errors import DataError, ModelError
from netchip.files import write_atomic

_METADATA_KEY = "netchip"  # one key: the order of several is not fixed by the format's writer


def save_model(model: nn.Module, path: str | Path) -> Path:
    """Writes the parameters and buffers of `model` to `path`; see `save_state`."""
    return save_state(model.state_dict(), path)


def save_state(state: Mapping[str, Any], path: str | Path) -> Path:
    """Writes named tensors to `path`, whole or not at all.

    Tied tensors are written once and their other names kept in the metadata. The bytes depend on names and values
    only: no time, path or device. Raises `ModelError` for an entry that is no tensor, `CheckpointError` when the disk
    refuses.
    """
    foreign = sorted(name for name, value in state.items() if not isinstance(value, torch.Tensor))
    if foreign:
        raise ModelError(
            f"{path}: {foreign[0]!r} is a {type(state[foreign[0]]).__name__}, and safetensors holds tensors only"
        )
    aliases = aliases_of(state)
    own = {name: _plain(state[name]) for name in sorted(state) if name not in aliases}
    write_atomic(Path(path), save(own, metadata=noted_aliases(aliases)))
    return Path(path)


def noted_aliases(aliases: Mapping[str, str]) -> dict[str, str]:
    """The metadata of a file whose tied tensors have these further names."""
    return {_METADATA_KEY: json.dumps({"format": 1, "aliases": dict(aliases)}, sort_keys=True)}


def aliases_in(metadata: Mapping[str, str]) -> dict[str, str]:
    """The further names of tied tensors that the metadata of a file note, with the name that the file has for each.

    None for metadata of another program.
    """
    try:
        aliases = json.loads(metadata.get(_METADATA_KEY, "{}"))["aliases"]
        return {name: kept for name, kept in aliases.items() if isinstance(kept, str)}
    except (ValueError, AttributeError, TypeError, KeyError, RecursionError):
        return {}


def load_state(path: str | Path) -> dict[str, torch.Tensor]:
    """The named tensors in `path`, on the CPU, under all their names. Raises `DataError` for a missing, cut or
    foreign file.
    """
    path = Path(path)
    if not path.is_file():
        raise DataError(f"{path}: no such file")
    try:
        opened: Any = safe_open(path, framework="pt", device="cpu")
        with opened as file:
            metadata: dict[str, str] = file.metadata() or {}
            state: dict[str, torch.Tensor] = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        aliases: dict[str, str] = json.loads(metadata.get(_METADATA_KEY, "{}")).get("aliases", {})
        return state | {name: state[kept] for name, kept in aliases.items()}
    except (SafetensorError, OSError, ValueError, KeyError) as error:
        raise DataError(
            f"{path}: not a whole safetensors file ({error}); write it again or fetch another copy"
        ) from None


def aliases_of(state: Mapping[str, torch.Tensor]) -> dict[str, str]:
    """Maps each further name of a tensor to the first of its names, in sorted order."""
    first: dict[tuple[Any, ...], str] = {}
    aliases: dict[str, str] = {}
    for name in sorted(state):
        tensor = state[name]
        if tensor.numel() == 0:
            continue
        same = (tensor.device, tensor.data_ptr(), tensor.dtype, tuple(tensor.shape), tuple(tensor.stride()))
        kept = first.setdefault(same, name)
        if kept != name:
            aliases[name] = kept
    return aliases


def _plain(tensor: torch.Tensor) -> torch.Tensor:
    """A contiguous copy of its own on the CPU, so that overlapping views are written whole."""
    return tensor.detach().cpu().clone(memory_format=torch.contiguous_format)

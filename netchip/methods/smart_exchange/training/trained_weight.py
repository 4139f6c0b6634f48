"""One weight in training: its blocks, its masks, its factors, and what a mode keeps beside them."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

import torch
from torch import Tensor

from netchip.errors import CheckpointMismatch
from netchip.methods.smart_exchange.decomposition.alphabet import Alphabet
from netchip.methods.smart_exchange.decomposition.factored import Factored
from netchip.methods.smart_exchange.decomposition.sparsity import RowMask
from netchip.methods.smart_exchange.decomposition.tiling import Tiling
from netchip.methods.smart_exchange.training.treated import Found

_TENSORS = ("rows", "latent", "basis", "counters", "live")


@dataclass
class TrainedWeight:
    """A treated weight.

    `rows` bool [blocks, rows], False where pruned; None while none is; `mask` is the same in the weight's own shape. Modes keep:
    `latent`, the dense weight that a straight-through step moves; `basis` float32 [blocks, width, width]; `counters` int16 and
    `live` bool of the coefficients. `before`, the weight before a step, lives from `after_backward` to `after_step` only.
    """

    found: Found
    tiling: Tiling
    rows: Tensor | None = None
    factored: Factored | None = None
    latent: Tensor | None = None
    basis: Tensor | None = None
    counters: Tensor | None = None
    live: Tensor | None = None
    before: Tensor | None = field(default=None, repr=False)
    mask: Tensor | None = field(default=None, repr=False)

    def prune(self, mask: RowMask) -> None:
        """Takes away the rows that `mask` does not keep, beside those that are gone already."""
        self.rows = mask.kept if self.rows is None else self.rows & mask.kept
        self.mask = self._mask()

    def state_dict(self) -> dict[str, Any]:
        """Everything but names and tiling, which follow from the network and the settings."""
        state: dict[str, Any] = {"shape": list(self.tiling.shape)}
        for name in _TENSORS:
            value = getattr(self, name)
            state[name] = None if value is None else value.detach().cpu().clone()
        factored = self.factored
        state["factored"] = None if factored is None else _plain(factored)
        return state

    def load_state_dict(self, state: Mapping[str, Any], device: torch.device) -> None:
        """Takes it up; raises `CheckpointMismatch` for a weight of another shape."""
        if tuple(state["shape"]) != self.tiling.shape:
            raise CheckpointMismatch(f"{self.found.name}: {state['shape']} there, {list(self.tiling.shape)} here")
        for name in _TENSORS:
            value = state[name]
            setattr(self, name, None if value is None else value.to(device).clone())
        self.mask = self._mask()
        saved = state["factored"]
        self.factored = None if saved is None else _factored(saved, self.tiling, device)

    def to(self, device: torch.device) -> None:
        """Moves what is kept to where the weight is."""
        for each in fields(self):
            value = getattr(self, each.name)
            if isinstance(value, Tensor) and value.device != device:
                setattr(self, each.name, value.to(device))
        if self.factored is not None and self.factored.levels.device != device:
            self.factored = moved(self.factored, device)

    def _mask(self) -> Tensor | None:
        """Which weights are kept, bool of the weight's shape; None when all are."""
        mask = None if self.rows is None else RowMask(self.tiling, self.rows)
        return None if mask is None or mask.sparsity == 0 else mask.elements()


def moved(factored: Factored, device: torch.device | str) -> Factored:
    """The same factors on another device."""
    return Factored(
        factored.tiling,
        factored.alphabet,
        factored.levels.to(device),
        factored.basis.to(device),
        factored.basis_scale,
        factored.dtype,
    )


def _plain(factored: Factored) -> dict[str, Any]:
    return {
        "tiling": factored.tiling.to_json(),
        "bits": factored.alphabet.bits,
        "top": factored.alphabet.top,
        "levels": factored.levels.cpu().clone(),
        "basis": factored.basis.cpu().clone(),
        "basis_scale": factored.basis_scale,
        "dtype": str(factored.dtype).removeprefix("torch."),
    }


def _factored(saved: Mapping[str, Any], tiling: Tiling, device: torch.device) -> Factored:
    if Tiling.from_json(saved["tiling"]) != tiling:
        raise CheckpointMismatch(f"the saved blocks are {saved['tiling']}, here they are {tiling.to_json()}")
    return Factored(
        tiling,
        Alphabet(saved["bits"], saved["top"]),
        saved["levels"].to(device),
        saved["basis"].to(device),
        saved["basis_scale"],
        getattr(torch, saved["dtype"]),
    )

"""A network's parameters and buffers as a safetensors file, read again and compared byte for byte."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from netchip.errors import RunError
from netchip.train.saving import load_state, save_model
from netchip.units import format_bytes


@dataclass(frozen=True, kw_only=True)
class CheckedWeights:
    """A file whose tensors are the model's, byte for byte: how many, and the bytes of the file."""

    file: str
    tensors: int
    bytes: int

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)

    def line(self) -> str:
        """In words."""
        return (
            f"{self.file}: {self.tensors} tensors, {format_bytes(self.bytes)}; read again, every byte is the network's"
        )


def write_weights(model: nn.Module, path: Path | str) -> CheckedWeights:
    """Writes all tensors of `model` under their names, those that are tied once.

    Raises `RunError` where one reads back differently.
    """
    path = save_model(model, path)
    found, own = load_state(path), model.state_dict()
    wrong = [name for name in {**own, **found} if not _same_bytes(found.get(name), own.get(name))]
    if wrong:
        raise RunError(f"{path}: {wrong[0]!r} does not read back as it was written; check the disk and write it again")
    return CheckedWeights(file=str(path), tensors=len(own), bytes=path.stat().st_size)


def _same_bytes(found: Tensor | None, wanted: Tensor | None) -> bool:
    if found is None or wanted is None or found.dtype != wanted.dtype or found.shape != wanted.shape:
        return False
    return torch.equal(_bytes(found), _bytes(wanted))


def _bytes(tensor: Tensor) -> Tensor:
    return tensor.detach().cpu().contiguous().flatten().view(torch.uint8)

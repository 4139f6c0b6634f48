"""One packed weight inside a network: buffers that hold its stored tensors, and the weight on demand."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from netchip.errors import CheckpointMismatch, ConfigError
from netchip.methods.smart_exchange.decomposition.alphabet import Alphabet
from netchip.methods.smart_exchange.decomposition.tiling import Tiling
from netchip.methods.smart_exchange.packing.checking import check_packed
from netchip.methods.smart_exchange.packing.packed import Packed
from netchip.methods.smart_exchange.packing.rebuild import rebuild
from netchip.methods.smart_exchange.packing.sizes import Zeros

_STREAMS = ("codes", "rows", "elements", "basis")
_DTYPES = {str(dtype): dtype for dtype in (torch.float16, torch.bfloat16, torch.float32, torch.float64)}


@dataclass(frozen=True)
class Reading:
    """How the stored tensors of a weight are read: all of `Packed` but the tensors."""

    tiling: Tiling
    alphabet: Alphabet
    zeros: Zeros
    basis_scale: float
    dtype: torch.dtype

    @classmethod
    def of(cls, packed: Packed) -> "Reading":
        """That of a stored weight."""
        return cls(packed.tiling, packed.alphabet, packed.zeros, packed.basis_scale, packed.dtype)

    def to_state(self) -> dict[str, Any]:
        """As plain values, without the tiling's shape being open to change."""
        return {
            "tiling": self.tiling.to_json(),
            "bits": self.alphabet.bits,
            "top": self.alphabet.top,
            "zeros": self.zeros,
            "basis_scale": self.basis_scale,
            "dtype": str(self.dtype),
        }

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> "Reading":
        """What `to_state` gave; raises `ConfigError` where it makes none."""
        try:
            if state["zeros"] not in ("code", "bitmap"):
                raise ConfigError(f"zeros = {state['zeros']!r} is neither 'code' nor 'bitmap'")
            alphabet = Alphabet(state["bits"], state["top"])
            return cls(
                Tiling.from_json(state["tiling"]),
                alphabet,
                state["zeros"],
                state["basis_scale"],
                _DTYPES[state["dtype"]],
            )
        except (KeyError, TypeError) as error:
            raise ConfigError(f"no packed weight is read by {state!r} ({error!r})") from None


class PackedWeight(nn.Module):
    """Holds a packed weight as buffers of uint8 and int8; calling it gives the weight in the floating-point type of the network.

    `.to(dtype)` moves that type along and leaves the stored tensors as they are. `state_dict` holds all that the weight is made of;
    it may be loaded where another weight of the same tiling is held.
    """

    codes: Tensor
    rows: Tensor
    elements: Tensor
    basis: Tensor
    type_of_weight: Tensor

    def __init__(self, packed: Packed, dtype: torch.dtype) -> None:
        super().__init__()
        self.reading = Reading.of(packed)
        empty = packed.codes.new_zeros(0)
        stored = (
            packed.codes,
            packed.row_bitmap,
            empty if packed.element_bitmap is None else packed.element_bitmap,
            packed.basis,
        )
        for name, value in zip(_STREAMS, stored, strict=True):
            self.register_buffer(name, value.clone())
        self.register_buffer("type_of_weight", empty.to(dtype), persistent=False)

    @property
    def packed(self) -> Packed:
        """The stored form, its tensors where they are now."""
        reading = self.reading
        elements = self.elements if reading.zeros == "bitmap" else None
        return Packed(
            reading.tiling,
            reading.alphabet,
            reading.zeros,
            codes=self.codes,
            row_bitmap=self.rows,
            element_bitmap=elements,
            basis=self.basis,
            basis_scale=reading.basis_scale,
            dtype=reading.dtype,
        )

    @torch.no_grad()
    def forward(self) -> Tensor:
        """The weight, rebuilt now; nothing of it is kept."""
        return rebuild(self.packed).to(self.type_of_weight.dtype)

    def extra_repr(self) -> str:
        """Shape, bits and bytes, for `print(model)`."""
        return f"shape={self.reading.tiling.shape}, bits={self.reading.alphabet.bits}, bytes={self.packed.bytes}"

    def get_extra_state(self) -> dict[str, Any]:
        """How the buffers are read."""
        return self.reading.to_state()

    def set_extra_state(self, state: Mapping[str, Any]) -> None:
        """Takes over how the buffers, already loaded, are read; raises `CheckpointMismatch` where they do not fit together."""
        try:
            loaded = Reading.from_state(state)
            if loaded.tiling != self.reading.tiling:
                raise ConfigError(f"it was cut as {loaded.tiling}, here it is {self.reading.tiling}")
            self.reading = loaded
            check_packed(self.packed)
        except ConfigError as error:
            raise CheckpointMismatch(
                f"the state of a packed weight of shape {self.reading.tiling.shape}: {error}"
            ) from None

    def _load_from_state_dict(self, state_dict: dict[str, Any], prefix: str, *others: Any) -> None:
        """As usual, but the streams may have another length: how many codes there are depends on the weight."""
        for name in _STREAMS:
            value = state_dict.get(prefix + name)
            held = getattr(self, name)
            if isinstance(value, Tensor) and value.shape != held.shape and value.dtype == held.dtype:
                setattr(self, name, held.new_empty(value.shape))
        super()._load_from_state_dict(state_dict, prefix, *others)

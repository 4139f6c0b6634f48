"""An arm of a run: a network, what its weights are stored as, and the training it took."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Literal

from torch import Tensor, nn

from netchip.methods.smart_exchange.baselines.file import write_rounded
from netchip.methods.smart_exchange.baselines.model import dense_rest
from netchip.methods.smart_exchange.baselines.quantized import Quantized
from netchip.methods.smart_exchange.file.writing import write
from netchip.methods.smart_exchange.packing.packed import Packed
from netchip.methods.smart_exchange.training.treated import find_weights
from netchip.train.fit import FitResult
from netchip.train.saving import save_model

PACKED_FILE, ROUNDED_FILE, DENSE_FILE = "model.se.safetensors", "model.rounded.safetensors", "model.safetensors"


@dataclass(frozen=True, kw_only=True)
class Made:
    """The network of an arm, in eval mode on the CPU. `packed` or `rounded` weights by name; both empty where it is dense."""

    name: str
    role: Literal["ours", "baseline"]
    network: nn.Module
    fits: tuple[FitResult, ...] = ()
    packed: Mapping[str, Packed] = field(default_factory=dict)
    rounded: Mapping[str, Quantized] = field(default_factory=dict)

    @property
    def seconds(self) -> float:
        """Wall-clock of its training steps in seconds, the dense network's included."""
        return sum(fit.seconds for fit in self.fits)

    @cached_property
    def weights(self) -> dict[str, Tensor]:
        """The weights that any arm may treat: of convolutions, linear layers, embeddings, each once."""
        return {found.name: self.network.get_parameter(found.name) for found in find_weights(self.network)[0]}

    @property
    def stored_bits(self) -> int:
        """Bits of these weights as they are stored: packed, rounded, or as they are."""
        return sum(self.bits_of(name) for name in self.weights)

    @property
    def bits_per_weight(self) -> float:
        """The same, for one of them."""
        return self.stored_bits / sum(weight.numel() for weight in self.weights.values())

    def bits_of(self, name: str) -> int:
        """Bits of one weight as it is stored."""
        if name in self.packed:
            return 8 * self.packed[name].bytes
        if name in self.rounded:
            return sum(self.rounded[name].bits().values())
        weight = self.weights[name]
        return 8 * weight.numel() * weight.element_size()

    def write(self, folder: Path) -> Path:
        """Writes the file whose size counts into `folder`, and returns its path."""
        if self.packed:
            path = folder / PACKED_FILE
            write(path, self.packed, dense_rest(self.network, self.packed))
        elif self.rounded:
            path = folder / ROUNDED_FILE
            write_rounded(path, self.rounded, dense_rest(self.network, self.rounded))
        else:
            path = save_model(self.network, folder / DENSE_FILE)
        return path

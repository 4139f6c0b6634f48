"""Which weights are packed, cut into which blocks, and why the others are not."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch

from netchip.errors import ConfigError
from netchip.methods.smart_exchange.compression.weights import Described, Weights
from netchip.methods.smart_exchange.decomposition.choosing import gains, tiling_for
from netchip.methods.smart_exchange.decomposition.tiling import Tiling
from netchip.methods.smart_exchange.training.treated import fits

_PACKABLE = (torch.float32, torch.float16, torch.bfloat16, torch.float64)
FEW_DIMENSIONS = "has fewer than two dimensions"


@dataclass(frozen=True)
class Choice:
    """The blocks of the weights that are packed, and the reasons of the tensors that stay; both by name."""

    packed: Mapping[str, Tiling]
    kept: Mapping[str, str]


def choose(weights: Weights, *, bits: int = 4, skip: Sequence[str] = ()) -> Choice:
    """Packs what has two or more dimensions, is floating point, fits no pattern of `skip`, and becomes smaller.

    A pattern is that of file names ("features.*"), and fits a tensor by its name or its module's. Raises `ConfigError` for a
    pattern that fits nothing, and where nothing is left to pack.
    """
    for pattern in skip:
        if not any(fits(pattern, (name,)) for name in weights.tensors):
            raise ConfigError(f"--skip {pattern!r} fits no tensor; they are named {_some(list(weights.tensors))}")
    packed: dict[str, Tiling] = {}
    kept: dict[str, str] = {}
    for name, each in weights.tensors.items():
        tiling, reason = _choice(name, each, bits, skip)
        if tiling is None:
            kept[name] = reason
        else:
            packed[name] = tiling
    if not packed:
        raise ConfigError(f"{weights.title}: there is no tensor to pack; {_reasons(kept)}")
    return Choice(packed, kept)


def _choice(name: str, each: Described, bits: int, skip: Sequence[str]) -> tuple[Tiling | None, str]:
    pattern = next((pattern for pattern in skip if fits(pattern, (name,))), None)
    if len(each.shape) < 2:
        return None, FEW_DIMENSIONS
    if each.dtype not in _PACKABLE:
        return None, f"is {str(each.dtype).removeprefix('torch.')}, not a floating-point type that is packed"
    if each.count == 0:
        return None, "is empty"
    if pattern is not None:
        return None, f"left out by --skip {pattern!r}"
    tiling = tiling_for(each.shape, kind=each.kind, groups=each.groups)
    gain = gains(tiling, bits=bits, stored_bits=8 * each.dtype.itemsize)
    return (tiling, "") if gain.worth else (None, gain.reason)


def _reasons(kept: Mapping[str, str]) -> str:
    shown = [f"{name} {reason}" for name, reason in kept.items() if reason != FEW_DIMENSIONS][:3]
    return "; ".join(shown) or ("none has two or more dimensions" if kept else "it holds nothing")


def _some(names: list[str]) -> str:
    return ", ".join(names[:4]) + (f" and {len(names) - 4} more" if len(names) > 4 else "")

"""What each layer type loses when channels go: which tensors, along which dimension, and which of its numbers change.

Three axes: "out" (what a convolution, linear layer or embedding makes), "in" (what a convolution or linear layer reads)
and "channels" (what passes through channel by channel: norms, PReLU, depthwise convolutions, a bare parameter).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeGuard

import numpy as np
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.modules.conv import _ConvNd, _ConvTransposeNd
from torch.nn.modules.instancenorm import _InstanceNorm
from torch.nn.utils import parametrize

from netchip.errors import GraphError

Axis = Literal["out", "in", "channels"]
Indices = np.ndarray
Keep = Mapping[str, Indices]

AXES: tuple[Axis, ...] = ("out", "in", "channels")
LAYER_NORMS: tuple[type[nn.Module], ...] = (nn.LayerNorm, nn.RMSNorm)
CHANNEL_NORMS: tuple[type[nn.Module], ...] = (_BatchNorm, _InstanceNorm, nn.GroupNorm)


@dataclass(frozen=True)
class LayerCut:
    """What one layer becomes: `tensors` has {dimension: kept positions} of each, `numbers` the new attributes."""

    tensors: Mapping[str, Mapping[int, Indices]]
    numbers: Mapping[str, Any]


def is_per_channel_conv(module: nn.Module) -> TypeGuard[_ConvNd]:
    """Whether every input channel has kernels of its own: depthwise, with or without a channel multiplier."""
    return isinstance(module, _ConvNd) and module.groups == module.in_channels and module.groups > 1


def bare_parameter_dim(shape: tuple[int, ...]) -> int:
    """The dimension "channels" means on a bare parameter: its last one of more than one entry; -1 if there is none."""
    return max((dim for dim, size in enumerate(shape) if size > 1), default=-1)


def axis_length(layer: nn.Module | Tensor, axis: str) -> int | None:
    """Positions on that axis of a layer or bare parameter; None where it has no such axis or cannot be cut along it."""
    if isinstance(layer, Tensor):
        dim = bare_parameter_dim(tuple(layer.shape))
        return layer.shape[dim] if axis == "channels" and dim >= 0 else None
    return _lengths(layer).get(axis)


def positions_that_go_together(layer: nn.Module | Tensor, axis: str) -> Indices:
    """Labels [length] of the positions on an axis: those with equal labels can only go together.

    A grouped convolution loses the same offset in every group, a GroupNorm whole norm groups; elsewhere all are free.
    """
    length = axis_length(layer, axis)
    if length is None:
        raise GraphError(f"{type(layer).__name__} has no axis {axis!r} that can be cut")
    if isinstance(layer, _ConvNd) and axis in ("in", "out"):
        return np.arange(length) % (length // layer.groups)
    if isinstance(layer, nn.GroupNorm):
        return np.arange(length) // (length // layer.num_groups)
    return np.arange(length)


def layer_cut(layer: nn.Module | Tensor, keep: Keep) -> LayerCut:
    """What is left of `layer` when it keeps the sorted positions `keep[axis]`; `GraphError` for what cannot be."""
    for axis, kept in keep.items():
        _check_kept(layer, axis, kept)
    if isinstance(layer, Tensor):
        return LayerCut({"": {bare_parameter_dim(tuple(layer.shape)): keep["channels"]}}, {})
    if is_per_channel_conv(layer):
        return _per_channel_conv_cut(layer, keep["channels"])
    if isinstance(layer, _ConvNd):
        return _conv_cut(layer, keep)
    if isinstance(layer, nn.Linear):
        return _linear_cut(layer, keep)
    if isinstance(layer, nn.Embedding):
        return LayerCut(_present(layer, {"weight": {1: keep["out"]}}), {"embedding_dim": len(keep["out"])})
    return _norm_cut(layer, keep["channels"])


def computed_tensors(module: nn.Module) -> str | None:
    """Why the tensors of `module` cannot be sliced as they lie (a parametrization, weight_norm, ...), or None."""
    if parametrize.is_parametrized(module):
        return "a parametrization (torch.nn.utils.parametrize)"
    names = set(module._parameters)
    if any(name.endswith("_orig") and name[:-5] not in names for name in names):
        return "spectral_norm or torch.nn.utils.prune"
    if any(name.endswith("_g") and f"{name[:-1]}v" in names for name in names):
        return "weight_norm"
    return None


def _lengths(layer: nn.Module) -> dict[str, int]:
    if isinstance(layer, _ConvNd):
        if is_per_channel_conv(layer):
            return {"channels": layer.in_channels}
        return {"out": layer.out_channels, "in": layer.in_channels}
    if isinstance(layer, nn.Linear):
        return {"out": layer.out_features, "in": layer.in_features}
    if isinstance(layer, nn.Embedding):
        return {"out": layer.embedding_dim}
    if isinstance(layer, (_BatchNorm, _InstanceNorm)):
        return {"channels": layer.num_features}
    if isinstance(layer, nn.GroupNorm):
        return {"channels": layer.num_channels}
    if isinstance(layer, (nn.LayerNorm, nn.RMSNorm)):
        return {"channels": layer.normalized_shape[0]} if len(layer.normalized_shape) == 1 else {}
    if isinstance(layer, nn.PReLU) and layer.num_parameters > 1:
        return {"channels": layer.num_parameters}
    return {}


def _check_kept(layer: nn.Module | Tensor, axis: str, kept: Indices) -> None:
    together = positions_that_go_together(layer, axis)
    stays = np.zeros(len(together), bool)
    stays[kept] = True
    torn = np.intersect1d(together[stays], together[~stays])
    if len(torn):
        raise GraphError(
            f"a {type(layer).__name__} can lose channels of axis {axis!r} only together with their partners in the "
            f"other groups, but position {int(np.flatnonzero(together == torn[0])[0])} would be parted from its own"
        )


def _conv_cut(conv: _ConvNd, keep: Keep) -> LayerCut:
    """Dense and grouped convolutions; the two channel dimensions of the weight are swapped in a transposed one."""
    weight, bias, numbers = {}, {}, {}
    swapped = isinstance(conv, _ConvTransposeNd)
    if (out := keep.get("out")) is not None:
        weight[1 if swapped else 0] = _within_a_group(out, conv.out_channels, conv.groups) if swapped else out
        bias[0] = out
        numbers["out_channels"] = len(out)
    if (read := keep.get("in")) is not None:
        weight[0 if swapped else 1] = read if swapped else _within_a_group(read, conv.in_channels, conv.groups)
        numbers["in_channels"] = len(read)
    return LayerCut(_present(conv, {"weight": weight, "bias": bias}), numbers)


def _within_a_group(kept: Indices, length: int, groups: int) -> Indices:
    return kept[kept < length // groups]


def _per_channel_conv_cut(conv: _ConvNd, kept: Indices) -> LayerCut:
    multiplier = conv.out_channels // conv.in_channels
    made = (kept[:, None] * multiplier + np.arange(multiplier)).ravel()
    weight = kept if isinstance(conv, _ConvTransposeNd) else made
    numbers = {"groups": len(kept), "in_channels": len(kept), "out_channels": len(made)}
    return LayerCut(_present(conv, {"weight": {0: weight}, "bias": {0: made}}), numbers)


def _linear_cut(linear: nn.Linear, keep: Keep) -> LayerCut:
    dims = {"out": 0, "in": 1}
    weight = {dims[axis]: kept for axis, kept in keep.items()}
    bias = {0: keep["out"]} if "out" in keep else {}
    numbers = {f"{axis}_features": len(kept) for axis, kept in keep.items()}
    return LayerCut(_present(linear, {"weight": weight, "bias": bias}), numbers)


def _norm_cut(norm: nn.Module, kept: Indices) -> LayerCut:
    names = ("weight", "bias", "running_mean", "running_var")
    return LayerCut(_present(norm, {name: {0: kept} for name in names}), _norm_numbers(norm, len(kept)))


def _norm_numbers(norm: nn.Module, channels: int) -> dict[str, Any]:
    if isinstance(norm, nn.GroupNorm):
        return {"num_channels": channels, "num_groups": channels * norm.num_groups // norm.num_channels}
    if isinstance(norm, LAYER_NORMS):
        return {"normalized_shape": (channels,)}
    return {"num_parameters" if isinstance(norm, nn.PReLU) else "num_features": channels}


def _present(module: nn.Module, tensors: dict[str, dict[int, Indices]]) -> dict[str, dict[int, Indices]]:
    """Those of `tensors` that the module really has and that lose anything."""
    return {name: dims for name, dims in tensors.items() if dims and isinstance(getattr(module, name, None), Tensor)}

"""What the layers of a network really read: 8-bit codes of their inputs, counted by hooks while batches pass."""

import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.modules.conv import _ConvNd

from netchip.errors import GraphError
from netchip.graph.tracing import call
from netchip.graph.wrappers import unwrapped
from netchip.nn.quantize import Grid, affine_grid, levels_of, symmetric_grid
from netchip.workload.activation_statistics import activation_sparsity
from netchip.workload.sparsity import DEFAULT_GROUPING, ActivationSparsity, Grouping

Range = tuple[float, float]
_BITS = 8
_MOST_VALUES = 4_000_000


def activation_traces(
    model: nn.Module,
    batches: Sequence[Any],
    *,
    layers: Sequence[str] | None = None,
    ranges: Mapping[str, Range] | None = None,
    channels_in_row: Mapping[str, int] | None = None,
    grouping: Grouping = DEFAULT_GROUPING,
    most_values: int = _MOST_VALUES,
) -> dict[str, ActivationSparsity]:
    """The statistics of what each of `layers` reads, by the layer names of `to_workload`, over all `batches`.

    `layers`: convolutions and linear layers, none for all; a module's second call in a pass counts as "conv1#2". A batch is what
    `model` takes: a tensor, a tuple or a dict of arguments. `ranges` by module name, none for the least and largest values of the
    batches; zero is a code of its own, and its code is 0. `channels_in_row`: as the weights of that layer have it, else 1. Of a
    batch whose input to a layer has more than `most_values` values, so many images are counted, evenly spread, at least one.
    The model runs in eval mode and is left as it was. Raises `GraphError` for a layer that it does not have, without batches, and
    where an input is not finite.

    >>> traces = activation_traces(nn.Sequential(nn.Linear(4, 2)), [torch.tensor([[0.0, 0.0, 1.0, 2.0]])])
    >>> traces["0"].zero_share
    0.5
    """
    _check_batches(batches)
    known = _modules(model, layers)
    limits = activation_ranges(model, batches, layers=layers) if ranges is None else ranges
    asked, rows = None if layers is None else set(layers), channels_in_row or {}
    found: dict[str, ActivationSparsity] = {}

    def count(name: str, module_name: str, x: Tensor) -> None:
        if (asked is not None and name not in asked) or not x.numel():
            return
        if module_name not in limits:
            raise GraphError(
                f"no range was given for the inputs of {module_name}; add it to ranges, or leave ranges out"
            )
        codes = activation_codes(_thinned(x, most_values), limits[module_name])
        shaped = _as_maps(codes, known[module_name])
        counted = activation_sparsity(shaped, channels_in_row=rows.get(name, 1), grouping=grouping)
        found[name] = found[name].merged(counted) if name in found else counted

    _run(model, batches, known, count)
    return found


def activation_ranges(
    model: nn.Module, batches: Sequence[Any], *, layers: Sequence[str] | None = None
) -> dict[str, Range]:
    """The least and the largest value that each layer reads, by module name; raises `GraphError` as `activation_traces` does."""
    _check_batches(batches)
    found: dict[str, Range] = {}

    def widen(name: str, module_name: str, x: Tensor) -> None:
        if not x.numel():
            return
        low, high = (float(end) for end in x.aminmax())
        if not (math.isfinite(low) and math.isfinite(high)):
            raise GraphError(f"the inputs of {name} hold NaN or infinity; look at the network or its data first")
        before = found.get(module_name, (low, high))
        found[module_name] = (min(low, before[0]), max(high, before[1]))

    _run(model, batches, _modules(model, layers), widen)
    return found


def activation_codes(x: Tensor, found: Range) -> Tensor:
    """`x` in whole numbers of one step, 0 for 0: -128 to 255, int16, of the same shape.

    The affine grid over the range, its zero point taken off; a range that lies mostly below zero gets a symmetric grid, since its
    codes would leave 8 bits.
    """
    grid = _grid(torch.tensor(found[0]), torch.tensor(found[1]))
    return (levels_of(x.float(), grid) - grid.zero).to(torch.int16)


def _grid(low: Tensor, high: Tensor) -> Grid:
    affine = affine_grid(low, high, _BITS)
    return affine if float(affine.zero) <= 2 ** (_BITS - 1) else symmetric_grid(torch.stack([low, high]), _BITS)


def _check_batches(batches: Sequence[Any]) -> None:
    if not batches:
        raise GraphError("there are no batches to trace activations on; give at least one")


def _modules(model: nn.Module, layers: Sequence[str] | None) -> dict[str, nn.Module]:
    """The modules to look at, by name."""
    traceable: dict[str, nn.Module] = {
        name: each for name, each in unwrapped(model).named_modules() if isinstance(each, _ConvNd | nn.Linear)
    }
    if layers is None:
        return traceable
    names = [name.partition("#")[0] for name in layers]
    if missing := [name for name in names if name not in traceable]:
        few = ", ".join(list(traceable)[:4]) or "none"
        raise GraphError(
            f"{missing[0]!r} is no convolution or linear layer of this network; it has {few} ({len(traceable)})"
        )
    return {name: traceable[name] for name in names}


def _run(
    model: nn.Module, batches: Iterable[Any], modules: Mapping[str, nn.Module], see: Callable[[str, str, Tensor], None]
) -> None:
    """Passes all batches and shows `see` what enters each module: (name of the call, name of the module, tensor)."""
    calls: Counter[str] = Counter()

    def hook(name: str) -> Callable[..., None]:
        def seen(_: nn.Module, inputs: tuple[Any, ...], named: dict[str, Any]) -> None:
            calls[name] += 1
            x: Any = inputs[0] if inputs else next(iter(named.values()), None)
            if isinstance(x, Tensor) and x.is_floating_point():
                see(name if calls[name] == 1 else f"{name}#{calls[name]}", name, x.detach())

        return seen

    inner, training = unwrapped(model), {module: module.training for module in model.modules()}
    handles = [module.register_forward_pre_hook(hook(name), with_kwargs=True) for name, module in modules.items()]
    try:
        inner.eval()
        with torch.inference_mode():
            for batch in batches:
                calls.clear()
                call(inner, batch)
    finally:
        for handle in handles:
            handle.remove()
        for module, mode in training.items():
            module.training = mode


def _thinned(x: Tensor, most_values: int) -> Tensor:
    """Every so many images of a batch."""
    step = -(-x.numel() // max(most_values, 1))
    return x[::step] if x.ndim > 1 and step > 1 else x


def _as_maps(codes: Tensor, module: nn.Module) -> NDArray[Any]:
    """[images, channels, ...], as `activation_sparsity` takes them; of a linear layer [images, features, tokens]."""
    if isinstance(module, nn.Linear):
        batched = codes.reshape(1, -1) if codes.ndim == 1 else codes
        codes = batched if batched.ndim == 2 else batched.flatten(1, -2).transpose(1, 2)
    elif codes.ndim == len(module.kernel_size) + 1:  # type: ignore[arg-type]
        codes = codes.unsqueeze(0)
    return codes.cpu().numpy()

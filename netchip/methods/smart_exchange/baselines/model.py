"""A whole network rounded to nearest: a copy that computes with the rounded weights, and what its file takes.

rounded, sizes = quantize_model(model, "int4-g64", skip=("classifier",))
"""

import copy
from collections.abc import Iterable, Mapping, Sequence

import torch
from torch import Tensor, nn

from netchip.methods.smart_exchange.baselines.quantized import Quantized, quantize
from netchip.methods.smart_exchange.baselines.scheme import Scheme, scheme_named
from netchip.methods.smart_exchange.training.treated import find_weights
from netchip.units import bits_to_bytes


def quantize_model(
    model: nn.Module, scheme: Scheme | str, skip: Sequence[str] = ()
) -> tuple[nn.Module, dict[str, int]]:
    """A copy of `model` with its convolution, linear and embedding weights rounded, and bytes by component.

    Components: codes, scales, zero_points (affine schemes), dense: all that is stored as it is. `skip`: patterns of weights or
    modules to leave dense. `model` stays as it is; tied weights are rounded and counted once. Raises `ConfigError` for a pattern
    that fits nothing and for weights that are NaN or infinite.
    """
    quantized = quantized_weights(model, scheme, skip)
    rounded = copy.deepcopy(model)
    with torch.no_grad():
        for name, stored in quantized.items():
            rounded.get_parameter(name).copy_(stored.weight())
    return rounded, stored_bytes(quantized, dense_rest(model, quantized))


def quantized_weights(model: nn.Module, scheme: Scheme | str, skip: Sequence[str] = ()) -> dict[str, Quantized]:
    """The treated weights of `model` by name, rounded; a tied one by its first name. `skip` as in `quantize_model`."""
    scheme = scheme_named(scheme) if isinstance(scheme, str) else scheme
    treated, _ = find_weights(model, skip=skip)
    return {
        found.name: quantize(
            model.get_parameter(found.name),
            scheme,
            transposed_groups=found.groups if found.kind == "transposed" else 0,
            name=found.name,
        )
        for found in treated
    }


def dense_rest(model: nn.Module, treated: Iterable[str]) -> dict[str, Tensor]:
    """What the state of `model` holds beside the `treated` parameters and their tied names; a tied tensor once."""
    state = model.state_dict(keep_vars=True)
    seen = {id(state[name]) for name in treated}
    rest: dict[str, Tensor] = {}
    for name, value in state.items():
        if isinstance(value, Tensor) and id(value) not in seen:
            seen.add(id(value))
            rest[name] = value.detach()
    return rest


def stored_bytes(quantized: Mapping[str, Quantized], dense: Mapping[str, Tensor]) -> dict[str, int]:
    """Bytes of the tensors in a file, by component; each tensor takes whole bytes."""
    sizes: dict[str, int] = {}
    for stored in quantized.values():
        for component, bits in stored.bits().items():
            sizes[component] = sizes.get(component, 0) + bits_to_bytes(bits)
    return {**sizes, "dense": sum(value.numel() * value.element_size() for value in dense.values())}

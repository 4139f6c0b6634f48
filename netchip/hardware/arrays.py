"""Arrays of any namespace whose last axis is the batch: where they lie, what they must look like."""

from collections.abc import Mapping
from typing import Any, cast

import array_api_compat
import numpy as np

from netchip.errors import RequestError

Array = Any
"""An array of NumPy, torch or any other namespace of the Python array API."""


def namespace_of(array: Array) -> Any:
    """The namespace that an array belongs to."""
    return cast("Any", array_api_compat).array_namespace(array)


def device_of(array: Array) -> Any:
    """Where an array lies; nothing where its library knows one place only."""
    return getattr(array, "device", None)


def on_host(array: Array) -> np.ndarray:
    """The values of an array of any namespace and device, as NumPy's."""
    return np.asarray(array.detach().cpu() if hasattr(array, "detach") else array)


def column(array: Array, index: int) -> Array:
    """Mapping `index` of an array that holds N, or one for all."""
    return array[..., index if array.shape[-1] > 1 else 0]


def taken(array: Array, index: Array, xp: Any) -> Array:
    """The mappings at `index` of an array that holds N, or the one for all."""
    return xp.take(array, index, axis=-1) if array.shape[-1] > 1 else array


def check_axes(arrays: Mapping[str, Array], axes: Mapping[str, tuple[int | None, ...]]) -> None:
    """Raises `RequestError` where an array has other axes than wanted (none: any size), or two hold other numbers of mappings."""
    for name, array in arrays.items():
        shape, wanted = tuple(array.shape), axes[name]
        if len(shape) != len(wanted) or any(want not in (None, have) for have, want in zip(shape, wanted, strict=True)):
            sizes = ", ".join("any" if want is None else str(want) for want in wanted)
            raise RequestError(f"{name} has the shape {list(shape)}; give [{sizes}], the batch last")
    counts = {array.shape[-1] for array in arrays.values()} - {1}
    if len(counts) > 1:
        raise RequestError(f"the arrays hold {sorted(counts)} mappings; give each the same number, or 1 for all alike")


def require(holds: Array, name: str, wanted: str) -> None:
    """Raises `RequestError` that names the first mapping for which `holds` is not true."""
    if not bool(namespace_of(holds).all(holds)):
        index = int(np.argwhere(~on_host(holds))[0][-1])
        raise RequestError(f"{name} of mapping {index} is not possible; give {wanted}")


def require_shared(spatial: Array, layer: Array) -> None:
    """What every batch holds: factors unrolled along each dimension of the array, and the index of each mapping's layer."""
    require(spatial >= 1, "spatial", "factors of at least 1; a dimension that is not unrolled has 1")
    require(layer >= 0, "layer", "indices of layers from 0")

"""What torch adds to the cost model: tensors on a device, mappings drawn there, compiled pricing; imported inside functions.

`evaluate` itself takes tensors as it takes NumPy's arrays, with `xp=array_api_compat.torch`, and gradients pass through it: see
`Conventions.smoothed` and `Costs.energy_at`.
"""

import math
import warnings
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, Literal, NamedTuple, TypeVar, cast

import numpy as np

from netchip.errors import NetchipWarning, RequestError, first_line
from netchip.hardware.accelerator import Accelerator
from netchip.hardware.arrays import Array, namespace_of, on_host
from netchip.hardware.checks import check_layers, check_mappings
from netchip.hardware.conventions import DEFAULT, Conventions
from netchip.hardware.cost import Latency, price
from netchip.hardware.counting.case import Case, case_of
from netchip.hardware.dimensions import DIMS
from netchip.hardware.even_batch import EvenBatch, even_levels
from netchip.hardware.mapper.pool import primes_of
from netchip.hardware.mapping_batch import MappingBatch
from netchip.workload.layer import Layer

COMPILE_FROM = 100_000_000
"""Mappings from which compiling is worth its half a minute and more."""

Type = Literal["float32", "float64"]
_Batch = TypeVar("_Batch", MappingBatch, EvenBatch)
_NO_COMPILER = "torch cannot compile the cost model here, so it runs uncompiled, about ten times slower"


class Totals(NamedTuple):
    """Energy in pJ, latency in cycles and whether all tiles fit, [N] each or one for all: what a search asks for."""

    energy_pj: Array
    cycles: Array
    fits: Array


def as_tensors(mappings: _Batch, *, device: str = "cpu", dtype: Type = "float64") -> _Batch:
    """The same mappings as tensors on a device ("cpu", "cuda"), to be given to `evaluate` with `xp=array_api_compat.torch`.

    Places and indices of `MappingBatch` stay whole numbers. Raises `RequestError` where torch does not reach the device.
    """
    import torch

    def moved(array: Array) -> Any:
        tensor = torch.as_tensor(array)
        kind = getattr(torch, dtype) if tensor.is_floating_point() else tensor.dtype
        return tensor.to(device=device, dtype=kind)

    _require_device(device)
    arrays: dict[str, Any] = {name: moved(array) for name, array in mappings.arrays().items()}
    return replace(mappings, **arrays)


def drawn_evenly(
    layer: Layer,
    accelerator: Accelerator,
    spatial: np.ndarray,
    size: int,
    *,
    seed: int,
    levels: tuple[int, ...] | None = None,
    device: str = "cpu",
    dtype: Type = "float32",
) -> EvenBatch:
    """`size` even mappings of a layer, drawn on the device: each prime factor at a random level, each level in random order.

    `spatial` [array dimension, dim, 1] is the unrolling of all; `levels` as in `EvenBatch`, by default those of `even_levels`.
    Equal seeds draw equal mappings on the same kind of device. Whether tiles fit is told by `Totals.fits`. Raises `RequestError`
    where the layer cannot be unrolled so.
    """
    import torch

    _require_device(device)
    random, kind = torch.Generator(device).manual_seed(seed), getattr(torch, dtype)
    levels = even_levels(accelerator) if levels is None else levels
    count = max(levels) + 1
    factor = torch.ones((count, len(DIMS), size), device=device, dtype=kind)
    each = torch.arange(count, device=device)[:, None]
    for dim, prime in _primes_left(layer, spatial):
        at = torch.randint(count, (1, size), generator=random, device=device)
        factor[:, dim] *= torch.where(at == each, float(prime), 1.0)
    order = torch.rand(factor.shape, generator=random, device=device).argsort(1)
    return EvenBatch(
        levels=levels,
        factor=factor,
        place=order.to(kind),
        spatial=torch.as_tensor(spatial, device=device, dtype=torch.float64),
        layer=torch.zeros(1, device=device, dtype=torch.int64),
    )


def _primes_left(layer: Layer, spatial: np.ndarray) -> list[tuple[int, int]]:
    """(dimension, prime) of every factor that is not unrolled."""
    found: list[tuple[int, int]] = []
    for place, dim in enumerate(DIMS):
        bound, units = layer.shape.loop_bounds[dim], float(spatial[:, place, 0].prod())
        passes = round(bound / units)
        if not math.isclose(passes * units, bound, rel_tol=1e-9):
            raise RequestError(
                f"{layer.name}: {bound} steps of {dim} on {units:g} units are {bound / units:g} passes; unroll by {bound} / passes"
            )
        found += [(place, prime) for prime in primes_of(passes)]
    return found


class Pricer:
    """Tells the totals of batches like a first one: of the same layers, with the same unrolling. Made by `pricer`.

    `compiled` says whether batches of the first one's size run compiled; those of another size never do.
    """

    def __init__(self, case: Case, latency: Latency, quick: Callable[[Any], Any] | None) -> None:
        self._case, self._quick = case, quick
        self._latency: Latency = latency
        self._sizes = _sizes(case.mappings)

    @property
    def compiled(self) -> bool:
        """Whether batches run compiled. What cannot be compiled is only known once a batch was priced."""
        return self._quick is not None

    def __call__(self, mappings: MappingBatch | EvenBatch) -> Totals:
        """Energy, latency and fit of each mapping, which are not checked.

        The first compiled call compiles, and warns where that is not possible. Raises `RequestError` where layers or unrolling
        are not those of the first batch.
        """
        self._check_alike(mappings)
        if self._quick is not None and _sizes(mappings) == self._sizes:
            try:
                return Totals(*self._quick(mappings))
            except (RuntimeError, OSError) as error:  # torch's errors of compilation are RuntimeErrors
                self._quick = None
                warnings.warn(f"{_NO_COMPILER}: {first_line(error)}", NetchipWarning, stacklevel=2)
        return _totals(self._case, mappings, self._latency)

    def _check_alike(self, mappings: MappingBatch | EvenBatch) -> None:
        for name in ("spatial", "layer"):
            first, other = getattr(self._case.mappings, name), getattr(mappings, name)
            if other is not first and not np.array_equal(on_host(first), on_host(other)):
                raise RequestError(f"{name} differs from that of the batch this pricer was made for; make another one")


def pricer(
    layers: Sequence[Layer],
    accelerator: Accelerator,
    first: MappingBatch | EvenBatch,
    *,
    total: int = 0,
    compiled: bool | None = None,
    conventions: Conventions = DEFAULT,
    latency: Latency = "bound",
) -> Pricer:
    """What prices batches like `first`, which is checked as `evaluate` checks it; the later ones are not.

    `compiled`: by torch, which takes half a minute or more at the first call and is then several times as fast; left out, it is
    done for a `total` of `COMPILE_FROM` mappings or more where it can be: for tensors of the even form, by the plain bound.
    Raises `RequestError` where layers, accelerator and `first` do not belong together, where only some of the layers are
    transposed, or where something else is to be compiled.
    """
    check_layers(layers, accelerator)
    check_mappings(layers, accelerator, first)
    if len({layer.shape.transposed for layer in layers}) > 1:
        raise RequestError("some of these layers are transposed and some are not; make a pricer for each kind")
    fault = _not_compiled(first, latency)
    if compiled and fault is not None:
        raise RequestError(fault)
    wanted = fault is None and (total >= COMPILE_FROM if compiled is None else compiled)
    case = case_of(layers, accelerator, first, conventions, namespace_of(first.layer))
    return Pricer(case, latency, _compiled(case, latency) if wanted else None)


def _not_compiled(first: MappingBatch | EvenBatch, latency: Latency) -> str | None:
    """Why batches like `first` are not compiled; nothing where they can be."""
    if latency == "stalls":
        return "exact stalls are not compiled; leave compiled out, or ask for the plain bound"
    if isinstance(first, MappingBatch):
        return "lists of loops are not compiled; leave compiled out, or give an EvenBatch"
    if not namespace_of(first.factor).__name__.endswith("torch"):
        return "only torch's tensors are compiled; make them of the mappings with as_tensors"
    return None


def _compiled(case: Case, latency: Latency) -> Callable[[Any], Any] | None:
    import torch

    def totals(mappings: Any) -> tuple[Array, Array, Array]:
        return tuple(_totals(case, mappings, latency))

    try:
        return cast("Any", torch).compile(totals, fullgraph=True, dynamic=False)
    except RuntimeError as error:
        warnings.warn(f"{_NO_COMPILER}: {first_line(error)}", NetchipWarning, stacklevel=3)
        return None


def _totals(case: Case, mappings: MappingBatch | EvenBatch, latency: Latency) -> Totals:
    costs = price(case.of(mappings), latency)
    return Totals(costs.energy_pj, costs.cycles, costs.fits)


def _sizes(mappings: MappingBatch | EvenBatch) -> list[tuple[Any, ...]]:
    return [(*array.shape, array.dtype) for array in mappings.arrays().values()]


def _require_device(device: str) -> None:
    import torch

    try:
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:  # a build without CUDA raises the latter
        raise RequestError(
            f"torch does not reach the device {device!r} here ({first_line(error)}); give 'cpu'"
        ) from None

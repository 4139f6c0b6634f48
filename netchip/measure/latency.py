"""Measured latency: models timed side by side, round by round, so that drift of the machine meets all of them alike."""

import contextlib
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.utils import _pytree as pytree

from netchip.errors import RequestError, RunError
from netchip.measure.device import usable_device

Example = torch.Tensor | tuple[Any, ...] | Mapping[str, Any]
Clock = Callable[[], float]


@dataclass(frozen=True)
class Latency:
    """Wall-clock time of one forward pass of `model` on a batch of `batch`, in seconds.

    `median_s`, `p10_s` and `p90_s` are taken over `repeats` timed passes (linear interpolation between them).
    """

    model: str
    batch: int
    median_s: float
    p10_s: float
    p90_s: float
    threads: int
    device: str
    dtype: str
    repeats: int

    @property
    def per_item_s(self) -> float:
        """Seconds per item of the batch."""
        return self.median_s / self.batch

    def to_json(self) -> dict[str, Any]:
        """Plain values for result files."""
        return asdict(self)


def measure_latency(
    models: nn.Module | Mapping[str, nn.Module],
    example: Example,
    *,
    batch_sizes: Sequence[int] = (1, 64),
    warmup: int = 3,
    repeats: int = 20,
    threads: int = 1,
    device: str | torch.device = "cpu",
    clock: Clock = time.perf_counter,
) -> list[Latency]:
    """Times every model at every batch size in inference mode; one `Latency` each, by batch size, then as given.

    `models` by name; a single one is called by its class.
    `example` (a tensor, a tuple of positional or a dict of keyword arguments) is repeated along the first dimension
    to each batch size. Each of `repeats` rounds times all models once, each time another one first; `warmup` rounds
    go untimed. The models are timed on `device` in eval mode and given back as they were: mode, device, torch's
    threads. `clock` returns seconds. Raises `RequestError` for impossible settings, `RunError` that names model and
    batch where one fails.

    >>> [latency] = measure_latency({"net": nn.Linear(4, 2)}, torch.zeros(1, 4), batch_sizes=(8,))
    >>> latency.p10_s <= latency.median_s <= latency.p90_s
    True
    """
    if isinstance(models, nn.Module):
        models = {type(models).__name__: models}
    _check(models, batch_sizes, warmup, repeats, threads)
    place = usable_device(device)
    stopwatch = _Stopwatch(place, clock)
    results = []
    with _threads(threads), _ready(models, place), torch.inference_mode():
        for batch in batch_sizes:
            given = _batched(example, batch, place)
            times = _times(models, given, batch, stopwatch, warmup, repeats)
            for name, spent in times.items():
                dtype = _dtype(models[name], given)
                results.append(_summary(name, batch, spent, threads=threads, device=str(place), dtype=dtype))
    return results


def _check(
    models: Mapping[str, nn.Module], batch_sizes: Sequence[int], warmup: int, repeats: int, threads: int
) -> None:
    if not models or not isinstance(models, Mapping):
        given = "no models" if isinstance(models, Mapping) else f"a {type(models).__name__}"
        raise RequestError(f"measure_latency was given {given}; give a module, or a mapping from name to module")
    if not batch_sizes or any(batch < 1 for batch in batch_sizes):
        raise RequestError(f"batch_sizes = {tuple(batch_sizes)}: give at least one size, each 1 or more")
    for name, value, least in (("warmup", warmup, 0), ("repeats", repeats, 1), ("threads", threads, 1)):
        if value < least:
            raise RequestError(f"{name} = {value}: must be {least} or more")


def _times(
    models: Mapping[str, nn.Module],
    given: tuple[tuple[Any, ...], dict[str, Any]],
    batch: int,
    stopwatch: "_Stopwatch",
    warmup: int,
    repeats: int,
) -> dict[str, list[float]]:
    """Seconds of every timed pass by model; the rounds rotate who goes first."""
    times: dict[str, list[float]] = {name: [] for name in models}
    names = list(models)
    for turn in range(warmup + repeats):
        first = turn % len(names)
        for name in names[first:] + names[:first]:
            with _failing_as(name, batch):
                spent = stopwatch.time(models[name], given)
            if turn >= warmup:
                times[name].append(spent)
    return times


class _Stopwatch:
    """Times one forward pass: CUDA events where there are any, else the clock with the device's queue drained."""

    def __init__(self, place: torch.device, clock: Clock) -> None:
        self._place, self._clock = place, clock

    def time(self, model: nn.Module, given: tuple[tuple[Any, ...], dict[str, Any]]) -> float:
        """Seconds of `model(*args, **kwargs)` on the device."""
        args, kwargs = given
        if self._place.type == "cuda" and self._clock is time.perf_counter:
            return self._by_events(model, args, kwargs)
        self._drain()
        begin = self._clock()
        model(*args, **kwargs)
        self._drain()
        return self._clock() - begin

    def _by_events(self, model: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> float:
        with torch.cuda.device(self._place):
            begin, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
            torch.cuda.synchronize()
            begin.record()
            model(*args, **kwargs)
            end.record()
            torch.cuda.synchronize()
        return begin.elapsed_time(end) / 1e3

    def _drain(self) -> None:
        if self._place.type == "cuda":
            torch.cuda.synchronize(self._place)
        elif self._place.type in ("mps", "xpu"):
            getattr(torch, self._place.type).synchronize()


def _summary(name: str, batch: int, spent: Sequence[float], *, threads: int, device: str, dtype: str) -> Latency:
    low, middle, high = (float(each) for each in np.percentile(spent, (10, 50, 90)))
    return Latency(name, batch, middle, low, high, threads, device, dtype, len(spent))


def _batched(example: Example, batch: int, place: torch.device) -> tuple[tuple[Any, ...], dict[str, Any]]:
    if isinstance(example, torch.Tensor):
        args, kwargs = (example,), {}
    elif isinstance(example, Mapping):
        args, kwargs = (), dict(example)
    elif isinstance(example, tuple):
        args, kwargs = example, {}
    else:
        raise RequestError(
            f"example is a {type(example).__name__}; give a tensor, a tuple of positional arguments "
            "or a dict of keyword arguments"
        )
    return pytree.tree_map_only(torch.Tensor, lambda tensor: _repeated(tensor, batch, place), (args, kwargs))


def _repeated(tensor: torch.Tensor, batch: int, place: torch.device) -> torch.Tensor:
    if tensor.ndim == 0 or tensor.shape[0] == 0:
        raise RequestError(
            f"example has shape {tuple(tensor.shape)}; its first dimension must be a batch of one item or more"
        )
    copies = -(-batch // tensor.shape[0])
    return tensor.detach().repeat(copies, *([1] * (tensor.ndim - 1)))[:batch].contiguous().to(place)


def _dtype(model: nn.Module, given: tuple[tuple[Any, ...], dict[str, Any]]) -> str:
    """The type the model computes in: that of its first parameter, of the example where it has none."""
    tensors = [*model.parameters(), *(each for each in pytree.tree_leaves(given) if isinstance(each, torch.Tensor))]
    return str(tensors[0].dtype).removeprefix("torch.") if tensors else "unknown"


@contextlib.contextmanager
def _failing_as(name: str, batch: int) -> Iterator[None]:
    try:
        yield
    except (torch.OutOfMemoryError, MemoryError) as error:
        raise RunError(f"{name}: out of memory at batch {batch}; give smaller batch_sizes") from error
    except Exception as error:
        if "can't allocate memory" in str(error) or "not enough memory" in str(error):
            raise RunError(f"{name}: out of memory at batch {batch}; give smaller batch_sizes") from error
        told = (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")
        raise RunError(
            f"{name}: fails at batch {batch} ({type(error).__name__}: {told}); see that it runs on the example, "
            "or leave this batch size out"
        ) from error


@contextlib.contextmanager
def _threads(count: int) -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@contextlib.contextmanager
def _ready(models: Mapping[str, nn.Module], place: torch.device) -> Iterator[None]:
    """Every model in eval mode on `place`; afterwards each of their modules is in the mode, and on the device, it had.

    A model that is spread over several devices stays where it is.
    """
    modes = [(module, module.training) for model in models.values() for module in model.modules()]
    homes = {name: _home(model) for name, model in models.items()}
    try:
        for name, model in models.items():
            (model if homes[name] is None else model.to(place)).eval()
        yield
    finally:
        for module, training in modes:
            module.training = training
        for name, model in models.items():
            if homes[name] is not None:
                model.to(homes[name])


def _home(model: nn.Module) -> torch.device | None:
    devices = {tensor.device for tensor in (*model.parameters(), *model.buffers())}
    return devices.pop() if len(devices) == 1 else None

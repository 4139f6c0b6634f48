"""Measured latency of a gated network beside static ones, what routing takes, and whether it is faster here."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any

import torch
from torch import Tensor

from netchip.measure.latency import Clock, Latency, measure_latency
from netchip.methods.fractional_skipping.execution.arms import FP32, FRACTIONAL, INT8, Arms, Runtime, make_arms
from netchip.methods.fractional_skipping.execution.spent import Spent
from netchip.methods.fractional_skipping.network import FractionalNetwork


@dataclass(frozen=True, kw_only=True)
class Overhead:
    """Seconds of one batch that routing takes, medians: decisions of the gate, and sort, gather and scatter.

    `of_dense` is both together as a share of the static network in floats. They are taken in the grouped form; a single input in
    ONNX Runtime runs in one branching model instead, whose parts cannot be told apart.
    """

    batch: int
    deciding_s: float
    moving_s: float
    of_dense: float


@dataclass(frozen=True, kw_only=True)
class Bench:
    """Latencies by batch size and arm, all of one runtime; `how` says what runs each arm.

    `crossover`: for each static arm the smallest measured batch from which the fractional one is faster at all larger ones too;
    None where it is at none.
    """

    runtime: Runtime
    latencies: tuple[Latency, ...]
    how: Mapping[str, str]
    overhead: tuple[Overhead, ...]
    crossover: Mapping[str, int | None]

    def ratio(self, arm: str, batch: int, to: str = FP32) -> float:
        """Median of an arm over that of another at a batch size."""
        found = {each.model: each.median_s for each in self.latencies if each.batch == batch}
        return found[arm] / found[to]

    def batches(self) -> tuple[int, ...]:
        """The sizes that were measured."""
        return tuple(dict.fromkeys(each.batch for each in self.latencies))

    def verdict(self) -> str:
        """One line: where the fractional network is faster on this device, and where it is not."""
        said = [self._against(arm) for arm in (FP32, INT8) if arm in {each.model for each in self.latencies}]
        return "Verdict: " + "; ".join(said)

    def to_json(self) -> dict[str, Any]:
        """Plain values for result files."""
        return {
            "runtime": self.runtime,
            "latency": [each.to_json() | {"how": self.how[each.model]} for each in self.latencies],
            "overhead": [asdict(each) for each in self.overhead],
            "crossover": dict(self.crossover),
            "verdict": self.verdict(),
        }

    def _against(self, arm: str) -> str:
        ratios = {batch: self.ratio(FRACTIONAL, batch, arm) for batch in self.batches()}
        faster = [batch for batch, ratio in ratios.items() if ratio < 1]
        shown = ", ".join(f"×{ratio:.2f} at batch {batch}" for batch, ratio in ratios.items())
        if len(faster) == len(ratios):
            return f"faster here than {arm} ({shown})"
        if not faster:
            return f"not faster than {arm} on this device ({shown})"
        return f"faster here than {arm} at batch {', '.join(map(str, faster))} only ({shown})"


def bench(
    network: FractionalNetwork,
    images: Tensor,
    *,
    batch_sizes: Sequence[int] = (1, 64),
    runtime: Runtime = "onnxruntime",
    warmup: int = 5,
    repeats: int = 30,
    threads: int = 1,
    clock: Clock = time.perf_counter,
) -> Bench:
    """Times the arms of `network` in turns on the CPU, on `images` [N, ...] one batch after the other.

    Powers of two between the smallest and the largest of `batch_sizes` are measured too, with a third of the repeats, for the
    crossover. Raises `RequestError` for impossible settings or where ONNX Runtime is missing.
    """
    arms = make_arms(network.cpu(), images.cpu(), runtime, threads=threads)
    measured: list[Latency] = []
    for sizes, rounds in ((batch_sizes, repeats), (_between(batch_sizes), max(repeats // 3, 1))):
        if sizes:
            measured += measure_latency(
                arms.modules,
                images[:1].cpu(),
                batch_sizes=sizes,
                warmup=warmup,
                repeats=rounds,
                threads=threads,
                clock=clock,
            )
    asked = tuple(each for each in measured if each.batch in batch_sizes)
    return Bench(
        runtime=arms.runtime,
        latencies=asked,
        how=arms.how,
        overhead=tuple(_overhead(arms, images.cpu(), batch, asked, repeats, threads) for batch in batch_sizes),
        crossover={arm: _crossover(measured, arm) for arm in (FP32, INT8) if arm in arms.modules},
    )


def _between(sizes: Sequence[int]) -> tuple[int, ...]:
    powers = (2**power for power in range(max(sizes).bit_length()))
    return tuple(size for size in powers if min(sizes) < size < max(sizes) and size not in sizes)


def _crossover(measured: Sequence[Latency], arm: str) -> int | None:
    found: int | None = None
    times = {(each.model, each.batch): each.median_s for each in measured}
    for batch in sorted({each.batch for each in measured}, reverse=True):
        if times[FRACTIONAL, batch] >= times[arm, batch]:
            break
        found = batch
    return found


def _overhead(
    arms: Arms, images: Tensor, batch: int, measured: Sequence[Latency], repeats: int, threads: int
) -> Overhead:
    dense = next(each.median_s for each in measured if each.model == FP32 and each.batch == batch)
    given = torch.cat([images] * -(-batch // len(images)))[:batch]
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        spent = [_spent(arms, given) for _ in range(max(repeats // 2, 2))][1:]
    finally:
        torch.set_num_threads(before)
    deciding, moving = median(each.deciding_s for each in spent), median(each.moving_s for each in spent)
    return Overhead(batch=batch, deciding_s=deciding, moving_s=moving, of_dense=(deciding + moving) / dense)


def _spent(arms: Arms, images: Tensor) -> Spent:
    spent = Spent()
    with torch.inference_mode():
        arms.routed(images, spent)
    return spent

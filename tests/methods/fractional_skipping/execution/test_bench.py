"""What the figures say: ratios, crossover, verdict; and a measurement in torch."""

from typing import Any

import pytest
import torch

from netchip.errors import ConfigError
from netchip.measure.latency import Latency
from netchip.methods.fractional_skipping.execution.arms import FP32, FRACTIONAL, INT8, SKIP_ONLY, Pool, make_arms
from netchip.methods.fractional_skipping.execution.bench import Bench, _between, _crossover, bench


def _latency(model: str, batch: int, seconds: float) -> Latency:
    return Latency(model, batch, seconds, seconds, seconds, 1, "cpu", "float32", 3)


def _bench(times: dict[str, dict[int, float]]) -> Bench:
    latencies = tuple(_latency(arm, batch, each) for arm, sizes in times.items() for batch, each in sizes.items())
    how = dict.fromkeys(times, "float32")
    return Bench(runtime="torch", latencies=latencies, how=how, overhead=(), crossover={})


def test_verdicts_by_hand() -> None:
    found = _bench({FP32: {1: 2.0, 64: 10.0}, INT8: {1: 1.0, 64: 4.0}, FRACTIONAL: {1: 1.5, 64: 6.0}})
    assert found.batches() == (1, 64)
    assert found.ratio(FRACTIONAL, 64) == pytest.approx(0.6)
    assert found.verdict() == (
        "Verdict: faster here than fp32 static (×0.75 at batch 1, ×0.60 at batch 64); "
        "not faster than int8 static on this device (×1.50 at batch 1, ×1.50 at batch 64)"
    )
    mixed = _bench({FP32: {1: 2.0, 64: 10.0}, FRACTIONAL: {1: 2.0, 64: 9.0}})
    assert (
        mixed.verdict()
        == "Verdict: faster here than fp32 static at batch 64 only (×1.00 at batch 1, ×0.90 at batch 64)"
    )


@pytest.mark.parametrize(("ours", "expected"), [((3, 2, 1), 16), ((1, 1, 1), 1), ((3, 3, 3), None), ((1, 3, 1), 64)])
def test_the_crossover_holds_for_all_larger_batches(ours: tuple[int, ...], expected: int | None) -> None:
    sizes = (1, 16, 64)
    measured = [_latency(FP32, batch, 2.5) for batch in sizes]
    measured += [_latency(FRACTIONAL, batch, each) for batch, each in zip(sizes, ours, strict=True)]
    assert _crossover(measured, FP32) == expected


def test_powers_of_two_between() -> None:
    assert _between((1, 64)) == (2, 4, 8, 16, 32)
    assert _between((3, 16, 20)) == (4, 8)
    assert _between((4,)) == ()


def test_in_torch(exported: Any) -> None:
    found = bench(exported.network, exported.images, batch_sizes=(1, 4), runtime="torch", warmup=0, repeats=3)
    assert {each.model for each in found.latencies} == {FP32, SKIP_ONLY, FRACTIONAL}
    assert found.how[FRACTIONAL] == "float32, eager; 4 and 8 bits simulated, so slower than in full"
    assert set(found.crossover) == {FP32}
    for each in found.overhead:
        assert each.deciding_s > 0
        dense = next(one.median_s for one in found.latencies if one.model == FP32 and one.batch == each.batch)
        assert each.of_dense == pytest.approx((each.deciding_s + each.moving_s) / dense)
    assert found.to_json()["verdict"] == found.verdict()
    with pytest.raises(ConfigError, match="runtime = 'tvm': all arms run in onnxruntime, or all in torch"):
        make_arms(exported.network, exported.images, "tvm")  # type: ignore[arg-type]


def test_the_pool_goes_through_all_images() -> None:
    seen: list[int] = []
    pool = Pool(lambda images: seen.extend(images.flatten().tolist()), torch.arange(5.0)[:, None])
    for _ in range(4):
        pool(torch.zeros(2, 1))
    assert seen == [0, 1, 2, 3, 4, 0, 1, 2]
    seen.clear()
    pool.turn = 0
    pool(torch.zeros(7, 1))
    assert seen == [0, 1, 2, 3, 4, 0, 1]

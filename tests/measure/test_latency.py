"""Statistics, order and restoration of `measure_latency`, on a clock that is not the wall's."""

import json
import time

import pytest
import torch
from torch import nn

from netchip.errors import RequestError, RunError
from netchip.measure.latency import measure_latency


class Clock:
    """Stands still but for `advance`."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += seconds


class Timed(nn.Module):
    """A model whose n-th pass takes the n-th of `durations` seconds; it writes down what it saw."""

    def __init__(self, clock: Clock, durations: list[float], name: str = "", log: list[str] | None = None) -> None:
        super().__init__()
        self.clock, self.durations, self.passes = clock, durations, 0
        self.name, self.log = name, log if log is not None else []
        self.batches: list[int] = []
        self.seen: list[tuple[bool, bool, int]] = []
        self.linear = nn.Linear(3, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.clock.advance(self.durations[self.passes % len(self.durations)])
        self.passes += 1
        self.batches.append(x.shape[0])
        self.log.append(self.name)
        self.seen.append((self.training, torch.is_inference_mode_enabled(), torch.get_num_threads()))
        return self.linear(x)


def test_median_and_percentiles_are_those_of_the_timed_passes():
    clock = Clock()
    model = Timed(clock, [100.0, 100.0, 5.0, 1.0, 4.0, 2.0, 3.0])
    [latency] = measure_latency({"net": model}, torch.zeros(1, 3), batch_sizes=(1,), warmup=2, repeats=5, clock=clock)
    assert latency.median_s == pytest.approx(3.0)
    assert latency.p10_s == pytest.approx(1.4)  # a tenth of the way along 1 2 3 4 5
    assert latency.p90_s == pytest.approx(4.6)
    assert latency.repeats == 5


def test_every_model_and_batch_size_in_the_given_order():
    clock = Clock()
    models = {"a": Timed(clock, [1.0]), "b": Timed(clock, [2.0])}
    found = measure_latency(models, torch.zeros(2, 3), batch_sizes=(1, 4), warmup=0, repeats=3, clock=clock)
    assert [(each.model, each.batch) for each in found] == [("a", 1), ("b", 1), ("a", 4), ("b", 4)]
    assert [each.median_s for each in found] == [1.0, 2.0, 1.0, 2.0]
    assert found[3].per_item_s == 0.5
    assert models["a"].batches == [1, 1, 1, 4, 4, 4]


def test_rounds_interleave_the_models_and_rotate_who_is_first():
    clock, log = Clock(), []
    models = {name: Timed(clock, [1.0], name, log) for name in "abc"}
    measure_latency(models, torch.zeros(1, 3), batch_sizes=(1,), warmup=1, repeats=2, clock=clock)
    assert "".join(log) == "abcbcacab"


def test_a_drift_of_the_machine_meets_all_models_alike():
    clock = Clock()
    slowing = [float(second) for second in range(1, 31)]
    models = {"a": Timed(clock, slowing), "b": Timed(clock, slowing)}
    first, second = measure_latency(models, torch.zeros(1, 3), batch_sizes=(1,), warmup=0, repeats=30, clock=clock)
    assert first.median_s == second.median_s == pytest.approx(15.5)


def test_models_run_in_eval_and_inference_mode_and_are_restored():
    clock = Clock()
    model = Timed(clock, [1.0]).train()
    model.linear.eval()
    threads = torch.get_num_threads()
    measure_latency({"net": model}, torch.zeros(1, 3), batch_sizes=(1,), warmup=0, repeats=1, threads=2, clock=clock)
    assert model.seen == [(False, True, 2)]
    assert model.training
    assert not model.linear.training
    assert torch.get_num_threads() == threads
    assert not torch.is_inference_mode_enabled()
    model(torch.zeros(1, 3)).sum().backward()
    assert model.linear.weight.grad is not None


def test_batch_norm_statistics_are_not_touched():
    model = nn.Sequential(nn.BatchNorm1d(3), nn.Dropout())
    before = {name: value.clone() for name, value in model.state_dict().items()}
    measure_latency({"net": model}, torch.randn(4, 3), batch_sizes=(4,), warmup=1, repeats=2)
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())


def test_examples_with_several_inputs_are_repeated_to_the_batch():
    class Pair(nn.Module):
        def forward(self, left: torch.Tensor, right: torch.Tensor) -> torch.Tensor:
            assert left.shape[0] == right.shape[0] == 5
            return left + right

    for example in ((torch.zeros(2, 3), torch.zeros(2, 3)), {"left": torch.zeros(2, 3), "right": torch.zeros(2, 3)}):
        [latency] = measure_latency({"pair": Pair()}, example, batch_sizes=(5,), warmup=0, repeats=1)
        assert latency.batch == 5


def test_real_time_is_measured():
    class Sleepy(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            time.sleep(0.004)
            return x

    [latency] = measure_latency({"net": Sleepy()}, torch.zeros(1, 3), batch_sizes=(1,), warmup=0, repeats=3)
    assert 0.004 <= latency.median_s < 1.0


def test_a_result_is_plain_json():
    [latency] = measure_latency(
        {"net": nn.Linear(3, 1).double()}, torch.zeros(1, 3).double(), batch_sizes=(2,), repeats=2
    )
    plain = json.loads(json.dumps(latency.to_json()))
    assert plain["model"] == "net"
    assert (plain["batch"], plain["threads"], plain["device"]) == (2, 1, "cpu")
    assert (plain["dtype"], plain["repeats"]) == ("float64", 2)
    assert plain["p10_s"] <= plain["median_s"] <= plain["p90_s"]


def test_out_of_memory_names_model_and_batch_and_restores():
    class Hungry(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x if x.shape[0] < 8 else torch.empty(1 << 60)

    model = Hungry()
    with pytest.raises(RunError, match="hungry: out of memory at batch 8; give smaller batch_sizes"):
        measure_latency({"hungry": model}, torch.zeros(1, 3), batch_sizes=(1, 8), repeats=1)
    assert model.training


def test_a_failing_batch_size_names_model_batch_and_cause():
    class OnlyOne(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x.reshape(1, 3)

    with pytest.raises(RunError, match=r"one: fails at batch 2 \(RuntimeError: shape '\[1, 3\]' is invalid"):
        measure_latency({"one": OnlyOne()}, torch.zeros(1, 3), batch_sizes=(2,), repeats=1)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"batch_sizes": ()}, "batch_sizes = .*at least one"),
        ({"batch_sizes": (0,)}, "each 1 or more"),
        ({"repeats": 0}, "repeats = 0: must be 1 or more"),
        ({"warmup": -1}, "warmup = -1: must be 0 or more"),
        ({"threads": 0}, "threads = 0: must be 1 or more"),
        ({"device": "nowhere"}, "device 'nowhere' cannot be used here"),
    ],
)
def test_impossible_settings_are_refused(settings: dict, message: str):
    with pytest.raises(RequestError, match=message):
        measure_latency({"net": nn.Linear(3, 1)}, torch.zeros(1, 3), **settings)


def test_a_single_model_is_called_by_its_class():
    (latency,) = measure_latency(nn.Linear(3, 1), torch.zeros(1, 3), batch_sizes=(2,), repeats=1)
    assert (latency.model, latency.batch) == ("Linear", 2)


def test_no_models_and_unusable_examples_are_refused():
    with pytest.raises(RequestError, match="no models"):
        measure_latency({}, torch.zeros(1, 3))
    with pytest.raises(RequestError, match="a list; give a module, or a mapping"):
        measure_latency([nn.Linear(3, 1)], torch.zeros(1, 3))  # type: ignore[arg-type]
    with pytest.raises(RequestError, match="first dimension must be a batch"):
        measure_latency({"net": nn.Linear(3, 1)}, torch.tensor(1.0))
    with pytest.raises(RequestError, match="example is a list"):
        measure_latency({"net": nn.Linear(3, 1)}, [torch.zeros(1, 3)])  # type: ignore[arg-type]

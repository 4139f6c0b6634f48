import json
import multiprocessing
import os
import random
import signal
import time
from pathlib import Path

import pytest
import torch

from netchip import files
from netchip.errors import ConfigError, DataError, Interrupted, NetchipWarning
from netchip.train.phase import Classification
from netchip.train.spec import TrainSpec

EVERY_STEP = TrainSpec(progress="quiet", log_every=3, device="cpu", checkpoint_seconds=0)


def model_bytes(folder):
    return (Path(folder) / "model.safetensors").read_bytes()


def lines(folder):
    found = [json.loads(line) for line in (Path(folder) / "metrics.jsonl").read_text().splitlines()]
    return [{name: value for name, value in line.items() if name != "seconds"} for line in found]


def written_at(folder):
    checkpoint = Path(folder) / "train" / "checkpoint.pt"
    return checkpoint.stat().st_mtime_ns if checkpoint.exists() else None


def in_child(work, *arguments):
    """A forked process that does `work(*arguments)`; torch is loaded already, so it starts at once."""
    process = multiprocessing.get_context("fork").Process(target=work, args=arguments)
    process.start()
    return process


@pytest.fixture(scope="module")
def straight(tiny, tmp_path_factory):
    """The folder and the result of a training that nothing disturbed."""
    folder = tmp_path_factory.mktemp("straight")
    return folder, tiny.train(folder)


def test_what_it_leaves_and_returns(straight):
    folder, result = straight
    assert (result.epochs_done, result.steps, result.stopped_early) == (3, 24, False)
    assert result.seconds > 0
    assert [entry["epoch"] for entry in result.history] == [0, 1, 2]
    assert result.metrics == result.history[-1]
    assert set(result.metrics) == {
        "epoch",
        "loss",
        "accuracy_percent",
        "validation_loss",
        "validation_accuracy_percent",
    }
    written = lines(folder)
    assert [(line["phase"], line["epoch"], line["step"]) for line in written] == [
        ("train", epoch, 8 * epoch + index) for epoch in range(3) for index in (3, 6, 8)
    ]
    torch.load(folder / "train" / "checkpoint.pt", weights_only=True)


def test_it_learns(tiny, tmp_path):
    result = tiny.train(tmp_path, epochs=12, batches=tiny.TinyBatches(12))
    assert result.history[-1]["loss"] < 0.7 * result.history[0]["loss"]


def test_a_finished_phase_returns_at_once_with_its_weights(tiny, straight):
    folder, result = straight
    phase = Classification(tiny.tiny_model(), tiny.OPTIMIZER)
    torch.rand(100)
    written = (folder / "metrics.jsonl").read_bytes()
    assert tiny.train(folder, phase=phase) == result
    assert (folder / "metrics.jsonl").read_bytes() == written
    assert torch.equal(
        phase.model[0].weight, torch.load(folder / "train" / "checkpoint.pt", weights_only=True)["model"]["0.weight"]
    )


def test_checkpoints_change_nothing(tiny, straight, tmp_path):
    tiny.train(tmp_path, spec=EVERY_STEP)
    assert model_bytes(tmp_path) == model_bytes(straight[0])


def test_killed_at_random_moments_it_ends_with_the_same_bytes(tiny, straight, tmp_path):
    """Every step writes a checkpoint here, so about half of the kills fall into a write."""
    moments = random.Random(3)
    for _ in range(4):
        before = written_at(tmp_path)
        process = in_child(lambda: tiny.train(tmp_path, spec=EVERY_STEP))
        while process.is_alive() and written_at(tmp_path) == before:
            time.sleep(0.001)
        time.sleep(moments.uniform(0, 0.02))
        process.kill()
        process.join()
        assert process.exitcode == -signal.SIGKILL
    resumed = tiny.train(tmp_path, spec=EVERY_STEP)
    assert model_bytes(tmp_path) == model_bytes(straight[0])
    assert lines(tmp_path) == lines(straight[0])
    assert resumed.history == straight[1].history
    assert resumed.steps == 24


@pytest.mark.parametrize("call", [2, 9, 17])
@pytest.mark.parametrize("moment", ["replace", "fsync"])
def test_killed_inside_a_checkpoint_write_it_ends_with_the_same_bytes(tiny, straight, tmp_path, moment, call):
    """Killed before the flush or before the rename of write number `call`."""

    def work():
        calls = iter(range(1, 1000))
        real = getattr(os, moment)

        def deadly(*arguments):
            if next(calls) == call:
                os.kill(os.getpid(), signal.SIGKILL)
            return real(*arguments)

        setattr(files.os, moment, deadly)
        tiny.train(tmp_path, spec=EVERY_STEP)

    process = in_child(work)
    process.join()
    assert process.exitcode == -signal.SIGKILL
    tiny.train(tmp_path, spec=EVERY_STEP)
    assert [entry.name for entry in (tmp_path / "train").iterdir()] == ["checkpoint.pt"]
    assert model_bytes(tmp_path) == model_bytes(straight[0])
    assert lines(tmp_path) == lines(straight[0])


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_finishes_the_step_saves_and_raises(tiny, straight, tmp_path, number, monkeypatch):
    monkeypatch.setattr(tiny.signal, "SIGTERM", number)
    handler = signal.getsignal(number)
    with pytest.raises(
        Interrupted, match=rf"stopped by {number.name} in epoch 1, after 5 of 8 steps; .*checkpoint\.pt"
    ) as caught:
        tiny.train(tmp_path, batches=tiny.SignalAt(rank=0, index=4))
    assert caught.value.exit_code == 130
    assert signal.getsignal(number) is handler
    tiny.train(tmp_path)
    assert model_bytes(tmp_path) == model_bytes(straight[0])


def test_a_signal_at_the_last_step_of_an_epoch_keeps_the_validation_for_later(tiny, straight, tmp_path):
    with pytest.raises(Interrupted, match="after 8 of 8 steps"):
        tiny.train(tmp_path, batches=tiny.SignalAt(rank=0, index=7))
    resumed = tiny.train(tmp_path)
    assert resumed.history == straight[1].history
    assert model_bytes(tmp_path) == model_bytes(straight[0])


def test_a_second_phase_goes_on_where_the_first_ended(tiny, tmp_path):
    """Two phases over epochs 0-1 and 2 equal one phase over 0-2: the optimizer is handed over, the rate is constant."""
    constant = tiny.OptimizerSpec(learning_rate=0.05)
    for _ in range(2):  # the second time round both are taken up from disk
        first = Classification(tiny.tiny_model(), constant)
        tiny.fit(first, tiny.TinyBatches(), epochs=2, folder=tmp_path / "two" / "search", spec=tiny.QUIET)
        second = Classification(first.model, constant, optimizer=first.optimizer)
        result = tiny.fit(
            second, tiny.TinyBatches(), epochs=3, start_epoch=2, folder=tmp_path / "two" / "retrain", spec=tiny.QUIET
        )
        assert (result.epochs_done, result.steps) == (3, 8)
        assert [line["phase"] for line in lines(tmp_path / "two")] == ["search"] * 6 + ["retrain"] * 3
    whole = Classification(tiny.tiny_model(), constant)
    tiny.fit(whole, tiny.TinyBatches(), epochs=3, folder=tmp_path / "one" / "train", spec=tiny.QUIET)
    assert all(
        torch.equal(a, b)
        for a, b in zip(whole.model.state_dict().values(), first.model.state_dict().values(), strict=True)
    )


def test_early_stop_ends_the_phase_and_stays_ended(tiny, tmp_path):
    class Stopping(Classification):
        def end_epoch(self, epoch):
            return epoch == 1

    for _ in range(2):
        result = tiny.train(tmp_path, epochs=5, phase=Stopping(tiny.tiny_model(), tiny.OPTIMIZER))
        assert (result.epochs_done, result.stopped_early, result.steps) == (2, True, 16)


def test_a_cut_at_the_end_of_an_epoch_is_set_up_again_and_survives_a_kill(tiny, tmp_path):
    phase = tiny.Cutting(tiny.tiny_model())
    tiny.train(tmp_path / "straight", phase=phase, epochs=4)
    assert phase.setups == 2
    assert phase.model[0].weight.shape == (6, 8)
    assert {id(p) for p in phase.model.parameters()} == {id(p) for p in phase.optimizer.param_groups[0]["params"]}
    for epoch in (0, 2):  # before and after the cut
        stop = tiny.SignalAt(rank=0, index=4, when=epoch)
        with pytest.raises(Interrupted):
            tiny.train(tmp_path / "killed", phase=tiny.Cutting(tiny.tiny_model()), epochs=4, batches=stop)
    tiny.train(tmp_path / "killed", phase=tiny.Cutting(tiny.tiny_model()), epochs=4)
    assert model_bytes(tmp_path / "killed") == model_bytes(tmp_path / "straight")


@pytest.mark.parametrize("optimizer", ["sgd", "adam", "adamw"])
def test_any_optimizer_is_taken_up_in_the_middle(tiny, tmp_path, optimizer):
    def phase():
        return Classification(tiny.tiny_model(), tiny.OptimizerSpec(name=optimizer, learning_rate=0.01))

    tiny.train(tmp_path / "straight", phase=phase())
    with pytest.raises(Interrupted):
        tiny.train(tmp_path / "stopped", phase=phase(), batches=tiny.SignalAt(rank=0, index=3))
    tiny.train(tmp_path / "stopped", phase=phase())
    assert model_bytes(tmp_path / "stopped") == model_bytes(tmp_path / "straight")


def test_bf16_trains_and_is_taken_up(tiny, tmp_path):
    spec = TrainSpec(progress="quiet", device="cpu", precision="bf16")
    tiny.train(tmp_path / "straight", spec=spec)
    with pytest.raises(Interrupted):
        tiny.train(tmp_path / "stopped", spec=spec, batches=tiny.SignalAt(rank=0, index=3))
    tiny.train(tmp_path / "stopped", spec=spec)
    assert model_bytes(tmp_path / "stopped") == model_bytes(tmp_path / "straight")
    tiny.train(tmp_path / "full")
    assert model_bytes(tmp_path / "full") != model_bytes(tmp_path / "straight")


def train_measured(tiny, folder, *, counter=None, base=0.0, **more):
    """Trains on a made-up device that uses 2 J a training step, and more in validation and checkpoints."""
    phase = tiny.Consuming(tiny.tiny_model(), base=base)
    return tiny.train(folder, phase=phase, energy_counter=counter or phase.counter, **more)


def test_energy_is_that_of_the_training_steps_alone(tiny, straight, tmp_path):
    assert train_measured(tiny, tmp_path / "seldom").energy_j == 48.0
    assert train_measured(tiny, tmp_path / "often", base=1e6, spec=EVERY_STEP).energy_j == 48.0
    assert model_bytes(tmp_path / "often") == model_bytes(straight[0])


def test_without_a_counter_energy_is_unknown(straight):
    assert straight[1].energy_j is None


def test_energy_is_summed_over_resumes_whatever_the_counter_begins_with(tiny, tmp_path):
    for epoch, base in ((0, 0.0), (2, 7_000.0)):
        with pytest.raises(Interrupted):
            train_measured(tiny, tmp_path, base=base, batches=tiny.SignalAt(rank=0, index=4, when=epoch))
    assert train_measured(tiny, tmp_path, base=50.0).energy_j == 48.0
    assert tiny.train(tmp_path).energy_j == 48.0, "a finished phase is only read, so no counter is needed"


def test_energy_of_steps_that_a_kill_lost_is_not_counted(tiny, tmp_path):
    def work():
        phase = tiny.Consuming(tiny.tiny_model())
        phase.end_epoch = lambda epoch: os.kill(os.getpid(), signal.SIGKILL)  # all of epoch 1 is lost
        tiny.train(tmp_path, phase=phase, energy_counter=phase.counter)

    process = in_child(work)
    process.join()
    assert process.exitcode == -signal.SIGKILL
    assert train_measured(tiny, tmp_path).energy_j == 48.0


@pytest.mark.parametrize("measured_first", [True, False])
def test_energy_of_a_part_does_not_pass_for_the_whole(tiny, tmp_path, measured_first):
    def train(*, measured, **more):
        return train_measured(tiny, tmp_path, **more) if measured else tiny.train(tmp_path, **more)

    with pytest.raises(Interrupted):
        train(measured=measured_first, batches=tiny.SignalAt(rank=0, index=4))
    assert train(measured=not measured_first).energy_j is None
    assert train_measured(tiny, tmp_path).energy_j is None


def failing_at(call, failure):
    """A made-up counter of 10 J a reading, whose reading number `call` is `failure`, raised if it is an error."""
    calls = iter(range(1, 1000))

    def read():
        number = next(calls)
        assert number <= call, "a counter that failed is not asked again"
        if number == call and isinstance(failure, Exception):
            raise failure
        return failure if number == call else 10.0 * number

    return read


@pytest.mark.parametrize("call", [1, 4])
@pytest.mark.parametrize(
    ("failure", "reason"),
    [(RuntimeError("GPU is lost"), "GPU is lost"), (ValueError(), "ValueError"), ("many", "could not convert")],
)
def test_a_counter_that_raises_is_left_alone_with_one_warning(tiny, straight, tmp_path, call, failure, reason):
    with pytest.warns(NetchipWarning, match=rf"the energy counter failed \({reason}.*--fresh") as caught:
        result = train_measured(tiny, tmp_path, counter=failing_at(call, failure))
    assert len(caught) == 1
    assert result.energy_j is None
    assert model_bytes(tmp_path) == model_bytes(straight[0])


@pytest.mark.parametrize("reading", [29.0, float("nan"), float("inf")])
def test_a_counter_that_cannot_be_right_is_left_alone_with_one_warning(tiny, tmp_path, reading):
    """The fourth reading ends the second epoch, which began at 30 J."""
    with pytest.warns(NetchipWarning, match=rf"failed \(it went from 30.0 J to {reading} J\)") as caught:
        result = train_measured(tiny, tmp_path, counter=failing_at(4, reading))
    assert len(caught) == 1
    assert result.energy_j is None


def test_a_phase_is_measured_whether_or_not_the_one_before_was(tiny, tmp_path):
    first = Classification(tiny.tiny_model(), tiny.OPTIMIZER)
    tiny.fit(first, tiny.TinyBatches(), epochs=2, folder=tmp_path / "search", spec=tiny.QUIET)
    second = tiny.Consuming(first.model)
    more = {"epochs": 3, "start_epoch": 2, "folder": tmp_path / "retrain", "spec": tiny.QUIET}
    assert tiny.fit(second, tiny.TinyBatches(), energy_counter=second.counter, **more).energy_j == 16.0


def test_threads_are_set_and_put_back(tiny, tmp_path):
    before = torch.get_num_threads()
    seen = []
    watching = tiny.Watching(lambda: seen.append(torch.get_num_threads()))
    phase = Classification(tiny.tiny_model(), tiny.OPTIMIZER, companion=watching)
    tiny.train(tmp_path, phase=phase, epochs=1, spec=TrainSpec(progress="quiet", device="cpu", threads=2))
    assert set(seen) == {2}
    assert torch.get_num_threads() == before


def test_what_a_phase_had_come_to_at_an_earlier_epoch(tiny, tmp_path):
    result = tiny.train(tmp_path, epochs=4)
    early = result.until(2)
    assert (early.epochs_done, early.stopped_early, early.steps) == (2, True, 16)
    assert early.history == result.history[:2]
    assert early.metrics == result.history[1]
    assert 0 < early.seconds < result.until(3).seconds < result.seconds
    assert early.seconds == early.spent[-1][0]
    assert result.until(4) is result


def test_the_end_of_an_epoch_is_on_the_clock(tiny, tmp_path):
    """What a search does there (drawing a mask) is part of what it costs."""

    class Slow(tiny.Watching):
        def end_epoch(self, model, optimizer, epoch):
            time.sleep(0.3)
            return False

    phase = Classification(tiny.tiny_model(), tiny.OPTIMIZER, companion=Slow())
    assert tiny.train(tmp_path, phase=phase, epochs=2).seconds > 0.6


def test_requests_that_cannot_work_are_refused(tiny, tmp_path):
    with pytest.raises(ConfigError, match="start_epoch = 4, epochs = 3"):
        tiny.train(tmp_path, start_epoch=4)
    with pytest.raises(DataError, match="the loader has no batches"):
        tiny.fit(
            Classification(tiny.tiny_model(), tiny.OPTIMIZER), tiny.TinyBatches(0), epochs=1, folder=tmp_path / "x"
        )

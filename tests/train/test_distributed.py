"""Two processes on one machine, started as a user starts them: by torchrun, talking through gloo."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from netchip.train.distributed import (
    any_process,
    broadcast_object,
    gather_object,
    is_main,
    mean_over_processes,
    process_count,
)
from netchip.train.phase import Classification
from netchip.train.spec import TrainSpec


@pytest.fixture(scope="module")
def ranks(tmp_path_factory):
    """What the two ranks of tiny_training.py saw."""
    folder = tmp_path_factory.mktemp("ranks")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    launch = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2", "--master-port", str(port)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(Path(__file__).parents[2])}
    done = subprocess.run(
        [*launch, str(Path(__file__).parent / "tiny_training.py"), str(folder)],
        capture_output=True, text=True, timeout=200, check=False, env=environment,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    return [torch.load(folder / f"rank{rank}.pt", weights_only=True) for rank in (0, 1)]


def largest_difference(first, second):
    assert first.keys() == second.keys()
    return max(float((first[name] - second[name]).abs().max()) for name in first)


def learned(state):
    return {name: value for name, value in state.items() if "running" not in name and "tracked" not in name}


def test_alone_everything_is_as_given():
    assert (process_count(), is_main()) == (1, True)
    assert broadcast_object("x") == "x"
    assert gather_object(3) == [3]
    assert any_process(True, False) == (True, False)
    assert mean_over_processes({"a": 1.0}) == {"a": 1.0}


@pytest.mark.parametrize("what", ["plain", "cut", "second", "resumed"])
def test_both_ranks_end_with_the_same_network(ranks, what):
    assert [seen["processes"] for seen in ranks] == [2, 2]
    assert largest_difference(ranks[0][what], ranks[1][what]) == 0.0


def test_two_ranks_equal_one_process_with_two_accumulated_halves(ranks, tiny, tmp_path):
    model = tiny.tiny_model(0.0)
    spec = TrainSpec(progress="quiet", device="cpu", accumulate=2)
    tiny.train(tmp_path, phase=Classification(model, tiny.OPTIMIZER), spec=spec)
    assert largest_difference(learned(ranks[0]["plain"]), learned(model.state_dict())) < 1e-5


def test_a_cut_under_two_ranks_and_a_phase_after_it_equal_those_in_one_process(ranks, tiny, tmp_path):
    phase = tiny.Cutting(tiny.tiny_model(0.0))
    spec = TrainSpec(progress="quiet", device="cpu", accumulate=2)
    result = tiny.train(tmp_path, phase=phase, epochs=4, spec=spec)
    assert [seen["setups"] for seen in ranks] == [2, 2]
    assert ranks[0]["cut"]["0.weight"].shape == (6, 8)
    assert largest_difference(learned(ranks[0]["cut"]), learned(phase.model.state_dict())) < 1e-5
    second = Classification(phase.model, tiny.OPTIMIZER, optimizer=phase.optimizer)
    tiny.train(tmp_path / "second", phase=second, epochs=5, start_epoch=4, spec=spec)
    assert largest_difference(learned(ranks[0]["second"]), learned(second.model.state_dict())) < 1e-5
    assert ranks[0]["cut_result"] == ranks[1]["cut_result"]
    assert ranks[0]["cut_result"]["loss"] == pytest.approx(result.metrics["loss"], abs=1e-5)


def test_a_nan_in_one_rank_stops_both(ranks):
    assert all("NaN or infinite in epoch 1, step 5" in seen["bad"] for seen in ranks)


def test_a_signal_to_one_rank_stops_both_at_the_same_step_and_they_go_on_bit_equal(ranks):
    assert "stopped by a signal to another process in epoch 1, after 3 of 8 steps" in ranks[0]["signal"]
    assert "stopped by SIGTERM in epoch 1, after 3 of 8 steps" in ranks[1]["signal"]
    assert largest_difference(ranks[0]["resumed"], ranks[0]["plain"]) == 0.0


def test_energy_is_summed_over_the_ranks_and_unknown_when_one_does_not_measure(ranks):
    assert [seen["energies"] for seen in ranks] == [[24 * (2.0 + 3.0), None]] * 2

import errno
import os
import resource
import signal

import pytest
import torch

from netchip import files
from netchip.errors import CheckpointError, CheckpointMismatch
from netchip.train.checkpoint import Checkpoint, Position, read_checkpoint, write_checkpoint
from netchip.train.seeding import rng_state

IDENTITY = {"config": "0a1b2c3d", "loader seed": 1}


def make(epoch=1, size=10, **more):
    return Checkpoint(
        identity=IDENTITY,
        circumstances={"threads": 1},
        position=Position(epoch=epoch, index=2, history=[{"epoch": 0, "loss": 0.5}], sums={"loss": 1.5}, **more),
        model={"w": torch.arange(float(size))},
        optimizer={"state": {0: {"momentum_buffer": torch.ones(3)}}, "param_groups": [{"lr": 0.1, "params": [0]}]},
        scaler=None,
        phase={"masks": torch.zeros(2, dtype=torch.uint8), "drawn": None},
        rng=[rng_state()],
    )


@pytest.fixture
def path(tmp_path):
    file = tmp_path / "train" / "checkpoint.pt"
    write_checkpoint(file, make())
    return file


def test_round_trip(path):
    found = read_checkpoint(path, IDENTITY)
    assert found.position == make().position
    assert torch.equal(found.model["w"], torch.arange(10.0))
    assert found.optimizer["param_groups"] == [{"lr": 0.1, "params": [0]}]
    assert found.phase["drawn"] is None


def test_joules_are_kept_to_the_last_digit(path):
    write_checkpoint(path, make(energy_j=1234567.891))
    assert read_checkpoint(path, IDENTITY).position.energy_j == 1234567.891


def test_a_checkpoint_from_before_energy_was_measured_is_read_as_not_measured(path):
    content = torch.load(path, weights_only=True)
    del content["position"]["energy_j"]
    torch.save(content, path)
    assert read_checkpoint(path, IDENTITY).position == make().position
    assert make().position.energy_j is None


def test_no_file_is_no_checkpoint(tmp_path):
    assert read_checkpoint(tmp_path / "checkpoint.pt", IDENTITY) is None


def test_a_checkpoint_of_another_training_names_what_differs(path):
    with pytest.raises(
        CheckpointMismatch, match=r"checkpoint.pt: .*\(config '0a1b2c3d' there, 'ffff0000' here\); .*--fresh"
    ):
        read_checkpoint(path, {**IDENTITY, "config": "ffff0000"})
    with pytest.raises(CheckpointMismatch, match="loader augment None there, 'flip' here"):
        read_checkpoint(path, {**IDENTITY, "loader augment": "flip"})


@pytest.mark.parametrize("share", [0.0, 0.01, 0.5, 0.9, 0.999])
def test_a_file_cut_short_says_what_to_do(path, share):
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    with pytest.raises(CheckpointError, match=r"checkpoint.pt: cut short, damaged or not a checkpoint .*delete it"):
        read_checkpoint(path, IDENTITY)


def test_a_flipped_bit_in_the_weights_is_noticed(path):
    content = bytearray(path.read_bytes())
    at = content.find(torch.arange(10.0).numpy().tobytes())
    content[at + 5] ^= 1
    path.write_bytes(content)
    with pytest.raises(CheckpointError, match="damaged"):
        read_checkpoint(path, IDENTITY)


def test_a_foreign_file_is_refused_and_nothing_in_it_is_run(path, tmp_path):
    class Harmful:
        def __reduce__(self):
            return (os.mkdir, (str(tmp_path / "ran"),))

    torch.save(Harmful(), path)
    with pytest.raises(CheckpointError, match="not a checkpoint"):
        read_checkpoint(path, IDENTITY)
    assert not (tmp_path / "ran").exists()
    torch.save({"model": {}}, path)
    with pytest.raises(CheckpointError, match="not a checkpoint of a training phase"):
        read_checkpoint(path, IDENTITY)


def test_another_format_is_named(path):
    content = torch.load(path, weights_only=True)
    torch.save({**content, "format": 99}, path)
    with pytest.raises(CheckpointMismatch, match="has format 99, this version of netchip reads 1"):
        read_checkpoint(path, IDENTITY)


def test_a_full_disk_leaves_the_old_checkpoint(path, monkeypatch):
    before = path.read_bytes()

    def full(_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(files.os, "fsync", full)
    with pytest.raises(CheckpointError, match="the disk is full"):
        write_checkpoint(path, make(epoch=2))
    assert path.read_bytes() == before
    assert [entry.name for entry in path.parent.iterdir()] == ["checkpoint.pt"]


def test_a_disk_that_really_refuses_leaves_the_old_checkpoint(path):
    """A file-size limit makes the operating system itself refuse half way through the write."""
    before = path.read_bytes()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))
    try:
        with pytest.raises(CheckpointError, match="could not be written"):
            write_checkpoint(path, make(size=100_000))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, handler)
    assert path.read_bytes() == before
    assert [entry.name for entry in path.parent.iterdir()] == ["checkpoint.pt"]

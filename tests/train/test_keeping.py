import json

import pytest
import torch

from netchip.errors import CheckpointMismatch, DivergedError, Interrupted, NetchipWarning
from netchip.train.phase import Classification
from netchip.train.spec import TrainSpec

EVERY_STEP = TrainSpec(progress="quiet", log_every=100, device="cpu", checkpoint_seconds=0)


def test_a_nan_loss_stops_names_the_step_and_keeps_the_last_good_checkpoint(tiny, tmp_path):
    bad = tiny.TinyBatches(bad=(1, 5, 0))
    with pytest.raises(
        DivergedError,
        match=r"train: the loss became NaN or infinite in epoch 2, step 6; the last good checkpoint is kept: .*t.pt",
    ):
        tiny.train(tmp_path, batches=bad, spec=EVERY_STEP)
    kept = torch.load(tmp_path / "train" / "checkpoint.pt", weights_only=True)
    assert (kept["position"]["epoch"], kept["position"]["index"]) == (1, 5)
    assert all(value.isfinite().all() for value in kept["model"].values())
    resumed = tiny.train(tmp_path, batches=tiny.TinyBatches())  # the data mended, it goes on from there
    tiny.train(tmp_path / "straight")
    assert (tmp_path / "model.safetensors").read_bytes() == (tmp_path / "straight" / "model.safetensors").read_bytes()
    assert resumed.steps == 24


def test_a_nan_loss_is_found_by_the_end_of_the_epoch_at_the_latest(tiny, tmp_path):
    with pytest.raises(DivergedError, match="epoch 1, step 2; no checkpoint had been written yet"):
        tiny.train(
            tmp_path,
            batches=tiny.TinyBatches(bad=(0, 1, 0)),
            spec=TrainSpec(progress="quiet", device="cpu", log_every=1000),
        )
    assert not (tmp_path / "model.safetensors").exists()


def test_weights_that_are_not_finite_are_never_saved(tiny, tmp_path):
    model = tiny.tiny_model()
    steps = []

    def spoil():
        steps.append(None)
        if len(steps) == 12:
            model[4].bias.grad.fill_(float("inf"))

    with pytest.raises(
        DivergedError, match="a weight became NaN or infinite in epoch 2, by step 4; the last good checkpoint is kept"
    ):
        tiny.train(
            tmp_path, phase=Classification(model, tiny.OPTIMIZER, companion=tiny.Watching(spoil)), spec=EVERY_STEP
        )


def test_other_settings_are_refused(tiny, tmp_path):
    tiny.train(tmp_path, epochs=1, config_hash="11112222")
    with pytest.raises(CheckpointMismatch, match="config '11112222' there, '33334444' here"):
        tiny.train(tmp_path, epochs=1, config_hash="33334444")
    with pytest.raises(CheckpointMismatch, match="loader seed 0 there, 1 here"):
        tiny.train(tmp_path, epochs=1, config_hash="11112222", batches=tiny.TinyBatches(seed=1))
    with pytest.raises(CheckpointMismatch, match="epochs 1 there, 2 here"):
        tiny.train(tmp_path, epochs=2, config_hash="11112222")


def test_another_thread_count_is_warned_of(tiny, tmp_path):
    with pytest.raises(Interrupted):
        tiny.train(tmp_path, batches=tiny.SignalAt(rank=0, index=2))
    with pytest.warns(NetchipWarning, match="threads 1 there, 2 here.*bit-equal"):
        tiny.train(tmp_path, spec=TrainSpec(progress="quiet", device="cpu", threads=2))


def test_seconds_add_up_over_resumes_and_leave_out_checkpoints(tiny, tmp_path):
    with pytest.raises(Interrupted):
        tiny.train(tmp_path, batches=tiny.SignalAt(rank=0, index=6))
    first = torch.load(tmp_path / "train" / "checkpoint.pt", weights_only=True)["position"]["seconds"]
    result = tiny.train(tmp_path)
    assert result.seconds > first > 0
    last = json.loads((tmp_path / "metrics.jsonl").read_text().splitlines()[-1])
    assert last["seconds"] == result.seconds

import json

import pytest
import torch

from netchip.errors import MissingExtra
from netchip.train import metrics
from netchip.train.metrics import MetricsLog, RunningMeans


def lines(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_means_of_floats_and_tensors():
    means = RunningMeans()
    for index, loss in enumerate([1.0, 2.0, 6.0]):
        means.add({"loss": torch.tensor(loss), "accuracy_percent": 10.0 * loss}, index)
    assert means.means() == {"loss": 3.0, "accuracy_percent": 30.0}
    assert means.first_bad() is None


def test_means_taken_up_half_way_are_the_same():
    values = torch.rand(10, generator=torch.Generator().manual_seed(0))
    whole, half = RunningMeans(), RunningMeans()
    for index, value in enumerate(values):
        whole.add({"loss": value}, index)
        half.add({"loss": value}, index)
        half = RunningMeans(half.sums())
    assert half.means() == whole.means()


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), -float("inf")])
def test_the_first_step_with_a_bad_loss_is_known(bad):
    means = RunningMeans()
    for index, loss in enumerate([1.0, 1.0, bad, 1.0, bad]):
        means.add({"loss": torch.tensor(loss), "psnr_db": float("inf")}, index + 40)
    assert means.first_bad() == 42


def test_a_resumed_phase_drops_the_lines_it_will_write_again(tmp_path):
    path = tmp_path / "metrics.jsonl"
    with MetricsLog(path, "search", keep=0) as log:
        for epoch in range(3):
            log.write({"epoch": epoch}, step=epoch)
    with MetricsLog(path, "retrain", keep=0) as log:
        log.write({"epoch": 7, "loss": float("nan")}, step=7)
    with path.open("a") as file:
        file.write('{"phase": "retr')  # killed while writing
    with MetricsLog(path, "search", keep=2) as log:
        assert log.lines == 2
        log.write({"epoch": 2, "again": True}, step=2)
        assert log.lines == 3
    assert lines(path) == [
        {"phase": "search", "epoch": 0},
        {"phase": "search", "epoch": 1},
        {"phase": "retrain", "epoch": 7, "loss": None},
        {"phase": "search", "epoch": 2, "again": True},
    ]


def test_tensorboard_events_are_written_when_asked(tmp_path):
    pytest.importorskip("tensorboardX")
    with MetricsLog(tmp_path / "metrics.jsonl", "train", keep=0, tensorboard=True) as log:
        log.write({"epoch": 0, "loss": 0.5}, step=8)
    events = list((tmp_path / "tensorboard" / "train").glob("events*"))
    assert len(events) == 1
    assert b"train/loss" in events[0].read_bytes()


def test_without_tensorboardx_the_extra_is_named(tmp_path, monkeypatch):
    def missing(name):
        raise ImportError(name)

    monkeypatch.setattr(metrics, "import_module", missing)
    with pytest.raises(MissingExtra, match=r"netchip\[track\]"):
        MetricsLog(tmp_path / "metrics.jsonl", "train", keep=0, tensorboard=True)

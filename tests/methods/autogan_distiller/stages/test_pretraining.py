from pathlib import Path

import pytest
import torch

from netchip.errors import ConfigError
from netchip.methods.autogan_distiller.costing.exact import reach
from netchip.train.accelerating import make_accelerator
from netchip.train.spec import TrainSpec


def test_largest_and_smallest_come_closer_and_the_logits_stay(toy, tmp_path: Path) -> None:
    phase = toy.pretraining()
    phase.setup(make_accelerator(TrainSpec(device="cpu")))
    ends = [found.architecture for found in reach(toy.table)]

    def psnr() -> list[float]:
        accelerator = make_accelerator(TrainSpec(device="cpu"))
        return [toy.asked.psnr_db(toy.supernet.derive(each), toy.validation, accelerator) for each in ends]

    logits = [each.clone() for each in toy.supernet.architecture_parameters()]
    before = psnr()
    toy.fit(phase, tmp_path, 20)
    after = psnr()
    assert all(late > early + 1 for early, late in zip(before, after, strict=True))
    assert all(torch.equal(a, b) for a, b in zip(logits, toy.supernet.architecture_parameters(), strict=True))


def test_a_step_sees_the_largest_the_smallest_and_two_random_networks(toy, monkeypatch: pytest.MonkeyPatch) -> None:
    asked_for = []
    route = toy.supernet.route

    def noted(widths: str, operators: str):
        asked_for.append((widths, operators))
        return route(widths, operators)

    monkeypatch.setattr(toy.supernet, "route", noted)
    phase = toy.pretraining()
    phase.setup(make_accelerator(TrainSpec(device="cpu")))
    from netchip.train.phase import Step

    phase.train_step(next(toy.halves.weights.epoch(0)), Step(epoch=0, index=0, steps_per_epoch=2, epochs=1))
    assert asked_for == [(widths, "random") for widths in ("widest", "narrowest", "random", "random")]


def test_several_processes_are_refused(toy, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("netchip.methods.autogan_distiller.stages.supernets.process_count", lambda: 2)
    with pytest.raises(ConfigError, match="which DDP cannot follow: pretrain and search in one process"):
        toy.pretraining().setup(make_accelerator(TrainSpec(device="cpu")))

import signal
from pathlib import Path

import pytest
import torch

from netchip.errors import Interrupted
from netchip.methods.autogan_distiller.stages.searching import Search
from netchip.train.accelerating import make_accelerator
from netchip.train.phase import Step
from netchip.train.spec import TrainSpec

STEP = Step(epoch=0, index=0, steps_per_epoch=2, epochs=3)


def copies(parameters: list[torch.Tensor]) -> list[torch.Tensor]:
    return [each.detach().clone() for each in parameters]


def changed(before: list[torch.Tensor], now: list[torch.Tensor]) -> bool:
    return any(not torch.equal(a, b) for a, b in zip(before, now, strict=True))


@pytest.mark.parametrize("operators", ["sampled", "softmax"])
def test_logits_learn_from_one_half_and_weights_from_the_other(make_toy, operators: str) -> None:
    toy = make_toy(operators)
    search = toy.search()
    search.setup(make_accelerator(TrainSpec(device="cpu")))
    seen: list[torch.Tensor] = []
    target = type(toy.asked).target

    def noted(asked, batch):
        seen.append(batch[0])
        return target(asked, batch)

    batch = next(toy.halves.epoch(0))
    weights, logits = toy.supernet.weight_parameters(), toy.supernet.architecture_parameters()
    before = copies(weights), copies(logits)
    search._architecture_step(batch[1:], STEP, 1.0)
    assert not changed(before[0], weights)
    assert changed(before[1], logits)
    assert all(weight.grad is None and weight.requires_grad for weight in weights)
    moved = copies(logits)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(type(toy.asked), "target", noted)
        patch.setattr(search.logits_optimizer, "step", lambda: None)
        search.train_step(batch, STEP)
    assert changed(before[0], weights)
    assert not changed(moved, logits)
    assert torch.equal(seen[0], batch[1])
    assert torch.equal(seen[1], batch[0])


def test_the_mean_cost_comes_to_the_budget_and_every_candidate_is_within_it(toy, tmp_path: Path) -> None:
    search = toy.search(epochs=40, rate=5e-2)
    result = toy.fit(search, tmp_path, 40)
    first, last = result.history[0], result.history[-1]
    assert first["cost_over_budget"] > 1.1
    assert last["cost_over_budget"] == pytest.approx(1.0, abs=0.25)
    assert search.candidates
    assert all(toy.table.of(each) <= toy.budget for each in search.candidates)


class Stopping(Search):
    """Asks to stop in its fourth step, as Ctrl-C does."""

    steps = 0

    def train_step(self, batch, step):
        self.steps += 1
        if self.steps == 4:
            signal.raise_signal(signal.SIGTERM)
        return super().train_step(batch, step)


def test_an_interrupted_search_ends_as_one_that_was_not(make_toy, tmp_path: Path) -> None:
    whole_toy, parts_toy, again_toy = make_toy(), make_toy(), make_toy()
    whole = whole_toy.search()
    torch.manual_seed(7)
    whole_toy.fit(whole, tmp_path / "whole", 3)
    stopped = parts_toy.search()
    stopped.__class__ = Stopping
    torch.manual_seed(7)
    with pytest.raises(Interrupted):
        parts_toy.fit(stopped, tmp_path / "parts", 3)
    resumed = again_toy.search()
    torch.manual_seed(99)
    again_toy.fit(resumed, tmp_path / "parts", 3)
    for name, value in whole_toy.supernet.state_dict().items():
        assert torch.equal(value, again_toy.supernet.state_dict()[name]), name
    assert resumed.candidates == whole.candidates
    assert resumed.control.state_dict() == whole.control.state_dict()

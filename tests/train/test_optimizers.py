import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn
from torch.optim import lr_scheduler

from netchip.train.optimizers import learning_rate, make_optimizer, set_learning_rate
from netchip.train.spec import OptimizerSpec

STEPS, EPOCHS = 7, 5


def rates(spec, epochs=EPOCHS, steps=STEPS):
    return [
        learning_rate(spec, e, s, steps_per_epoch=steps, epochs=epochs) for e in range(epochs) for s in range(steps)
    ]


def torch_rates(make, steps):
    """The rates of one of torch's own schedulers, stepped once an optimizer step."""
    optimizer = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=0.1)
    scheduler, seen = make(optimizer), []
    for _ in range(steps):
        seen.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    return seen


def test_multistep_by_hand():
    spec = OptimizerSpec(learning_rate=0.1, schedule="multistep", milestones=(2, 4), factor=0.1)
    assert rates(spec) == pytest.approx([0.1] * 14 + [0.01] * 14 + [0.001] * 7)


def test_cosine_is_that_of_torch():
    theirs = torch_rates(lambda o: lr_scheduler.CosineAnnealingLR(o, STEPS * EPOCHS), STEPS * EPOCHS)
    assert rates(OptimizerSpec(learning_rate=0.1, schedule="cosine")) == pytest.approx(theirs)


def test_onecycle_is_that_of_torch():
    theirs = torch_rates(lambda o: lr_scheduler.OneCycleLR(o, 0.1, total_steps=35, cycle_momentum=False), 35)
    assert rates(OptimizerSpec(learning_rate=0.1, schedule="onecycle")) == pytest.approx(theirs)


@pytest.mark.parametrize("steps", [1, 2, 3, 4])
def test_onecycle_of_very_few_steps_stays_between_zero_and_its_rate(steps):
    assert all(0 < rate <= 0.1 for rate in rates(OptimizerSpec(schedule="onecycle"), epochs=1, steps=steps))


def test_warmup_climbs_linearly_and_then_the_schedule_holds():
    spec = OptimizerSpec(learning_rate=0.7, schedule="cosine", warmup_epochs=1)
    assert rates(spec)[:8] == pytest.approx([0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.7])
    assert rates(spec)[8] < 0.7
    multistep = OptimizerSpec(learning_rate=0.7, schedule="multistep", milestones=(2,), warmup_epochs=1)
    assert rates(multistep)[13:15] == pytest.approx([0.7, 0.07])  # milestones count epochs from the start of training


@given(st.sampled_from(["constant", "cosine", "onecycle"]), st.floats(0, 3), st.integers(1, 6), st.integers(1, 9))
def test_a_rate_is_never_negative_nor_above_the_highest(schedule, warmup, epochs, steps):
    spec = OptimizerSpec(schedule=schedule, warmup_epochs=warmup)
    assert all(0 <= rate <= spec.learning_rate * (1 + 1e-12) for rate in rates(spec, epochs, steps))


@pytest.mark.parametrize(
    ("name", "kind"), [("sgd", torch.optim.SGD), ("adam", torch.optim.Adam), ("adamw", torch.optim.AdamW)]
)
def test_the_optimizer_has_the_settings_asked_for(name, kind):
    optimizer = make_optimizer(
        OptimizerSpec(name=name, learning_rate=0.2, momentum=0.5, weight_decay=0.01), [nn.Parameter(torch.ones(2))]
    )
    group = optimizer.param_groups[0]
    assert type(optimizer) is kind
    assert (group["lr"], group["weight_decay"]) == (0.2, 0.01)
    assert group.get("momentum", group.get("betas", [None])[0]) == 0.5
    set_learning_rate(optimizer, 0.3)
    assert group["lr"] == 0.3

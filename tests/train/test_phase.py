import copy

import pytest
import torch
from torch import nn

from netchip.errors import ConfigError
from netchip.train.accelerating import make_accelerator
from netchip.train.phase import Classification, Step
from netchip.train.spec import OptimizerSpec, TrainSpec

PLAIN = OptimizerSpec(learning_rate=0.1, momentum=0.9, weight_decay=0.01, schedule="multistep", milestones=(2,))
FIRST = Step(epoch=0, index=0, steps_per_epoch=3, epochs=4)


def test_a_step_knows_its_number():
    assert Step(epoch=2, index=1, steps_per_epoch=3, epochs=4).number == 7


def test_its_steps_are_those_of_a_plain_torch_loop(tiny):
    model = tiny.tiny_model(dropout=0.0)
    theirs = copy.deepcopy(model)
    optimizer = torch.optim.SGD(theirs.parameters(), lr=0.1, momentum=0.9, weight_decay=0.01)
    phase = Classification(model, PLAIN)
    phase.setup(make_accelerator(TrainSpec(device="cpu")))
    for index, (inputs, labels) in enumerate(tiny.TinyBatches(3).epoch(0)):
        figures = phase.train_step((inputs, labels), Step(epoch=0, index=index, steps_per_epoch=3, epochs=4))
        outputs = theirs(inputs)
        loss = nn.functional.cross_entropy(outputs, labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        assert float(figures["loss"]) == float(loss.detach())
        assert float(figures["accuracy_percent"]) == 100 * float((outputs.argmax(1) == labels).float().mean())
    assert all(
        torch.equal(a, b) for a, b in zip(model.state_dict().values(), theirs.state_dict().values(), strict=True)
    )


def test_the_rate_is_that_of_the_step(tiny):
    phase = Classification(tiny.tiny_model(), PLAIN)
    phase.setup(make_accelerator(TrainSpec(device="cpu")))
    phase.train_step(next(tiny.TinyBatches().epoch(0)), Step(epoch=2, index=0, steps_per_epoch=3, epochs=4))
    assert phase.optimizer.param_groups[0]["lr"] == pytest.approx(0.01)


def test_the_companion_runs_once_an_optimizer_step_with_whole_gradients(tiny):
    model = tiny.tiny_model(dropout=0.0)
    seen = []
    watching = tiny.Watching(after_backward=lambda: seen.append(model[4].weight.grad.clone()))
    phase = Classification(model, PLAIN, companion=watching)
    phase.setup(make_accelerator(TrainSpec(device="cpu", accumulate=2)))
    halves = list(zip(*(tiny.TinyBatches(2).epoch(0, part=part, parts=2) for part in range(2)), strict=True))
    reference = copy.deepcopy(model)
    for step in halves[:1]:
        for half in step:
            phase.train_step(half, FIRST)
            (nn.functional.cross_entropy(reference(half[0]), half[1]) / 2).backward()
    assert len(seen) == watching.steps == 1
    torch.testing.assert_close(seen[0], reference[4].weight.grad)
    assert model[4].weight.grad is None  # stepped and cleared


def test_the_companion_sees_the_weights_before_and_after_the_step(tiny):
    model = tiny.tiny_model(dropout=0.0)
    before, after = [], []
    watching = tiny.Watching(
        lambda: before.append(model[4].weight.detach().clone()), lambda: after.append(model[4].weight.detach().clone())
    )
    phase = Classification(model, PLAIN, companion=watching)
    phase.setup(make_accelerator(TrainSpec(device="cpu")))
    start = model[4].weight.detach().clone()
    phase.train_step(next(tiny.TinyBatches().epoch(0)), FIRST)
    assert torch.equal(before[0], start)
    assert torch.equal(after[0], model[4].weight)
    assert not torch.equal(before[0], after[0])


def test_the_companion_ends_the_training_and_its_state_is_the_phase_s(tiny):
    phase = Classification(tiny.tiny_model(), PLAIN, companion=tiny.Watching(last=3))
    assert [phase.end_epoch(epoch) for epoch in (2, 3)] == [False, True]
    phase.load_state_dict({"steps": 7})
    assert phase.state_dict() == {"steps": 7}
    alone = Classification(tiny.tiny_model(), PLAIN)
    assert not alone.end_epoch(3)
    assert alone.state_dict() == {}


def test_validation_counts_every_sample_and_leaves_the_model_in_training(tiny):
    model = tiny.tiny_model()
    phase = Classification(model, PLAIN)
    phase.setup(make_accelerator(TrainSpec(device="cpu")))
    figures = phase.validate(tiny.TinyBatches(3))
    assert model.training
    batches = list(tiny.TinyBatches(3).epoch(0))
    inputs, labels = (torch.cat(part) for part in zip(*batches, strict=True))
    outputs = copy.deepcopy(model).eval()(inputs).detach()
    assert figures["validation_accuracy_percent"] == pytest.approx(
        100 * float((outputs.argmax(1) == labels).float().mean())
    )
    assert figures["validation_loss"] == pytest.approx(float(nn.functional.cross_entropy(outputs, labels)), rel=1e-6)


def test_without_setup_it_says_so(tiny):
    with pytest.raises(ConfigError, match="this phase is not set up"):
        Classification(tiny.tiny_model(), PLAIN).validate(tiny.TinyBatches())

import copy

import pytest
import torch
from torch import nn

from netchip.errors import ConfigError
from netchip.train.accelerating import make_accelerator, prepare
from netchip.train.spec import TrainSpec


def test_fp16_on_a_cpu_is_refused():
    with pytest.raises(
        ConfigError, match=r"precision = 'fp16' needs a GPU, and the device is 'cpu'; set precision to 'bf16'"
    ):
        make_accelerator(TrainSpec(device="cpu", precision="fp16"))


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has the device")
def test_a_device_that_is_not_here_is_refused():
    with pytest.raises(ConfigError, match=r"device = 'cuda': torch .* finds no such device here"):
        make_accelerator(TrainSpec(device="cuda"))


def test_one_process_can_change_its_precision():
    for precision in ("no", "bf16", "no"):
        accelerator = make_accelerator(TrainSpec(device="cpu", precision=precision))
        model = nn.Linear(4, 4)
        network, _ = prepare(accelerator, model, torch.optim.SGD(model.parameters(), lr=0.1))
        rounded = not torch.equal(network(torch.ones(1, 4) / 3), model(torch.ones(1, 4) / 3))
        assert rounded == (precision == "bf16")


def test_the_model_itself_is_left_as_it_is():
    model = nn.Linear(4, 4)
    before = dict(vars(model))
    prepare(
        make_accelerator(TrainSpec(device="cpu", precision="bf16")), model, torch.optim.SGD(model.parameters(), lr=0.1)
    )
    assert vars(model) == before
    assert "forward" not in vars(copy.deepcopy(model))


def test_micro_batches_sum_to_the_gradient_of_the_whole():
    model, data = nn.Linear(4, 1), torch.randn(8, 4)
    model(data).square().mean().backward()
    whole = model.weight.grad.clone()
    model.zero_grad()
    accelerator = make_accelerator(TrainSpec(device="cpu", accumulate=2))
    network, _ = prepare(accelerator, model, torch.optim.SGD(model.parameters(), lr=0.1))
    synced = []
    for half in data.chunk(2):
        with accelerator.accumulate(network):
            accelerator.backward(network(half).square().mean())
            synced.append(accelerator.sync_gradients)
    assert synced == [False, True]
    torch.testing.assert_close(model.weight.grad, whole)

import pytest
import torch

from netchip.train.determinism import deterministic


def test_a_cpu_needs_no_setting() -> None:
    with deterministic(True, torch.device("cpu")):
        assert not torch.are_deterministic_algorithms_enabled()


def test_on_cuda_it_is_set_and_set_back() -> None:
    before = torch.backends.cudnn.benchmark
    with deterministic(True, torch.device("cuda")):
        assert torch.are_deterministic_algorithms_enabled()
        assert not torch.backends.cudnn.benchmark
    assert not torch.are_deterministic_algorithms_enabled()
    assert torch.backends.cudnn.benchmark == before


def test_unasked_it_changes_nothing() -> None:
    with deterministic(False, torch.device("cuda")):
        assert not torch.are_deterministic_algorithms_enabled()


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU here")
def test_gradients_on_a_gpu_are_the_same_bytes_at_every_run() -> None:
    torch.manual_seed(0)
    images = torch.randn(256, 16, 32, 32, device="cuda")
    conv = torch.nn.Conv2d(16, 16, 3, padding=1, groups=16, device="cuda")
    with deterministic(True, torch.device("cuda")):
        found = [torch.autograd.grad(conv(images).square().sum(), conv.weight)[0] for _ in range(4)]
    assert all(torch.equal(each, found[0]) for each in found)

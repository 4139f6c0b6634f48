"""The copy that is exported: what is left untouched, what is looked through, what is refused and how."""

import random
import threading
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from netchip.errors import GraphError
from netchip.graph.exporting import export, isolated_copy


def operators(model: nn.Module, example: Any) -> list[str]:
    _, program = export(model, example)
    return [str(node.target) for node in program.graph.nodes if node.op == "call_function"]


class Counting(nn.Module):
    """Changes buffers and attributes in every pass, and draws from every random generator."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Linear(4, 4), nn.BatchNorm1d(4), nn.Dropout(0.5))
        self.register_buffer("passes", torch.zeros(1))
        self.last: torch.Tensor | None = None

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.passes += 1
        self.passes.add_(x.mean())
        self.last = x
        return self.body(x) + torch.rand(4) * random.random() * float(np.random.rand())


def test_model_mode_buffers_gradients_and_random_state_stay():
    model = Counting().train()
    model.body[1].eval()
    model.body[0].bias.requires_grad_(False)
    model.body[0].weight.grad = torch.ones(4, 4)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    identity = {name: id(value) for name, value in model.named_parameters()}
    states = torch.get_rng_state(), random.getstate(), np.random.get_state()[1].tolist()
    export(model, torch.ones(3, 4))
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())
    assert {name: id(value) for name, value in model.named_parameters()} == identity
    assert [module.training for module in model.modules()] == [True, True, True, False, True]
    assert not model.body[0].bias.requires_grad
    assert torch.equal(model.body[0].weight.grad, torch.ones(4, 4))
    assert model.last is None
    assert torch.equal(states[0], torch.get_rng_state())
    assert states[1:] == (random.getstate(), np.random.get_state()[1].tolist())
    assert not [hook for module in model.modules() for hook in (*module._forward_hooks, *module._forward_pre_hooks)]


def test_the_fused_attention_switch_is_given_back():
    for state in (True, False):
        torch.backends.mha.set_fastpath_enabled(state)
        export(nn.Linear(4, 4), torch.zeros(1, 4))
        assert torch.backends.mha.get_fastpath_enabled() is state
    torch.backends.mha.set_fastpath_enabled(True)


def test_the_copy_has_tensors_of_its_own_over_the_same_storage():
    model = nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 4))
    model[1].weight = model[0].weight
    copied = isolated_copy(model)
    assert copied[0].weight is copied[1].weight
    assert copied[0].weight is not model[0].weight
    assert copied[0].weight.data_ptr() == model[0].weight.data_ptr()
    assert not copied.training


def test_computed_attributes_and_frozen_weights_can_be_copied():
    model = nn.Linear(4, 3)
    model.scaled = model.weight * 2  # not a leaf: torch refuses to deepcopy it
    assert operators(model, torch.zeros(1, 4)) == ["aten.linear.default"]


@pytest.mark.filterwarnings("ignore:.*weight_norm.*:FutureWarning")
def test_old_style_weight_norm():
    assert "aten.linear.default" in operators(nn.utils.weight_norm(nn.Linear(4, 3)), torch.zeros(1, 4))


def test_examples_as_tensor_tuple_and_keywords():
    class Pair(nn.Module):
        def forward(self, left: torch.Tensor, right: torch.Tensor, scale: float = 1.0) -> torch.Tensor:
            return (left - right) * scale

    for example in ((torch.zeros(2), torch.zeros(2)), {"right": torch.zeros(2), "left": torch.zeros(2), "scale": 2.0}):
        assert operators(Pair(), example) == ["aten.sub.Tensor", "aten.mul.Tensor"]


def test_an_inference_mode_example_and_one_that_requires_grad():
    with torch.inference_mode():
        example = torch.zeros(1, 4)
    assert operators(nn.Linear(4, 4), example) == ["aten.linear.default"]
    assert operators(nn.Linear(4, 4), torch.zeros(1, 4, requires_grad=True)) == ["aten.linear.default"]


def test_wrappers_are_looked_through_at_every_depth():
    inner = nn.Sequential(nn.Linear(4, 4), torch.compile(nn.Linear(4, 2)))
    copied, _ = export(torch.compile(nn.DataParallel(inner)), torch.zeros(1, 4))
    assert [name for name, _ in copied.named_modules()] == ["", "0", "1"]
    assert type(inner[1]).__name__ == "OptimizedModule"


def test_strict_export_is_tried_where_the_other_fails(monkeypatch: pytest.MonkeyPatch):
    real, tried = torch.export.export, []

    def only_strict(*args: Any, strict: bool, **kwargs: Any) -> Any:
        tried.append(strict)
        if not strict:
            raise RuntimeError("not this way")
        return real(*args, strict=True, **kwargs)

    monkeypatch.setattr(torch.export, "export", only_strict)
    assert "aten.linear.default" in operators(nn.Linear(4, 4), torch.zeros(1, 4))
    assert tried == [False, True]


class Branching(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.gate = nn.Linear(4, 4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.gate(x)
        return y if y.sum() > 0 else -y


class Locked(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.lock = threading.Lock()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x


REFUSED = {
    "data-dependent branch": (
        nn.Sequential(nn.Linear(4, 4), nn.Sequential(Branching())),
        torch.zeros(1, 4),
        r"'1.0' \(Branching\) takes a path that depends on the values of its input .*use torch.where or torch.cond",
    ),
    "wrong shape": (
        nn.Sequential(nn.Linear(4, 5), nn.Linear(4, 4)),
        torch.zeros(1, 4),
        r"'1' \(Linear\) cannot be traced on this example \(RuntimeError: .*model\(example\) runs in eval mode",
    ),
    "cannot be copied": (
        nn.Sequential(nn.Linear(4, 4), nn.Sequential(Locked())),
        torch.zeros(1, 4),
        r"'1.0' \(Locked\) cannot be copied .*lock.*keep what cannot be copied",
    ),
    "lazy": (
        nn.Sequential(nn.Linear(4, 4), nn.LazyLinear(4)),
        torch.zeros(1, 4),
        r"'1' \(LazyLinear\) has no weight yet .*run the model once",
    ),
    "empty example": (nn.Linear(4, 4), torch.zeros(0, 4), r"empty tensor of shape \(0, 4\); give at least one item"),
    "list": (nn.Linear(4, 4), [torch.zeros(1, 4)], "example is a list; give a tensor, a tuple"),
    "function": (
        torch.relu,
        torch.zeros(1, 4),
        "model is a builtin_function_or_method; capture needs a torch.nn.Module",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refusals_name_the_layer_and_what_to_do(case: str, capfd: pytest.CaptureFixture[str]):
    model, example, message = REFUSED[case]
    with pytest.raises(GraphError, match=message):
        export(model, example)
    assert "".join(capfd.readouterr()) == ""


@pytest.mark.filterwarnings("ignore:.*torch.jit.*:DeprecationWarning")
def test_a_scripted_model_is_refused():
    scripted = torch.jit.script(nn.Sequential(nn.Linear(4, 4)))
    for model in (scripted, nn.Sequential(nn.Linear(4, 4), scripted)):
        with pytest.raises(GraphError, match=r"is TorchScript, .*capture what it was made from"):
            export(model, torch.zeros(1, 4))


def test_a_sharded_model_is_refused():
    class FullyShardedDataParallel(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.module = nn.Linear(4, 4)

    with pytest.raises(GraphError, match=r"'0' \(FullyShardedDataParallel\) is sharded by FSDP"):
        export(nn.Sequential(FullyShardedDataParallel()), torch.zeros(1, 4))
    with pytest.raises(GraphError, match="sharded by FSDP; capture the network before it is wrapped"):
        export(FullyShardedDataParallel(), torch.zeros(1, 4))


def test_a_keyboard_interrupt_is_not_swallowed():
    class Stopped(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        export(Stopped(), torch.zeros(1, 4))

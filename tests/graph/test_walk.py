"""What depends on the input, through views, in-place writes and nested graphs."""

from collections.abc import Callable

import torch
from torch import nn

from netchip.graph.capture import UNKNOWN_SIZE, Captured, capture


class Call(nn.Module):
    def __init__(self, function: Callable[..., torch.Tensor]) -> None:
        super().__init__()
        self.function, self.a, self.b = function, nn.Linear(4, 4), nn.Linear(4, 4)
        self.register_buffer("state", torch.zeros(4, 4))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.function(self, x)


def captured(function: Callable[..., torch.Tensor]) -> Captured:
    return capture(Call(function), torch.zeros(4, 4))


def layers(function: Callable[..., torch.Tensor]) -> list[str]:
    return [op.layer for op in captured(function).ops]


def test_operations_on_parameters_and_constants_are_left_out():
    assert layers(lambda net, x: net.a(net.state + 1) + torch.ones(4) @ net.a.weight) == []
    assert layers(lambda net, x: net.a(net.state) + x) == ["add"]


def test_what_only_takes_the_inputs_shape_does_not_depend_on_it():
    assert layers(lambda net, x: net.a(torch.zeros_like(x)) + net.b(x.new_ones(4, 4))) == []


def test_a_buffer_that_the_input_was_written_to_depends_on_it():
    def remember(net: Call, x: torch.Tensor) -> torch.Tensor:
        net.state.mul_(0.9).add_(x)
        return net.a(net.state)

    found = captured(remember)
    assert [op.layer for op in found.ops] == ["add", "a"]
    assert found.by_layer["a"].inputs == ("add",)


def test_a_write_through_one_view_is_seen_by_another():
    def fill(net: Call, x: torch.Tensor) -> torch.Tensor:
        table = torch.zeros(2, 4, 4)
        lower, flat = table[0], table.view(-1)
        lower.copy_(net.a(x))
        return net.b(flat[:4])

    found = captured(fill)
    assert "copy" in found.by_layer["slice"].inputs
    assert found.by_layer["b"].operands[0].from_input


def test_split_and_unbind_are_followed_to_their_parts():
    def halves(net: Call, x: torch.Tensor) -> torch.Tensor:
        left, right = net.a(x).chunk(2, -1)
        return left * right

    found = captured(halves)
    assert found.by_layer["chunk"].output_shapes == ((4, 2), (4, 2))
    assert found.by_layer["mul"].inputs == ("chunk",)


def test_graphs_inside_no_grad_autocast_and_checkpoint_are_walked():
    def nested(net: Call, x: torch.Tensor) -> torch.Tensor:
        with torch.enable_grad():
            y = net.a(x)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            y = net.b(y)
        return torch.utils.checkpoint.checkpoint(net.a, y.float(), use_reentrant=False)

    found = captured(nested)
    assert [op.layer for op in found.ops if op.op == "aten.linear"] == ["a", "b", "a#2"]
    assert found.by_layer["b"].inputs == ("a",)
    assert found.outputs == ("a#2",)


def test_control_flow_stays_one_operation():
    found = captured(lambda net, x: torch.cond(x.sum() > 0, net.a, net.b, (x,)))
    conditional = found.by_layer["cond"]
    assert conditional.op == "higher_order.cond"
    assert "gt" in conditional.inputs


def test_sizes_that_depend_on_values_are_marked():
    found = captured(lambda net, x: net.a(x[x[:, 0] > 0]))
    assert found.by_layer["a"].operands[0].shape == (UNKNOWN_SIZE, 4)


def test_expanded_dimensions_are_marked():
    found = captured(lambda net, x: torch.bmm(x.expand(3, 4, 4), net.a.weight.expand(3, 4, 4)))
    assert [operand.expanded for operand in found.by_layer["a"].operands] == [(0,), (0,)]


def test_several_inputs_and_outputs():
    class Two(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.left, self.right = nn.Linear(4, 4), nn.Linear(4, 4)

        def forward(self, x: torch.Tensor, y: torch.Tensor) -> dict[str, torch.Tensor]:
            return {"left": self.left(x), "right": self.right(y)}

    assert capture(Two(), {"y": torch.zeros(1, 4), "x": torch.zeros(1, 4)}).outputs == ("left", "right")

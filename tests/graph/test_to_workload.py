"""Counted layers against hand-computed oracles and against torch's FlopCounterMode."""

import warnings
from collections.abc import Iterator
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from netchip.errors import GraphError, NetchipWarning
from netchip.graph.to_workload import to_workload
from netchip.models.build import build, example_input
from netchip.models.spec import ModelSpec
from netchip.workload.encoding import Precision
from netchip.workload.shape import LayerShape


def counted_by_torch(model: nn.Module, example: Any) -> int:
    """FlopCounterMode / 2 in eval mode, attention under the MATH backend and fused fast paths off (they count 0)."""
    fast = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    modes = [(module, module.training) for module in model.modules()]
    try:
        with torch.no_grad(), sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter:
            model.eval()
            args = example if isinstance(example, tuple) else () if isinstance(example, dict) else (example,)
            model(*args, **(example if isinstance(example, dict) else {}))
    finally:
        torch.backends.mha.set_fastpath_enabled(fast)
        for module, training in modes:
            module.training = training
    return counter.get_total_flops() // 2


class Call(nn.Module):
    """A function as a model, with its tensors as parameters w0, w1, ..."""

    def __init__(self, function: Any, *weights: torch.Tensor) -> None:
        super().__init__()
        self.function = function
        for index, weight in enumerate(weights):
            self.register_parameter(f"w{index}", nn.Parameter(weight))

    def forward(self, *inputs: torch.Tensor) -> torch.Tensor:
        return self.function(*inputs, *self.parameters())


def only(model: nn.Module, example: Any) -> LayerShape:
    [layer] = to_workload(model, example).layers
    return layer.shape


# Hand-computed oracles ----------------------------------------------------------------------------------------------


def test_convolution():
    shape = only(nn.Conv2d(3, 8, 3, stride=2, padding=1), torch.zeros(2, 3, 9, 7))
    assert (shape.out_height, shape.out_width) == (5, 4)
    assert shape.macs == 2 * 8 * 3 * 9 * 5 * 4
    assert shape.weights == 8 * 3 * 9
    assert (shape.batch, shape.groups, shape.out_channels, shape.in_channels) == (2, 1, 8, 3)
    assert (shape.stride, shape.padding, shape.kind) == ((2, 2), (1, 1), "conv")


def test_grouped_and_depthwise_convolution_hold_channels_per_group():
    grouped = only(nn.Conv2d(4, 6, 3, groups=2), torch.zeros(1, 4, 5, 5))
    assert (grouped.groups, grouped.out_channels, grouped.in_channels) == (2, 3, 2)
    assert grouped.macs == 6 * 2 * 9 * 9
    depthwise = only(nn.Conv2d(4, 4, 3, padding=1, groups=4), torch.zeros(1, 4, 5, 5))
    assert (depthwise.groups, depthwise.out_channels, depthwise.in_channels) == (4, 1, 1)
    assert depthwise.macs == 4 * 9 * 25


def test_dilated_convolution_and_one_dimension():
    dilated = only(nn.Conv2d(1, 1, 3, dilation=2), torch.zeros(1, 1, 7, 7))
    assert dilated.macs == 9 * 3 * 3
    line = only(nn.Conv1d(2, 3, 5, padding=2, dilation=1), torch.zeros(4, 2, 10))
    assert line.macs == 4 * 3 * 2 * 5 * 10
    assert (line.kernel_height, line.kernel_width, line.in_height, line.in_width) == (1, 5, 1, 10)


def test_transposed_convolution_counts_input_positions():
    shape = only(nn.ConvTranspose2d(4, 6, 3, stride=2, output_padding=1, groups=2), torch.zeros(1, 4, 5, 6))
    assert shape.transposed
    assert (shape.out_height, shape.out_width) == (12, 14)
    assert shape.macs == 5 * 6 * 4 * 3 * 9
    assert shape.weights == 4 * 3 * 9
    line = only(nn.ConvTranspose1d(4, 6, 4, stride=2), torch.zeros(2, 4, 5))
    assert line.macs == 2 * 5 * 4 * 6 * 4
    assert line.out_width == 12


@pytest.mark.parametrize("kernel", [3, 4])
def test_same_padding_keeps_the_size_for_even_kernels_too(kernel: int):
    shape = only(nn.Conv2d(2, 2, kernel, padding="same"), torch.zeros(1, 2, 6, 6))
    assert (shape.out_height, shape.out_width) == (6, 6)
    assert shape.macs == 36 * 4 * kernel**2
    assert only(nn.Conv2d(2, 2, kernel, padding="valid"), torch.zeros(1, 2, 6, 6)).out_height == 7 - kernel


def test_unbatched_convolution_has_batch_one():
    assert only(nn.Conv2d(2, 3, 3), torch.zeros(2, 5, 5)).macs == 3 * 2 * 9 * 9


def test_linear_with_and_without_positions():
    plain = only(nn.Linear(5, 7), torch.zeros(3, 5))
    assert plain.macs == 3 * 5 * 7
    assert (plain.batch, plain.out_height * plain.out_width) == (3, 1)
    along = only(nn.Linear(5, 7), torch.zeros(3, 4, 5))
    assert along.macs == 3 * 4 * 5 * 7
    assert (along.batch, along.out_height * along.out_width, along.weights) == (3, 4, 35)
    assert only(nn.Linear(5, 7), torch.zeros(5)).macs == 35


def test_product_of_two_activations_is_a_matmul_layer():
    shape = only(Call(torch.matmul), (torch.zeros(2, 3, 4, 5), torch.zeros(2, 3, 5, 6)))
    assert shape.kind == "matmul"
    assert shape.macs == 2 * 3 * 4 * 5 * 6
    assert shape.groups == 6


def test_product_with_a_parameter_is_a_linear_layer():
    right = only(Call(torch.matmul, torch.zeros(5, 6)), torch.zeros(2, 4, 5))
    assert (right.kind, right.batch, right.weights, right.macs) == ("conv", 2, 30, 2 * 4 * 30)
    left = only(Call(lambda x, w: w @ x, torch.zeros(6, 5)), torch.zeros(5, 4))
    assert (left.kind, left.weights, left.macs) == ("conv", 30, 4 * 30)
    per_head = only(Call(torch.matmul, torch.zeros(3, 5, 6)), torch.zeros(2, 3, 4, 5))
    assert (per_head.groups, per_head.weights, per_head.macs) == (3, 90, 2 * 3 * 4 * 30)


def test_an_expanded_weight_is_stored_once():
    model = Call(lambda x, w: torch.bmm(x, w.expand(4, 5, 6)), torch.zeros(1, 5, 6))
    shape = only(model, torch.zeros(4, 3, 5))
    assert (shape.weights, shape.macs) == (30, 4 * 3 * 30)


def test_attention_is_two_matmul_layers():
    q, k, v = torch.zeros(2, 3, 4, 8), torch.zeros(2, 3, 5, 8), torch.zeros(2, 3, 5, 6)
    workload = to_workload(Call(F.scaled_dot_product_attention), (q, k, v))
    assert [layer.name.rsplit(".", 1)[1] for layer in workload.layers] == ["scores", "values"]
    assert [layer.shape.macs for layer in workload.layers] == [6 * 4 * 5 * 8, 6 * 4 * 5 * 6]
    assert all(layer.shape.kind == "matmul" for layer in workload.layers)


def test_grouped_query_attention_reads_each_key_head_once():
    def attend(q: torch.Tensor, k: torch.Tensor, v: torch.Tensor) -> torch.Tensor:
        return F.scaled_dot_product_attention(q, k, v, enable_gqa=True)

    scores, values = to_workload(Call(attend), (torch.zeros(2, 6, 4, 8), *[torch.zeros(2, 3, 5, 8)] * 2)).layers
    assert scores.shape.macs == values.shape.macs == 2 * 6 * 4 * 5 * 8
    assert scores.shape.groups == 6


@pytest.mark.parametrize("need_weights", [True, False])
def test_multihead_attention(need_weights: bool):
    class Attention(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.attn = nn.MultiheadAttention(8, 2, batch_first=True)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.attn(x, x, x, need_weights=need_weights)[0]

    workload = to_workload(Attention(), torch.zeros(3, 5, 8))
    macs = {layer.name: layer.shape.macs for layer in workload.layers}
    products = [count for name, count in macs.items() if name not in ("attn.in_proj", "attn.out_proj")]
    assert macs["attn.in_proj"] == 15 * 8 * 24
    assert macs["attn.out_proj"] == 15 * 8 * 8
    assert products == [3 * 2 * 5 * 5 * 4] * 2


def test_precision_goes_to_every_layer():
    precision = Precision(weight_bits=4, input_bits=6)
    workload = to_workload(nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 4)), torch.zeros(1, 4), precision)
    assert [layer.precision for layer in workload.layers] == [precision] * 2


# Edges --------------------------------------------------------------------------------------------------------------


class Residual(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.a, self.b, self.c = (nn.Conv2d(4, 4, 3, padding=1) for _ in range(3))
        self.norm = nn.BatchNorm2d(4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        first = F.relu(self.norm(self.a(x)), inplace=True)
        second = self.b(first)
        second += first
        return self.c(second)


def test_edges_pass_through_what_is_not_counted_in_place_or_not():
    assert set(to_workload(Residual(), torch.zeros(1, 4, 5, 5)).edges) == {("a", "b"), ("a", "c"), ("b", "c")}


def test_edges_see_what_was_written_through_a_view():
    class Written(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.a, self.b, self.c = nn.Linear(4, 4), nn.Linear(4, 4), nn.Linear(4, 4)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            table = torch.zeros(2, x.shape[0], 4)
            table[0] = self.a(x)
            table[1] = self.b(x)
            return self.c(table)

    workload = to_workload(Written(), torch.zeros(3, 4))
    assert set(workload.edges) == {("a", "c"), ("b", "c")}
    assert workload.layers[-1].shape.macs == 2 * 3 * 16


def test_edges_inside_attention():
    class Attention(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.q, self.k, self.v, self.out = (nn.Linear(8, 8) for _ in range(4))

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            q, k, v = (layer(x).unflatten(-1, (2, 4)).transpose(1, 2) for layer in (self.q, self.k, self.v))
            return self.out(F.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2))

    scores, values = "scaled_dot_product_attention.scores", "scaled_dot_product_attention.values"
    expected = {("q", scores), ("k", scores), ("scores", "values"), ("v", values), (values, "out")}
    expected = (expected - {("scores", "values")}) | {(scores, values)}
    assert set(to_workload(Attention(), torch.zeros(1, 5, 8)).edges) == expected


# What is not counted ------------------------------------------------------------------------------------------------


class WithLSTM(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embed, self.lstm, self.head = nn.Linear(4, 8), nn.LSTM(8, 8, batch_first=True), nn.Linear(8, 2)
        self.cube = nn.Conv3d(1, 1, 3, padding=1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y, _ = self.lstm(self.embed(x))
        return self.head(self.cube(y[:, None, :, None])[:, 0, -1, 0])


def test_unknown_operations_are_named_in_one_warning_and_listed():
    with pytest.warns(NetchipWarning) as caught:
        workload = to_workload(WithLSTM(), torch.zeros(2, 3, 4))
    assert len([each for each in caught if each.category is NetchipWarning]) == 1
    assert "lstm (aten.lstm), cube (aten.conv3d)" in str(caught[0].message)
    assert caught[0].filename == __file__
    assert workload.uncounted == ("lstm (aten.lstm)", "cube (aten.conv3d)")
    assert [layer.name for layer in workload.layers] == ["embed", "head"]
    assert workload.edges == (("embed", "head"),)


def test_strict_refuses_them():
    with pytest.raises(GraphError, match=r"lstm \(aten.lstm\), cube \(aten.conv3d\); replace them"):
        to_workload(WithLSTM(), torch.zeros(2, 3, 4), strict=True)


@torch.library.custom_op("netchip_test::twice", mutates_args=())
def twice(x: torch.Tensor) -> torch.Tensor:
    return x * 2


@twice.register_fake
def _(x: torch.Tensor) -> torch.Tensor:
    return torch.empty_like(x)


@pytest.mark.parametrize(
    ("function", "example", "name"),
    [
        (lambda x: twice(x), torch.zeros(2, 4), "twice (netchip_test.twice)"),
        (torch.fft.fft, torch.zeros(2, 4), "fft_fft (aten.fft_fft)"),
        (torch.cdist, (torch.zeros(2, 4), torch.zeros(3, 4)), "cdist (aten.cdist)"),
        (torch.linalg.inv, torch.eye(4)[None], "linalg_inv (aten.linalg_inv)"),
    ],
)
def test_custom_operators_transforms_and_solvers_are_unknown(function: Any, example: Any, name: str):
    with pytest.warns(NetchipWarning, match="not counted"):
        assert to_workload(Call(function), example).uncounted == (name,)


def test_control_flow_with_layers_in_it_is_not_dropped():
    class Branch(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.a, self.b = nn.Linear(4, 4), nn.Linear(4, 4)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return torch.cond(x.sum() > 0, self.a, self.b, (x,))

    with pytest.warns(NetchipWarning, match="cond"):
        assert to_workload(Branch(), torch.zeros(1, 4)).uncounted == ("cond (higher_order.cond)",)


def test_a_size_that_depends_on_values_is_not_counted():
    class Routed(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.a, self.b = nn.Linear(4, 4), nn.Linear(4, 4)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            y = self.a(x)
            return self.b(y[y[:, 0] > 0])

    with pytest.warns(NetchipWarning, match=r"b \(aten.linear, of a size that depends on the input's values\)"):
        workload = to_workload(Routed(), torch.zeros(3, 4))
    assert [layer.name for layer in workload.layers] == ["a"]


# Against FlopCounterMode --------------------------------------------------------------------------------------------


@st.composite
def convolutions(draw: st.DrawFn) -> tuple[nn.Module, torch.Tensor]:
    spatial, transposed = draw(st.sampled_from([1, 2])), draw(st.booleans())
    groups, size = draw(st.integers(1, 3)), draw(st.tuples(*[st.integers(7, 12)] * spatial))
    kernel = draw(st.tuples(*[st.integers(1, 4)] * spatial))
    stride, dilation = draw(st.integers(1, 3)), draw(st.integers(1, 2))
    same = not transposed and stride == 1 and draw(st.booleans())
    padding: Any = "same" if same else draw(st.tuples(*[st.integers(0, 1)] * spatial))
    channels = (groups * draw(st.integers(1, 3)), groups * draw(st.integers(1, 3)))
    settings = {
        "stride": stride,
        "padding": padding,
        "dilation": dilation,
        "groups": groups,
        "bias": draw(st.booleans()),
    }
    if transposed:
        settings["output_padding"] = draw(st.integers(0, max(stride, dilation) - 1))
    kinds = {(1, False): nn.Conv1d, (2, False): nn.Conv2d, (1, True): nn.ConvTranspose1d, (2, True): nn.ConvTranspose2d}
    layer = kinds[spatial, transposed](*channels, kernel, **settings)
    return layer, torch.zeros(draw(st.integers(1, 3)), channels[0], *size)


@given(convolutions())
@settings(max_examples=30, deadline=None)
def test_any_convolution_agrees_with_torch(drawn: tuple[nn.Module, torch.Tensor]):
    model, example = drawn
    shape = only(model, example)
    output = model(example)
    assert shape.macs == counted_by_torch(model, example)
    assert shape.weights == model.weight.numel()
    assert (shape.out_height, shape.out_width) == (1, *output.shape[2:])[-2:]


@st.composite
def contractions(draw: st.DrawFn) -> tuple[str, list[torch.Tensor]]:
    sizes = {label: draw(st.integers(1, 4)) for label in "abcdef"}
    terms = [
        draw(st.lists(st.sampled_from("abcdef"), min_size=1, max_size=4, unique=True))
        for _ in range(draw(st.integers(1, 4)))
    ]
    labels = sorted({label for term in terms for label in term})
    output = draw(st.lists(st.sampled_from(labels), max_size=4, unique=True))
    equation = ",".join("".join(term) for term in terms) + "->" + "".join(output)
    return equation, [torch.zeros([sizes[label] for label in term]) for term in terms]


@given(contractions())
@settings(max_examples=20, deadline=None)
def test_any_einsum_agrees_with_torch(drawn: tuple[str, list[torch.Tensor]]):
    equation, tensors = drawn
    model = Call(lambda *given: torch.einsum(equation, *given))
    assert to_workload(model, tuple(tensors)).macs == counted_by_torch(model, tuple(tensors))


class ViTBlock(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.patch, self.position = nn.Conv2d(3, 16, 4, 4), nn.Parameter(torch.zeros(1, 16, 16))
        self.norm1, self.norm2 = nn.LayerNorm(16), nn.LayerNorm(16)
        self.qkv, self.proj = nn.Linear(16, 48), nn.Linear(16, 16)
        self.mlp = nn.Sequential(nn.Linear(16, 32), nn.GELU(), nn.Linear(32, 16))

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        x = self.patch(image).flatten(2).transpose(1, 2) + self.position
        q, k, v = self.qkv(self.norm1(x)).reshape(x.shape[0], -1, 3, 2, 8).permute(2, 0, 3, 1, 4)
        x = x + self.proj(F.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2))
        return (x + self.mlp(self.norm2(x))).mean(1)


class ConvNeXtBlock(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.depthwise, self.norm = nn.Conv2d(8, 8, 7, padding=3, groups=8), nn.LayerNorm(8)
        self.grow, self.shrink, self.gamma = nn.Linear(8, 32), nn.Linear(32, 8), nn.Parameter(torch.ones(8))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.norm(self.depthwise(x).permute(0, 2, 3, 1))
        return x + (self.gamma * self.shrink(F.gelu(self.grow(y)))).permute(0, 3, 1, 2)


class TiedLanguageModel(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embed, self.body, self.head = nn.Embedding(11, 8), nn.Linear(8, 8), nn.Linear(8, 11, bias=False)
        self.head.weight = self.embed.weight

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        return self.head(self.body(self.embed(tokens)))


class SqueezeExcite(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv, self.down, self.up = nn.Conv2d(3, 8, 3), nn.Conv2d(8, 2, 1), nn.Conv2d(2, 8, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = F.hardswish(self.conv(x))
        return x * torch.sigmoid(self.up(F.relu(self.down(F.adaptive_avg_pool2d(x, 1)))))


class CrossAttention(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.attn = nn.MultiheadAttention(8, 2, kdim=6, vdim=4, batch_first=True)

    def forward(self, x: torch.Tensor, memory: torch.Tensor, values: torch.Tensor) -> torch.Tensor:
        return self.attn(x, memory, values)[0]


class Checkpointed(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.a, self.b, self.c = nn.Linear(4, 4), nn.Linear(4, 4), nn.Linear(4, 4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        with torch.no_grad():
            y = self.a(x)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            y = self.b(y)
        return torch.utils.checkpoint.checkpoint(self.c, y.float(), use_reentrant=False)


def generator() -> nn.Module:
    return nn.Sequential(
        nn.ConvTranspose2d(8, 16, 4, bias=False), nn.BatchNorm2d(16), nn.ReLU(True),
        nn.ConvTranspose2d(16, 8, 4, 2, 1, bias=False), nn.BatchNorm2d(8), nn.ReLU(True),
        nn.Upsample(scale_factor=2), nn.Conv2d(8, 3, 3, padding=1, padding_mode="reflect"), nn.Tanh(),
    )  # fmt: skip


AWKWARD = {
    "transformer encoder layer": (lambda: nn.TransformerEncoderLayer(8, 2, 16, batch_first=True), torch.zeros(2, 5, 8)),
    "transformer decoder": (lambda: nn.TransformerDecoderLayer(8, 2, 16), (torch.zeros(5, 2, 8), torch.zeros(3, 2, 8))),
    "transformer encoder": (
        lambda: nn.TransformerEncoder(nn.TransformerEncoderLayer(8, 2, 16, batch_first=True), 2), torch.zeros(2, 5, 8),
    ),
    "vit block": (ViTBlock, torch.zeros(2, 3, 16, 16)),
    "convnext block": (ConvNeXtBlock, torch.zeros(2, 8, 9, 9)),
    "generator": (generator, torch.zeros(2, 8, 1, 1)),
    "tied language model": (TiedLanguageModel, torch.zeros(2, 5, dtype=torch.long)),
    "squeeze and excite": (SqueezeExcite, torch.zeros(2, 3, 8, 8)),
    "cross attention": (CrossAttention, (torch.zeros(2, 5, 8), torch.zeros(2, 7, 6), torch.zeros(2, 7, 4))),
    "autocast, no_grad, checkpoint": (Checkpointed, torch.zeros(3, 4)),
    "weight norm": (lambda: nn.utils.parametrizations.weight_norm(nn.Linear(4, 3)), torch.zeros(2, 4)),
    "spectral norm": (lambda: nn.utils.parametrizations.spectral_norm(nn.Conv2d(4, 3, 3)), torch.zeros(2, 4, 5, 5)),
    "addmm": (lambda: Call(lambda x, b, w: torch.addmm(b, x, w), torch.zeros(6), torch.zeros(5, 6)), torch.zeros(2, 5)),
    "baddbmm": (lambda: Call(torch.baddbmm), (torch.zeros(2, 3, 5), torch.zeros(2, 3, 4), torch.zeros(2, 4, 5))),
    "tensordot": (lambda: Call(lambda a, b: torch.tensordot(a, b, 2)), (torch.zeros(3, 4, 5), torch.zeros(4, 5, 6))),
    "inner": (lambda: Call(torch.inner), (torch.zeros(3, 4), torch.zeros(5, 4))),
    "dynamic linear": (lambda: Call(F.linear), (torch.zeros(2, 3, 4), torch.zeros(5, 4))),
    "dynamic convolution": (lambda: Call(F.conv2d), (torch.zeros(2, 3, 6, 6), torch.zeros(5, 3, 3, 3))),
    "broadcast products": (lambda: Call(torch.matmul), (torch.zeros(2, 1, 3, 4), torch.zeros(5, 4, 6))),
    "einsum with ellipsis": (
        lambda: Call(lambda x, y: torch.einsum("...qd,...kd->...qk", x, y)),
        (torch.zeros(2, 3, 4, 5), torch.zeros(3, 6, 5)),
    ),
    "einsum of heads": (
        lambda: Call(lambda x, w: torch.einsum("btd,dhk->bthk", x, w), torch.zeros(8, 2, 4)), torch.zeros(3, 5, 8),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", AWKWARD)
def test_awkward_networks_agree_with_torch(name: str):
    build, example = AWKWARD[name]
    model = build()
    workload = to_workload(model, example, strict=True)
    assert workload.macs == counted_by_torch(model, example) > 0
    assert len({layer.name for layer in workload.layers}) == len(workload.layers)


def test_operations_on_parameters_alone_are_left_out():
    class Hyper(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.seed, self.make = nn.Parameter(torch.zeros(6, 4)), nn.Linear(4, 5)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return F.linear(x, self.make(self.seed)) + self.make(x.new_zeros(1, 4)).sum()

    [layer] = to_workload(Hyper(), torch.zeros(2, 5)).layers
    assert layer.shape.macs == 2 * 5 * 6


@pytest.fixture
def quiet() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


@pytest.mark.usefixtures("quiet")
def test_nothing_is_warned_about_when_all_is_known():
    to_workload(generator(), torch.zeros(1, 8, 1, 1), strict=True)


ZOO = (
    *("vgg16_bn", "vgg19_bn", "resnet18", "resnet50", "mobilenet_v2"),
    *("resnet8", "resnet20", "resnet32", "resnet44", "resnet56", "resnet110"),
    *("preresnet29", "preresnet101", "preresnet164"),
)


@pytest.mark.parametrize("name", ZOO)
def test_the_zoo_agrees_with_torch(name: str):
    spec = ModelSpec(name=name, image_size=32)
    model, example = build(spec), example_input(spec, batch=2)
    workload = to_workload(model, example, strict=True)
    assert workload.macs == counted_by_torch(model, example)
    modules = dict(model.named_modules())
    assert all(isinstance(modules[layer.name], (nn.Conv2d, nn.Linear)) for layer in workload.layers)
    assert workload.weight_count == sum(modules[layer.name].weight.numel() for layer in workload.layers)

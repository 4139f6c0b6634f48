"""Small networks, one for each way channels can be coupled; `network(name)` gives one with its example input."""

import copy
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from netchip.models.build import build, example_input
from netchip.models.spec import ModelSpec


def conv_bn(i, o, k=3, stride=1, groups=1, act=nn.ReLU):
    return nn.Sequential(nn.Conv2d(i, o, k, stride, k // 2, groups=groups, bias=False), nn.BatchNorm2d(o), act())


class DenseNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 3, padding=1)
        self.layers = nn.ModuleList(
            [
                nn.Sequential(nn.BatchNorm2d(8 + 4 * i), nn.ReLU(), nn.Conv2d(8 + 4 * i, 4, 3, padding=1))
                for i in range(3)
            ]
        )
        self.transition = nn.Sequential(nn.BatchNorm2d(20), nn.ReLU(), nn.Conv2d(20, 10, 1), nn.AvgPool2d(2))
        self.fc = nn.Linear(10 * 16, 5)

    def forward(self, x):
        x = self.stem(x)
        for layer in self.layers:
            x = torch.cat([x, layer(x)], 1)
        return self.fc(self.transition(x).flatten(1))


class ResNeXt(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = conv_bn(3, 16)
        self.a = conv_bn(16, 12)
        self.b = nn.Sequential(nn.Conv2d(12, 12, 3, padding=1, groups=3), nn.BatchNorm2d(12), nn.ReLU())
        self.c = nn.Sequential(nn.Conv2d(12, 16, 1), nn.BatchNorm2d(16))
        self.fc = nn.Linear(16, 5)

    def forward(self, x):
        x = self.stem(x)
        return self.fc(F.relu(x + self.c(self.b(self.a(x)))).mean((2, 3)))


class SE(nn.Module):
    def __init__(self, c, r):
        super().__init__()
        self.down = nn.Conv2d(c, r, 1)
        self.up = nn.Conv2d(r, c, 1)

    def forward(self, x):
        return x * torch.sigmoid(self.up(F.silu(self.down(x.mean((2, 3), keepdim=True)))))


class EfficientNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = conv_bn(3, 8, act=nn.Hardswish)
        self.expand = conv_bn(8, 24, 1, act=nn.SiLU)
        self.dw = conv_bn(24, 24, 5, 2, 24, act=nn.SiLU)
        self.se = SE(24, 6)
        self.project = nn.Sequential(nn.Conv2d(24, 8, 1), nn.BatchNorm2d(8))
        self.head = nn.Linear(8, 5)
        self.short = nn.AvgPool2d(2)

    def forward(self, x):
        x = self.stem(x)
        return self.head(
            F.adaptive_avg_pool2d(self.short(x) + self.project(self.se(self.dw(self.expand(x)))), 1).flatten(1)
        )


class Multiplier(nn.Module):
    def __init__(self):
        super().__init__()
        self.a = nn.Conv2d(3, 6, 3)
        self.dw = nn.Conv2d(6, 12, 3, groups=6)
        self.bn = nn.BatchNorm2d(12)
        self.b = nn.Conv2d(12, 4, 1)
        self.up = nn.ConvTranspose2d(4, 8, 2, 2, groups=4)
        self.fc = nn.Conv2d(8, 2, 1)

    def forward(self, x):
        return self.fc(self.up(self.b(torch.sigmoid(self.bn(self.dw(self.a(x)))))))


class Attention(nn.Module):
    def __init__(self, d, h):
        super().__init__()
        self.h, self.hd = h, d // h
        self.qkv = nn.Linear(d, 3 * d)
        self.proj = nn.Linear(d, d)

    def forward(self, x):
        B, N, C = x.shape
        q, k, v = self.qkv(x).reshape(B, N, 3, self.h, self.hd).permute(2, 0, 3, 1, 4).unbind(0)
        return self.proj(F.scaled_dot_product_attention(q, k, v).transpose(1, 2).reshape(B, N, C))


class ViT(nn.Module):
    def __init__(self, d=12):
        super().__init__()
        self.patch = nn.Conv2d(3, d, 4, 4)
        self.cls = nn.Parameter(torch.randn(1, 1, d))
        self.pos = nn.Parameter(torch.randn(1, 5, d))
        self.n1 = nn.LayerNorm(d)
        self.attn = Attention(d, 3)
        self.n2 = nn.LayerNorm(d)
        self.mlp = nn.Sequential(nn.Linear(d, 20), nn.GELU(), nn.Linear(20, d))
        self.norm = nn.LayerNorm(d)
        self.head = nn.Linear(d, 5)

    def forward(self, x):
        x = self.patch(x).flatten(2).transpose(1, 2)
        x = torch.cat([self.cls.expand(x.shape[0], -1, -1), x], 1) + self.pos
        x = x + self.attn(self.n1(x))
        x = x + self.mlp(self.n2(x))
        return self.head(self.norm(x)[:, 0])


class ConvNeXt(nn.Module):
    def __init__(self, d=8):
        super().__init__()
        self.stem = nn.Conv2d(3, d, 2, 2)
        self.dw = nn.Conv2d(d, d, 3, padding=1, groups=d)
        self.norm = nn.LayerNorm(d)
        self.up = nn.Linear(d, 4 * d)
        self.down = nn.Linear(4 * d, d)
        self.gamma = nn.Parameter(torch.full((d,), 1e-6))
        self.head = nn.Linear(d, 5)

    def forward(self, x):
        x = self.stem(x)
        y = self.norm(self.dw(x).permute(0, 2, 3, 1))
        return self.head((x + (self.gamma * self.down(F.gelu(self.up(y)))).permute(0, 3, 1, 2)).mean((2, 3)))


class Scaled(nn.Module):
    """LayerScale without a norm: exact"""

    def __init__(self):
        super().__init__()
        self.a = nn.Conv2d(3, 8, 3, padding=1)
        self.b = nn.Conv2d(8, 8, 3, padding=1)
        self.gamma = nn.Parameter(torch.full((8, 1, 1), 1e-6))
        self.h = nn.Conv2d(8, 3, 1)

    def forward(self, x):
        x = F.relu(self.a(x))
        return self.h(torch.tanh(x + self.gamma * self.b(x)))


class GroupNormNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.a = nn.Conv2d(3, 12, 3)
        self.n = nn.GroupNorm(4, 12)
        self.b = nn.Conv2d(12, 8, 3)
        self.m = nn.GroupNorm(1, 8)
        self.h = nn.Conv2d(8, 5, 1)

    def forward(self, x):
        return self.h(F.relu(self.m(self.b(F.relu(self.n(self.a(x)))))))


class UNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.e1 = conv_bn(3, 6)
        self.e2 = conv_bn(6, 12, stride=2)
        self.up = nn.ConvTranspose2d(12, 6, 2, 2)
        self.un = nn.BatchNorm2d(6)
        self.d = conv_bn(12 + 3, 7)
        self.out = nn.Conv2d(7, 2, 1)

    def forward(self, x):
        a = self.e1(x)
        return self.out(self.d(torch.cat([F.silu(self.un(self.up(self.e2(a)))), x, a], 1)))


class GLU(nn.Module):
    def __init__(self):
        super().__init__()
        self.a = nn.Conv2d(3, 12, 3)
        self.n = nn.BatchNorm2d(12)
        self.b = nn.Conv2d(6, 5, 1)
        self.l = nn.Linear(5, 16)
        self.m = nn.Linear(8, 4)
        self.o = nn.Linear(4, 3)

    def forward(self, x):
        u, v = self.n(self.a(x)).chunk(2, 1)
        x = self.b(u * torch.sigmoid(v)).mean((2, 3))
        return self.o(F.relu(self.m(F.glu(self.l(x), -1))))


class Split(nn.Module):
    def __init__(self):
        super().__init__()
        self.a = nn.Conv2d(3, 12, 3, padding=1)
        self.b = nn.Conv2d(4, 6, 1)
        self.c = nn.Conv2d(8, 6, 1)
        self.h = nn.Conv2d(6, 2, 1)

    def forward(self, x):
        y = F.relu(self.a(x))
        u, v = y[:, :4], y[:, 4:]
        return self.h(self.b(u) + self.c(v))


class Shuffle(nn.Module):
    def __init__(self, hard=False):
        super().__init__()
        self.a = conv_bn(3, 12)
        self.b = conv_bn(12, 12, groups=3)
        self.c = nn.Conv2d(12, 4, 1)
        self.hard = hard
        self.bn = nn.BatchNorm2d(12)
        self.h = nn.Conv2d(4, 2, 1)

    def forward(self, x):
        x = self.b(self.a(x))
        B, C, H, W = x.shape
        n = 4 if self.hard else C // 3
        x = x.view(B, 3, n, H, W).transpose(1, 2).reshape(B, C, H, W)
        return self.h(self.c(self.bn(x)))


class ShuffleModule(nn.Module):
    def __init__(self):
        super().__init__()
        self.a = conv_bn(3, 12)
        self.sh = nn.ChannelShuffle(3)
        self.b = nn.Conv2d(12, 6, 1)
        self.c = nn.Conv2d(6, 2, 1)

    def forward(self, x):
        return self.c(self.b(self.sh(self.a(x))))


class Shared(nn.Module):
    def __init__(self):
        super().__init__()
        self.a = nn.Conv2d(3, 8, 3, padding=1)
        self.loop = conv_bn(8, 8)
        self.alias = self.loop
        self.h1 = nn.Conv2d(8, 4, 1)
        self.h2 = nn.Linear(4, 2)

    def forward(self, x):
        return self.h2(self.h1(self.alias(self.loop(F.relu(self.a(x))))).amax((2, 3)))


class Tied(nn.Module):
    def __init__(self):
        super().__init__()
        self.e = nn.Embedding(11, 6)
        self.l = nn.Linear(6, 6)
        self.d = nn.Linear(6, 11)
        self.d.weight = self.e.weight

    def forward(self, t):
        return self.d(torch.tanh(self.l(self.e(t))))


class TiedConv(nn.Module):
    def __init__(self):
        super().__init__()
        self.a = nn.Conv2d(3, 6, 3)
        self.b = nn.Conv2d(6, 6, 1)
        self.c = nn.Conv2d(6, 6, 1)
        self.h = nn.Conv2d(6, 2, 1)
        self.c.weight = self.b.weight

    def forward(self, x):
        x = F.relu(self.a(x))
        return self.h(F.relu(self.c(F.relu(self.b(x)))))


class TwoInputs(nn.Module):
    def __init__(self):
        super().__init__()
        self.a = nn.Conv2d(3, 6, 3)
        self.b = nn.Conv2d(2, 6, 3)
        self.h = nn.Conv2d(6, 3, 1)

    def forward(self, x, y):
        z = self.a(x) + self.b(y)
        return {"out": self.h(F.relu(z)), "aux": (z.mean(1),)}


class TwoInputs2(TwoInputs):
    def forward(self, x, y):
        z = self.a(x) * self.b(y)
        return {"out": self.h(F.relu(z)), "n": 3}


class Padded(nn.Module):
    def __init__(self):
        super().__init__()
        self.a = nn.Conv2d(3, 4, 3, padding=1)
        self.b = nn.Conv2d(4, 10, 3, 2, 1)
        self.c = nn.Conv2d(10, 10, 3, padding=1)
        self.fc = nn.Linear(10, 3)

    def forward(self, x):
        x = F.relu(self.a(x))
        x = F.relu(self.b(x) + F.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, 3, 3)))
        return self.fc((x + self.c(x)).mean((2, 3)))


class Gate(nn.Module):
    """spatial attention: one-channel gate
    mean over channels elsewhere"""

    def __init__(self):
        super().__init__()
        self.a = nn.Conv2d(3, 6, 3)
        self.g = nn.Conv2d(6, 1, 1)
        self.b = nn.Conv2d(6, 5, 1)
        self.h = nn.Conv2d(5, 2, 1)

    def forward(self, x):
        x = F.relu(self.a(x))
        return self.h(self.b(x * torch.sigmoid(self.g(x))))


class OverChannels(nn.Module):
    def __init__(self):
        super().__init__()
        self.a = nn.Conv2d(3, 6, 3)
        self.b = nn.Conv2d(6, 5, 1)
        self.c = nn.Conv2d(5, 4, 1)
        self.h = nn.Conv2d(4, 2, 1)

    def forward(self, x):
        x = self.b(self.a(x).softmax(1))
        x = self.c(F.normalize(x, dim=1))
        return self.h(x)


class MHA(nn.Module):
    def __init__(self):
        super().__init__()
        self.i = nn.Linear(5, 8)
        self.m = nn.MultiheadAttention(8, 2, batch_first=True)
        self.o = nn.Linear(8, 6)
        self.f = nn.Linear(6, 2)

    def forward(self, x):
        x = self.i(x)
        return self.f(self.o(x + self.m(x, x, x)[0]))


class Mixer(nn.Module):
    def __init__(self):
        super().__init__()
        self.p = nn.Conv2d(3, 8, 4, 4)
        self.t1 = nn.Linear(4, 7)
        self.t2 = nn.Linear(7, 4)
        self.c1 = nn.Linear(8, 9)
        self.c2 = nn.Linear(9, 8)
        self.h = nn.Linear(8, 2)

    def forward(self, x):
        x = self.p(x).flatten(2).transpose(1, 2)
        x = x + self.t2(F.gelu(self.t1(x.transpose(1, 2)))).transpose(1, 2)
        x = x + self.c2(F.gelu(self.c1(x)))
        return self.h(x.mean(1))


class Conv1dNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.a = nn.Conv1d(2, 6, 3)
        self.n = nn.InstanceNorm1d(6, affine=True)
        self.b = nn.Conv1d(6, 8, 3)
        self.p = nn.PReLU(8)
        self.h = nn.Conv1d(8, 2, 1)

    def forward(self, x):
        return self.h(self.p(self.b(self.n(self.a(x)))))


class RMS(nn.Module):
    def __init__(self):
        super().__init__()
        self.a = nn.Linear(4, 6)
        self.n = nn.RMSNorm(6)
        self.b = nn.Linear(6, 2)

    def forward(self, x):
        return self.b(self.n(self.a(x)))


class Pixel(nn.Module):
    def __init__(self):
        super().__init__()
        self.a = nn.Conv2d(3, 8, 3, padding=1)
        self.b = nn.Conv2d(8, 12, 3, padding=1)
        self.c = nn.Conv2d(3, 2, 1)

    def forward(self, x):
        return self.c(F.pixel_shuffle(self.b(F.relu(self.a(x))), 2))


class Buffered(nn.Module):
    def __init__(self):
        super().__init__()
        self.a = nn.Conv2d(3, 8, 3, padding=1)
        self.b = nn.Conv2d(8, 6, 3)
        self.c = nn.Conv2d(6, 2, 1)
        self.register_buffer("scale", torch.rand(8, 1, 1))
        self.w = nn.Parameter(torch.randn(6, 6))

    def forward(self, x):
        return self.c(torch.einsum("bchw,cd->bdhw", self.b(self.a(x) * self.scale), self.w))


class WN(nn.Module):
    def __init__(self):
        super().__init__()
        self.a = nn.Conv2d(3, 8, 3, padding=1)
        self.b = nn.utils.parametrizations.weight_norm(nn.Conv2d(8, 6, 3))
        self.c = nn.Conv2d(6, 2, 1)
        self.d = nn.utils.spectral_norm(nn.Conv2d(2, 4, 1))
        self.e = nn.Conv2d(4, 4, 1)
        self.f = nn.Conv2d(4, 2, 1)

    def forward(self, x):
        return self.f(self.e(self.d(self.c(F.relu(self.b(F.relu(self.a(x))))))))


def _image(channels=3):
    return torch.randn(2, channels, 8, 8, generator=torch.Generator().manual_seed(1))


NETWORKS: dict[str, tuple[Callable[[], nn.Module], Callable[[], Any]]] = {
    "densenet": (DenseNet, _image),
    "resnext": (ResNeXt, _image),
    "efficientnet": (EfficientNet, _image),
    "multiplier": (Multiplier, _image),
    "vit": (ViT, _image),
    "convnext": (ConvNeXt, _image),
    "layer scale": (Scaled, _image),
    "group norm": (GroupNormNet, _image),
    "unet": (UNet, _image),
    "glu": (GLU, _image),
    "split": (Split, _image),
    "shuffle": (Shuffle, _image),
    "fixed shuffle": (lambda: Shuffle(hard=True), _image),
    "shuffle module": (ShuffleModule, _image),
    "shared": (Shared, _image),
    "tied embedding": (Tied, lambda: torch.arange(6).reshape(2, 3)),
    "tied convolutions": (TiedConv, _image),
    "two inputs, mean": (TwoInputs, lambda: (_image(), _image(2))),
    "two inputs": (TwoInputs2, lambda: {"x": _image(), "y": _image(2)}),
    "padded": (Padded, _image),
    "gate": (Gate, _image),
    "over channels": (OverChannels, _image),
    "attention": (MHA, lambda: torch.randn(2, 3, 5)),
    "mixer": (Mixer, _image),
    "1d": (Conv1dNet, lambda: torch.randn(2, 2, 9)),
    "rms norm": (RMS, lambda: torch.randn(2, 4)),
    "pixel shuffle": (Pixel, _image),
    "functional": (Buffered, _image),
    "weight norm": (WN, _image),
}


def lively(model: nn.Module, seed: int = 0) -> nn.Module:
    """`model` with moved weights of both signs and running statistics that are not those of a fresh network."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in model.parameters():
            noise = torch.randn(parameter.shape, generator=generator)
            parameter.add_(noise, alpha=0.7 if parameter.dim() == 1 else 0.05)
        for name, buffer in model.named_buffers():
            if name.endswith("running_mean"):
                buffer.normal_(0, 0.5, generator=generator)
            elif name.endswith("running_var"):
                buffer.uniform_(0.5, 2.0, generator=generator)
    return model


@pytest.fixture(scope="session")
def network_names() -> tuple[str, ...]:
    return tuple(NETWORKS)


@pytest.fixture(scope="session")
def network() -> Callable[[str], tuple[nn.Module, Any]]:
    """network("densenet") -> (a fresh lively model in eval mode, its example)."""
    made: dict[str, tuple[nn.Module, Any]] = {}

    def get(name: str) -> tuple[nn.Module, Any]:
        if name not in made:
            with torch.random.fork_rng(devices=[]):
                torch.manual_seed(0)
                build, example = NETWORKS[name]
                made[name] = lively(build()).eval(), example()
        model, example = made[name]
        return copy.deepcopy(model), example

    return get


@pytest.fixture(scope="session")
def reference() -> Callable[..., tuple[nn.Module, Any]]:
    """reference("resnet18", width, image size) -> (a lively network of the zoo in eval mode, a batch of two)."""

    def get(name: str, width: float = 0.25, size: int | None = 16) -> tuple[nn.Module, Any]:
        spec = ModelSpec(name=name, width=width, image_size=size)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            return lively(build(spec)).eval(), example_input(spec, batch=2)

    return get


@pytest.fixture
def process_group(tmp_path: Path) -> Iterator[None]:
    """A gloo group of this process alone.

    Gloo's thread lets go of its last work under the GIL, which `destroy_process_group` holds while it waits for that thread:
    without the pause the two now and then wait for each other for ever.
    """
    torch.distributed.init_process_group("gloo", init_method=f"file://{tmp_path}/store", rank=0, world_size=1)
    yield
    time.sleep(0.5)
    torch.distributed.destroy_process_group()

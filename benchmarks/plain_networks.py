"""Networks of other people's kinds, small and written out plainly, for benchmarks/architectures.py."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional


@dataclass
class Output:
    """What the transformer returns, as Hugging Face's models do: values by name."""

    last_hidden_state: Tensor
    logits: Tensor


torch.utils._pytree.register_dataclass(Output)


class SelfAttention(nn.Module):
    """Three separate projections, heads by view, the product written out."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.query, self.key, self.value = (nn.Linear(width, width) for _ in range(3))
        self.output = nn.Linear(width, width)

    def forward(self, hidden_states: Tensor) -> Tensor:
        batch, tokens, width = hidden_states.shape
        split = (batch, tokens, self.heads, width // self.heads)
        query, key, value = (
            each(hidden_states).view(split).transpose(1, 2) for each in (self.query, self.key, self.value)
        )
        weights = (query @ key.transpose(-1, -2) / (width // self.heads) ** 0.5).softmax(-1)
        return self.output((weights @ value).transpose(1, 2).reshape(batch, tokens, width))


class ViTLayer(nn.Module):
    """Norm before attention and before the feed-forward part."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.layernorm_before, self.layernorm_after = nn.LayerNorm(width), nn.LayerNorm(width)
        self.attention = SelfAttention(width, heads)
        self.intermediate, self.output = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def forward(self, hidden_states: Tensor) -> Tensor:
        hidden_states = hidden_states + self.attention(self.layernorm_before(hidden_states))
        return hidden_states + self.output(functional.gelu(self.intermediate(self.layernorm_after(hidden_states))))


class ViTForImageClassification(nn.Module):
    """Patches, a class token, learned positions, layers, and values by name."""

    def __init__(self, image_size: int, classes: int, width: int = 96, layers: int = 4, heads: int = 3) -> None:
        super().__init__()
        self.patch_embeddings = nn.Conv2d(3, width, 8, stride=8)
        self.cls_token = nn.Parameter(torch.zeros(1, 1, width))
        self.position_embeddings = nn.Parameter(torch.zeros(1, (image_size // 8) ** 2 + 1, width))
        self.layer = nn.ModuleList(ViTLayer(width, heads) for _ in range(layers))
        self.layernorm, self.classifier = nn.LayerNorm(width), nn.Linear(width, classes)

    def forward(self, pixel_values: Tensor) -> Output:
        patches = self.patch_embeddings(pixel_values).flatten(2).transpose(1, 2)
        hidden_states = torch.cat([self.cls_token.expand(len(patches), -1, -1), patches], 1) + self.position_embeddings
        for layer in self.layer:
            hidden_states = layer(hidden_states)
        hidden_states = self.layernorm(hidden_states)
        return Output(hidden_states, self.classifier(hidden_states[:, 0]))


def double(inputs: int, outputs: int) -> nn.Sequential:
    """Two convolutions of the same width."""
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, padding=1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU(),
        nn.Conv2d(outputs, outputs, 3, padding=1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU(),
    )  # fmt: skip


class UNet(nn.Module):
    """Three levels down and up, skips concatenated."""

    def __init__(self, classes: int = 2, width: int = 16) -> None:
        super().__init__()
        widths = (width, 2 * width, 4 * width)
        self.down = nn.ModuleList(double(a, b) for a, b in zip((3, *widths), widths, strict=False))
        self.bottom = double(widths[-1], 8 * width)
        self.up = nn.ModuleList(nn.ConvTranspose2d(2 * each, each, 2, stride=2) for each in reversed(widths))
        self.join = nn.ModuleList(double(2 * each, each) for each in reversed(widths))
        self.head = nn.Conv2d(width, classes, 1)

    def forward(self, image: Tensor) -> Tensor:
        kept = []
        for level in self.down:
            image = level(image)
            kept.append(image)
            image = functional.max_pool2d(image, 2)
        image = self.bottom(image)
        for up, join, skip in zip(self.up, self.join, reversed(kept), strict=True):
            image = join(torch.cat([skip, up(image)], 1))
        return self.head(image)


class Detector(nn.Module):
    """A backbone of three stages, a feature pyramid and shared heads: a list of maps, as detectors return them."""

    def __init__(self, classes: int = 5, width: int = 16, neck: int = 32) -> None:
        super().__init__()
        widths = (width, 2 * width, 4 * width)
        self.stages = nn.ModuleList(double(a, b) for a, b in zip((3, *widths), widths, strict=False))
        self.lateral = nn.ModuleList(nn.Conv2d(each, neck, 1) for each in widths)
        self.smooth = nn.ModuleList(nn.Conv2d(neck, neck, 3, padding=1) for _ in widths)
        self.tower = double(neck, neck)
        self.scores, self.boxes = nn.Conv2d(neck, classes, 3, padding=1), nn.Conv2d(neck, 4, 3, padding=1)

    def forward(self, image: Tensor) -> list[dict[str, Tensor]]:
        maps = []
        for stage in self.stages:
            image = functional.max_pool2d(stage(image), 2)
            maps.append(image)
        pyramid = [lateral(each) for lateral, each in zip(self.lateral, maps, strict=True)]
        for level in (1, 0):
            pyramid[level] = pyramid[level] + functional.interpolate(pyramid[level + 1], scale_factor=2)
        towers = [self.tower(smooth(each)) for smooth, each in zip(self.smooth, pyramid, strict=True)]
        return [{"scores": self.scores(each), "boxes": self.boxes(each).exp()} for each in towers]


class FramesThenLstm(nn.Module):
    """Convolutions on each row of patches, then a recurrent layer over them."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.frames = double(3, 16)
        self.lstm = nn.LSTM(16, 32, batch_first=True)
        self.head = nn.Linear(32, classes)

    def forward(self, image: Tensor) -> Tensor:
        return self.head(self.lstm(self.frames(image).mean(2).transpose(1, 2))[0][:, -1])


class Encoder(nn.Module):
    """torch's own transformer encoder over rows of pixels."""

    def __init__(self, classes: int, width: int = 64) -> None:
        super().__init__()
        self.embed = nn.LazyLinear(width)
        layer = nn.TransformerEncoderLayer(width, 4, 4 * width, batch_first=True, norm_first=True)
        self.encoder = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
        self.head = nn.Linear(width, classes)

    def forward(self, image: Tensor) -> Tensor:
        return self.head(self.encoder(self.embed(image.flatten(1, 2))).mean(1))


def vit(image_size: int, classes: int) -> nn.Module:
    """A transformer as Hugging Face writes it."""
    return ViTForImageClassification(image_size, classes)


def unet() -> nn.Module:
    """A U-Net."""
    return UNet()


def detector() -> nn.Module:
    """A feature pyramid with its heads."""
    return Detector()


def frames_then_lstm(classes: int) -> nn.Module:
    """A recurrent head."""
    return FramesThenLstm(classes)


def encoder(image_size: int, classes: int) -> nn.Module:
    """torch's transformer encoder; run once, so that its lazy layer has its weights."""
    network = Encoder(classes).eval()
    network(torch.zeros(1, 3, image_size, image_size))
    return network


def mlp(image_size: int, classes: int) -> nn.Module:
    """Three linear layers with BatchNorm between them."""
    return nn.Sequential(
        nn.Flatten(), nn.Linear(3 * image_size**2, 128), nn.BatchNorm1d(128), nn.ReLU(),
        nn.Linear(128, 64), nn.BatchNorm1d(64), nn.ReLU(), nn.Linear(64, classes),
    )  # fmt: skip

"""SmartExchange without training on two trained networks, beside rounding: real files, error, and what the network still does.

python benchmarks/post_training.py ../shared/data
The folder holds `weights/squeezenet1_0_imagenet.safetensors`, `weights/srgan_x4_generator.safetensors`,
`super_resolution/Set5` and `super_resolution/DIV2K_LR`. SqueezeNet has no labelled images there, so its answers are compared
with those of the dense network on the 100 DIV2K pictures; the generator is judged by its PSNR on Set5 (luma, border 4). Then both
on the five sparse engines, with activations traced on these pictures.
"""

import argparse
import copy
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from safetensors.torch import load_file
from torch import Tensor, nn

from netchip.data.decoding import Encoded, decode
from netchip.methods.smart_exchange.baselines.distortion import ratio_of_norms, squared_error, squared_norm
from netchip.methods.smart_exchange.baselines.model import quantized_weights
from netchip.methods.smart_exchange.engines.estimate import estimate_engines
from netchip.methods.smart_exchange.stages.made import Made
from netchip.methods.smart_exchange.training.smart_exchange import SmartExchange
from netchip.models.srgan import load_srgan

SHARES = (0.0, 0.25, 0.5)
CAFFE_MEAN = (104.0, 117.0, 123.0)  # blue, green, red
TRACED, CROP = 16, 128


class Fire(nn.Module):
    """1x1, then 1x1 and 3x3 side by side."""

    def __init__(self, inputs: int, inner: int, outputs: int) -> None:
        super().__init__()
        self.squeeze = nn.Conv2d(inputs, inner, 1)
        self.expand1x1 = nn.Conv2d(inner, outputs, 1)
        self.expand3x3 = nn.Conv2d(inner, outputs, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        x = torch.relu(self.squeeze(x))
        return torch.cat([torch.relu(self.expand1x1(x)), torch.relu(self.expand3x3(x))], 1)


class SqueezeNet(nn.Module):
    """SqueezeNet 1.0 (arXiv 1602.07360) under torchvision's layer names."""

    def __init__(self) -> None:
        super().__init__()
        pool = nn.MaxPool2d(3, 2, ceil_mode=True)
        fires = [Fire(96, 16, 64), Fire(128, 16, 64), Fire(128, 32, 128), pool, Fire(256, 32, 128), Fire(256, 48, 192)]
        fires += [Fire(384, 48, 192), Fire(384, 64, 256), pool, Fire(512, 64, 256)]
        self.features = nn.Sequential(nn.Conv2d(3, 96, 7, 2), nn.ReLU(), pool, *fires)
        self.classifier = nn.Sequential(nn.Dropout(), nn.Conv2d(512, 1000, 1), nn.ReLU(), nn.AdaptiveAvgPool2d(1))

    def forward(self, x: Tensor) -> Tensor:
        return self.classifier(self.features(x)).flatten(1)


def squeezenet(path: Path) -> nn.Module:
    network = SqueezeNet()
    network.load_state_dict({name: each.float() for name, each in load_file(path).items()})
    return network.eval()


def photos(folder: Path) -> Tensor:
    """[100, 3, 224, 224] as SqueezeNet's weights take them: blue first, 0 to 255 minus the mean."""
    files = [Encoded(path.name, path) for path in sorted(folder.glob("*.png"))]
    images, _ = decode(files, image_size=224, on_broken="raise")
    return torch.from_numpy(images[:, ::-1].astype(np.float32)) - torch.tensor(CAFFE_MEAN).reshape(3, 1, 1)


def set5(folder: Path) -> list[tuple[Tensor, np.ndarray]]:
    """Low pictures [1, 3, H, W] in [0, 1], and the high ones [4 H, 4 W, 3] in 0..255."""
    pairs = []
    for path in sorted(folder.glob("*_LR.png")):
        low, high = (
            np.asarray(Image.open(each).convert("RGB"))
            for each in (path, path.with_name(path.name.replace("_LR", "_HR")))
        )
        pairs.append((torch.from_numpy(low.copy()).permute(2, 0, 1)[None] / 255, high))
    return pairs


def crops(folder: Path) -> Tensor:
    """[16, 3, 128, 128] in [0, 1]: the centres of low pictures, what the generator reads."""
    found = []
    for path in sorted(folder.glob("*.png"))[:TRACED]:
        image = torch.from_numpy(np.asarray(Image.open(path).convert("RGB")).copy()).permute(2, 0, 1) / 255
        top, left = ((size - CROP) // 2 for size in image.shape[1:])
        found.append(image[:, top : top + CROP, left : left + CROP])
    return torch.stack(found)


def luma(image: np.ndarray) -> np.ndarray:
    """Y of ITU-R BT.601."""
    return 16 + image.astype(np.float64) @ np.array([65.481, 128.553, 24.966]) / 255


@torch.no_grad()
def psnr_db(network: nn.Module, pairs: list[tuple[Tensor, np.ndarray]]) -> float:
    found = []
    for low, high in pairs:
        made = np.round(network(low)[0].permute(1, 2, 0).clamp(0, 1).numpy() * 255.0)
        error = (luma(high) - luma(made))[4:-4, 4:-4]
        found.append(20 * np.log10(255 / np.sqrt((error**2).mean())))
    return float(np.mean(found))


@torch.no_grad()
def answers(network: nn.Module, images: Tensor) -> Tensor:
    return torch.cat([network(part).argmax(1) for part in images.split(10)])


def arms(dense: nn.Module) -> Iterator[Made]:
    yield Made(name="float32", role="baseline", network=dense)
    for scheme in ("int8", "int4-g64", "int3-g64"):
        rounded, network = quantized_weights(dense, scheme), copy.deepcopy(dense)
        with torch.no_grad():
            for name, stored in rounded.items():
                network.get_parameter(name).copy_(stored.weight())
        yield Made(name=scheme, role="baseline", network=network, rounded=rounded)
    for share in SHARES:
        network = copy.deepcopy(dense)
        exchange = SmartExchange(network, row_sparsity=share)
        exchange.project()
        name = f"SmartExchange, {share:.0%} of rows pruned" if share else "SmartExchange"
        yield Made(name=name, role="ours", network=network, packed=exchange.packed())


def compared(dense: nn.Module, judged: str, judge: Callable[[nn.Module], str]) -> Made:
    """Prints a table; returns plain SmartExchange."""
    plain = None
    whole = Made(name="float32", role="baseline", network=dense)
    norm = sum(squared_norm(weight) for weight in whole.weights.values())
    size = 0
    print(
        f"| weights | file | against float32 | bits a weight | error of the weights | {judged} |\n|---|---|---|---|---|---|"
    )
    for made in arms(dense):
        with tempfile.TemporaryDirectory() as folder:
            file_bytes = made.write(Path(folder)).stat().st_size
        size = size or file_bytes
        error = ratio_of_norms(
            sum(squared_error(weight, made.weights[name]) for name, weight in whole.weights.items()), norm
        )
        bits = f"{made.bits_per_weight:.2f}"
        print(
            f"| {made.name} | {file_bytes:,} B | {size / file_bytes:.2f}x | {bits} | {error:.3f} | {judge(made.network)} |"
        )
        plain = made if made.name == "SmartExchange" else plain
    return plain or whole


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, nargs="?", default=Path("../shared/data"))
    data = parser.parse_args().data
    pictures, pairs = photos(data / "super_resolution" / "DIV2K_LR"), set5(data / "super_resolution" / "Set5")
    classifier = squeezenet(data / "weights" / "squeezenet1_0_imagenet.safetensors")
    generator = load_srgan(data / "weights" / "srgan_x4_generator.safetensors")
    low = crops(data / "super_resolution" / "DIV2K_LR")
    truth = answers(classifier, pictures)

    def agreement(network: nn.Module) -> str:
        return f"{100 * float((answers(network, pictures) == truth).float().mean()):.0f} %"

    print("SqueezeNet 1.0, ImageNet")
    first = compared(classifier, f"same first class as float32, {len(pictures)} pictures", agreement)
    print("\nSRGAN generator, x4")
    second = compared(generator, "PSNR on Set5", lambda network: f"{psnr_db(network, pairs):.2f} dB")
    for title, made, dense, example, batches in (
        ("SqueezeNet at 224", first, classifier, pictures[:1], list(pictures[:TRACED].split(8))),
        ("SRGAN generator at 128", second, generator, low[:1], list(low.split(2))),
    ):
        found = estimate_engines(made.network, made.packed, example, batches, dense=dense)
        activations = [each.activations for each in found.sparsity.layers]
        total = sum(each.elements for each in activations)
        mean = {
            name: sum(getattr(each, name) * each.elements for each in activations) / total
            for name in ("zero_share", "zero_row_share", "mean_booth_digits", "mean_bits", "lane_digits")
        }
        print(f"\n{title}\n{found.comparison.text()}")
        print("activations, mean over all: " + ", ".join(f"{name} {value:.3f}" for name, value in mean.items()))


if __name__ == "__main__":
    main()

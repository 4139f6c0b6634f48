"""VGG-16 and VGG-19 with BatchNorm for small images (arXiv 1409.1556), in the form of network slimming (arXiv 1708.06519)."""

from torch import Tensor, nn

from netchip.models.initialise import initialise
from netchip.models.widths import scaled

_STAGES = {
    16: ((64, 64), (128, 128), (256, 256, 256), (512, 512, 512), (512, 512, 512)),
    19: ((64,) * 2, (128,) * 2, (256,) * 4, (512,) * 4, (512,) * 4),
}
SCALE_INIT = 0.5  # initial gamma, as in network slimming and Early-Bird (their released code)


class VGG(nn.Module):
    """Five stages of 3x3 convolutions, 2x2 max-pools between them, global average pooling, one linear layer.

    Convolutions have no bias; every BatchNorm scale starts at 0.5. A pool whose input would be smaller than 2 pixels is
    left out: an image of 8 pixels is pooled three times instead of four.
    """

    def __init__(self, depth: int, *, classes: int, width: float, image_size: int, in_channels: int) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        channels, size = in_channels, image_size
        for index, stage in enumerate(_STAGES[depth]):
            if index > 0 and size >= 2:
                layers.append(nn.MaxPool2d(2))
                size //= 2
            for wanted in stage:
                out = scaled(wanted, width)
                layers += [
                    nn.Conv2d(channels, out, 3, padding=1, bias=False),
                    nn.BatchNorm2d(out),
                    nn.ReLU(inplace=True),
                ]
                channels = out
        self.features = nn.Sequential(*layers)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.classifier = nn.Linear(channels, classes)
        initialise(self, scale=SCALE_INIT)

    def forward(self, images: Tensor) -> Tensor:
        """[B, channels, size, size] -> [B, classes]."""
        return self.classifier(self.pool(self.features(images)).flatten(1))

"""The luma of 8-bit pictures, as Matlab's rgb2ycbcr has it (ITU-R BT.601, 16 to 235): what super-resolution is judged by."""

import torch
from torch import Tensor

from netchip.errors import DataError

_WEIGHTS = (65.481, 128.553, 24.966)
_OFFSET = 16.0


def luma(pixels: Tensor) -> Tensor:
    """float64 [B, 1, H, W] of uint8 RGB pixels [B, 3, H, W]; a picture of one channel is its own luma."""
    if pixels.dtype != torch.uint8 or pixels.ndim != 4 or pixels.shape[1] not in (1, 3):
        raise DataError(
            f"luma is taken of uint8 pixels [B, 3, H, W], found {pixels.dtype} {list(pixels.shape)}; round values to pixels first"
        )
    if pixels.shape[1] == 1:
        return pixels.double()
    weights = torch.tensor(_WEIGHTS, dtype=torch.float64, device=pixels.device).reshape(1, 3, 1, 1) / 255
    return (pixels.double() * weights).sum(1, keepdim=True) + _OFFSET


def without_border(images: Tensor, border: int) -> Tensor:
    """`images` [B, C, H, W] without `border` pixels on each side; raises `DataError` where nothing would be left."""
    height, width = images.shape[2:]
    if min(height, width) <= 2 * border:
        raise DataError(f"a picture of {width}x{height} has nothing left without a border of {border} pixels")
    return images[..., border : height - border, border : width - border]

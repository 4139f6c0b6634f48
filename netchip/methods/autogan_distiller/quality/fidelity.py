"""PSNR and SSIM of two pictures, on the luma, a border left out: the protocol of super-resolution papers."""

import math

import torch
from torch import Tensor

from netchip.errors import DataError
from netchip.methods.autogan_distiller.quality.luma import luma, without_border

BORDER = 4  # pixels on each side that x4 super-resolution leaves out
_WINDOW, _SIGMA = 11, 1.5  # Wang et al. 2004
_K1, _K2, _RANGE = 0.01, 0.03, 255.0


def psnr_y_db(first: Tensor, second: Tensor, *, border: int = BORDER) -> float:
    """PSNR in dB of the luma of two pictures, uint8 [3, H, W] or [1, 3, H, W]; infinite for equal ones.

    Raises `DataError` for pictures of two sizes, or smaller than their border.
    """
    a, b = _lumas(first, second, border)
    error = float((a - b).square().mean())
    return math.inf if error == 0 else 10.0 * math.log10(_RANGE**2 / error)


def ssim_y(first: Tensor, second: Tensor, *, border: int = BORDER) -> float:
    """Mean structural similarity of the luma of two pictures (Gaussian window of 11x11, sigma 1.5), 1 for equal ones.

    Only windows that lie wholly inside count. Raises `DataError` as `psnr_y_db` does, and for less than a window.
    """
    a, b = _lumas(first, second, border)
    if min(a.shape[2:]) < _WINDOW:
        raise DataError(f"SSIM needs {_WINDOW}x{_WINDOW} pixels inside the border, found {a.shape[3]}x{a.shape[2]}")
    mean_a, mean_b, square_a, square_b, product = _blurred(torch.cat([a, b, a * a, b * b, a * b])).unbind()
    spread = square_a - mean_a * mean_a + square_b - mean_b * mean_b
    together = product - mean_a * mean_b
    c1, c2 = (_K1 * _RANGE) ** 2, (_K2 * _RANGE) ** 2
    above = (2 * mean_a * mean_b + c1) * (2 * together + c2)
    below = (mean_a.square() + mean_b.square() + c1) * (spread + c2)
    return float((above / below).mean())


def _lumas(first: Tensor, second: Tensor, border: int) -> tuple[Tensor, Tensor]:
    first, second = (each if each.ndim == 4 else each[None] for each in (first, second))
    if first.shape != second.shape:
        raise DataError(
            f"pictures of {list(first.shape)} and {list(second.shape)} cannot be compared; they differ in size"
        )
    return without_border(luma(first), border), without_border(luma(second), border)


def _blurred(maps: Tensor) -> Tensor:
    """The mean of every window of maps [..., H, W] under the Gaussian, rows then columns: [..., H - 10, W - 10]."""
    offsets = torch.arange(_WINDOW, dtype=maps.dtype) - _WINDOW // 2
    line = torch.exp(-offsets.square() / (2 * _SIGMA**2))
    weights = (line / line.sum()).tolist()
    for dim in (-2, -1):
        size = maps.shape[dim] - _WINDOW + 1
        blurred = weights[0] * maps.narrow(dim, 0, size)
        for place, weight in enumerate(weights[1:], start=1):
            blurred.add_(maps.narrow(dim, place, size), alpha=weight)
        maps = blurred
    return maps

"""PSNR and SSIM of two pictures, on the luma, a border left out: the protocol of super-resolution papers."""

import math

import torch
from torch import Tensor
from torch.nn.functional import conv2d

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
    kernel = _gaussian(a)
    means = [conv2d(each, kernel) for each in (a, b)]
    squares = [conv2d(each * each, kernel) - mean * mean for each, mean in zip((a, b), means, strict=True)]
    product = conv2d(a * b, kernel) - means[0] * means[1]
    c1, c2 = (_K1 * _RANGE) ** 2, (_K2 * _RANGE) ** 2
    above = (2 * means[0] * means[1] + c1) * (2 * product + c2)
    below = (means[0].square() + means[1].square() + c1) * (squares[0] + squares[1] + c2)
    return float((above / below).mean())


def _lumas(first: Tensor, second: Tensor, border: int) -> tuple[Tensor, Tensor]:
    first, second = (each if each.ndim == 4 else each[None] for each in (first, second))
    if first.shape != second.shape:
        raise DataError(
            f"pictures of {list(first.shape)} and {list(second.shape)} cannot be compared; they differ in size"
        )
    return without_border(luma(first), border), without_border(luma(second), border)


def _gaussian(like: Tensor) -> Tensor:
    """The window [1, 1, 11, 11], summing to 1."""
    offsets = torch.arange(_WINDOW, dtype=like.dtype, device=like.device) - _WINDOW // 2
    line = torch.exp(-offsets.square() / (2 * _SIGMA**2))
    window = torch.outer(line, line)
    return (window / window.sum())[None, None]

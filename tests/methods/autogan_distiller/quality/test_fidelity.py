"""scikit-image is the oracle."""

import math

import numpy as np
import pytest
import torch
from skimage.color import rgb2ycbcr
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from netchip.data.photos import read_photo
from netchip.errors import DataError
from netchip.methods.autogan_distiller.quality.fidelity import psnr_y_db, ssim_y
from netchip.methods.autogan_distiller.quality.luma import luma, without_border


def noisy_pair(seed: int, strength: int) -> tuple[np.ndarray, np.ndarray]:
    photo = read_photo("chelsea")[:, 100:164, 150:230]
    noise = np.random.default_rng(seed).integers(-strength, strength + 1, photo.shape)
    return photo, (photo.astype(int) + noise).clip(0, 255).astype(np.uint8)


def oracle_luma(pixels: np.ndarray, border: int) -> np.ndarray:
    plane = rgb2ycbcr(pixels.transpose(1, 2, 0))[..., 0]
    return plane[border : plane.shape[0] - border, border : plane.shape[1] - border]


@pytest.mark.parametrize(("seed", "strength", "border"), [(0, 3, 4), (1, 40, 4), (2, 10, 0)])
def test_psnr_and_ssim_agree_with_scikit_image(seed: int, strength: int, border: int) -> None:
    pair = noisy_pair(seed, strength)
    first, second = (torch.from_numpy(each) for each in pair)
    a, b = (oracle_luma(each, border) for each in pair)
    assert psnr_y_db(first, second, border=border) == pytest.approx(
        peak_signal_noise_ratio(a, b, data_range=255), abs=1e-9
    )
    expected = structural_similarity(
        a, b, data_range=255, gaussian_weights=True, sigma=1.5, use_sample_covariance=False
    )
    assert ssim_y(first, second, border=border) == pytest.approx(expected, abs=1e-9)


def test_luma_agrees_with_scikit_image_and_spans_16_to_235() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (3, 8, 8), dtype=np.uint8)
    expected = rgb2ycbcr(pixels.transpose(1, 2, 0))[..., 0]
    assert np.allclose(luma(torch.from_numpy(pixels)[None])[0, 0].numpy(), expected, atol=1e-9)
    ends = torch.tensor([0, 255], dtype=torch.uint8).reshape(2, 1, 1, 1).expand(2, 3, 1, 1)
    assert luma(ends).flatten().tolist() == pytest.approx([16.0, 235.0])


def test_equal_pictures() -> None:
    picture = torch.from_numpy(noisy_pair(0, 0)[0])
    assert psnr_y_db(picture, picture) == math.inf
    assert ssim_y(picture, picture) == pytest.approx(1.0)


def test_what_lies_in_the_border_does_not_count() -> None:
    picture = torch.from_numpy(noisy_pair(0, 0)[0])
    other = picture.clone()
    other[:, :4] = other[:, :, -4:] = 0
    assert psnr_y_db(picture, other) == math.inf
    assert psnr_y_db(picture, other, border=3) < 40


def test_pictures_that_cannot_be_compared_are_refused() -> None:
    black = torch.zeros(3, 32, 32, dtype=torch.uint8)
    with pytest.raises(DataError, match=r"pictures of \[1, 3, 32, 32\] and \[1, 3, 32, 31\] cannot be compared"):
        psnr_y_db(black, black[..., :31])
    with pytest.raises(DataError, match="a picture of 8x32 has nothing left without a border of 4"):
        psnr_y_db(black[..., :8], black[..., :8])
    with pytest.raises(DataError, match="SSIM needs 11x11 pixels inside the border, found 10x24"):
        ssim_y(black[..., :18], black[..., :18])
    with pytest.raises(DataError, match="luma is taken of uint8 pixels"):
        psnr_y_db(black.float(), black.float())
    assert without_border(black[None], 1).shape == (1, 3, 30, 30)

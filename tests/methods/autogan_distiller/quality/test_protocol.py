from pathlib import Path
from statistics import fmean

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor, nn

from netchip.methods.autogan_distiller.images.pictures import Picture
from netchip.methods.autogan_distiller.images.sources import super_resolution_set
from netchip.methods.autogan_distiller.quality.fidelity import psnr_y_db
from netchip.methods.autogan_distiller.quality.protocol import MOST_DB, Protocol
from netchip.models.srgan import load_srgan


def enlarged(images: Tensor) -> Tensor:
    return nn.functional.interpolate(images, scale_factor=2)


def picture(truth: bool) -> Picture:
    image = np.random.default_rng(0).integers(0, 256, (3, 16, 16), dtype=np.uint8)
    return Picture("noise", image, image.repeat(2, axis=1).repeat(2, axis=2) if truth else None)


def test_a_network_equal_to_its_teacher_is_perfect() -> None:
    protocol = Protocol()
    figures = protocol.judge(enlarged, protocol.answered(enlarged, [picture(truth=True)]))
    assert figures == pytest.approx(
        {"psnr_to_teacher_db": MOST_DB, "ssim_to_teacher": 1.0, "psnr_to_truth_db": MOST_DB, "ssim_to_truth": 1.0}
    )


def test_without_ground_truth_there_are_figures_against_the_teacher_only() -> None:
    protocol = Protocol(low=-1.0)
    answered = protocol.answered(lambda images: -enlarged(images), [picture(truth=False), picture(truth=True)])
    figures = protocol.judge(enlarged, answered)
    assert set(figures) == {"psnr_to_teacher_db", "ssim_to_teacher"}
    assert figures["psnr_to_teacher_db"] < 15


def test_pictures_are_judged_as_8_bit_pixels() -> None:
    protocol = Protocol()
    pixels = protocol.pixels(lambda images: images * 0 + 0.5, picture(truth=False))
    assert pixels.dtype == torch.uint8
    assert pixels.unique().tolist() == [128]


def bicubic(images: Tensor) -> Tensor:
    """Pillow's, on 8-bit pixels."""
    pixels = images[0].mul(255).round().byte().permute(1, 2, 0).numpy()
    large = Image.fromarray(pixels).resize((4 * pixels.shape[1], 4 * pixels.shape[0]), Image.Resampling.BICUBIC)
    return torch.from_numpy(np.asarray(large).copy()).permute(2, 0, 1)[None] / 255


@pytest.mark.slow
def test_the_trained_teacher_has_its_known_psnr_on_set5(shared_data: Path) -> None:
    """Set5, x4, luma, border 4: SRGAN 30.66 to 30.70 dB, Pillow's bicubic 28.43 dB (the data folder's README)."""
    protocol, pictures = Protocol(), super_resolution_set(shared_data, "Set5")
    teacher = load_srgan(shared_data / "weights" / "srgan_x4_generator.safetensors")
    answered = protocol.answered(teacher, pictures)
    truths = [torch.from_numpy(each.picture.truth) for each in answered if each.picture.truth is not None]
    found = fmean(psnr_y_db(each.teacher, truth) for each, truth in zip(answered, truths, strict=True))
    assert 30.655 <= found < 30.705
    assert protocol.judge(bicubic, answered)["psnr_to_truth_db"] == pytest.approx(28.43, abs=0.005)

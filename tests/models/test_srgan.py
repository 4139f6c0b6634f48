"""The SRGAN generator: its published counts, its weights, and what they do on a picture of Set5."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

from netchip.errors import ConfigError, ModelError
from netchip.graph.to_workload import to_workload
from netchip.models.srgan import SRGANGenerator, load_srgan


def test_macs_at_256_are_the_stated_92_2_g() -> None:
    """By hand, in units of 65,536 positions: conv9x9, 11 of 64x64x9, 64x256x9 at 1 and 4, conv9x9 at 16."""
    positions = 65_536
    by_hand = 3 * 64 * 81 + 11 * 64 * 64 * 9 + 64 * 256 * 9 * (1 + 4) + 64 * 3 * 81 * 16
    macs = to_workload(SRGANGenerator().eval(), torch.zeros(1, 3, 32, 32)).macs * 64
    assert macs == by_hand * positions
    assert macs / 1e9 == pytest.approx(92.2, abs=0.05)


@pytest.mark.parametrize("scale", [1, 2, 8])
def test_images_grow_by_the_scale(scale: int) -> None:
    image = SRGANGenerator(scale, channels=4, blocks=1)(torch.rand(1, 3, 5, 7))
    assert image.shape == (1, 3, 5 * scale, 7 * scale)
    assert 0 <= image.min() <= image.max() <= 1


def test_requests_that_do_not_fit(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="scale = 3: PixelShuffle doubles the size"):
        SRGANGenerator(3)
    with pytest.raises(ModelError, match="no weights of an SRGAN generator can be read"):
        load_srgan(tmp_path / "none.safetensors")
    state = SRGANGenerator(2, channels=4, blocks=1).state_dict()
    save_file({name: value for name, value in state.items() if "block3" not in name}, tmp_path / "part.safetensors")
    with pytest.raises(ModelError, match="this is not an SRGAN generator; missing"):
        load_srgan(tmp_path / "part.safetensors")


def test_weights_give_the_network_its_size_and_come_back(tmp_path: Path) -> None:
    network = SRGANGenerator(2, channels=4, blocks=1).eval()
    save_file(network.state_dict(), tmp_path / "own.safetensors")
    images = torch.rand(1, 3, 6, 6)
    torch.testing.assert_close(load_srgan(tmp_path / "own.safetensors")(images), network(images), rtol=0, atol=0)


def luma(image: np.ndarray) -> np.ndarray:
    """Y of ITU-R BT.601, [H, W] in 16..235, from [H, W, 3] in 0..255."""
    return 16 + image @ np.array([65.481, 128.553, 24.966]) / 255


def test_the_trained_generator_reaches_its_psnr_on_a_picture(shared_data: Path) -> None:
    """The butterfly of Set5; PIL's bicubic gives 22.10 dB on it. The mean over Set5 is 30.66 dB, bicubic 28.43 dB."""
    network = load_srgan(shared_data / "weights" / "srgan_x4_generator.safetensors")
    assert sum(each.numel() for each in network.state_dict().values() if each.dtype.is_floating_point) == 735_372
    folder = shared_data / "super_resolution" / "Set5"
    low, high = (np.asarray(Image.open(folder / f"img_003_SRF_4_{kind}.png").convert("RGB")) for kind in ("LR", "HR"))
    with torch.no_grad():
        made = network(torch.from_numpy(low.copy()).permute(2, 0, 1)[None] / 255)[0].permute(1, 2, 0).numpy()
    inner = (slice(4, -4), slice(4, -4))
    error = luma(high.astype(float))[inner] - luma(np.round(made.clip(0, 1) * 255.0))[inner]
    psnr = 20 * np.log10(255 / np.sqrt((error**2).mean()))
    assert psnr == pytest.approx(26.37, abs=0.02)

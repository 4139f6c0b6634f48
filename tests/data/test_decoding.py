"""Every colour mode becomes RGB; broken images and mixed sizes are named."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from netchip.data.decoding import Encoded, decode, resized, to_rgb, warn_left_out
from netchip.errors import DataError, NetchipWarning


def png(image: Image.Image) -> bytes:
    stream = io.BytesIO()
    image.save(stream, format="PNG")
    return stream.getvalue()


def encoded(*images: Image.Image) -> list[Encoded]:
    return [Encoded(f"{index}.png", png(image)) for index, image in enumerate(images)]


def decoded_pixel(image: Image.Image) -> list[int]:
    images, _ = decode(encoded(image), image_size=None, on_broken="raise")
    return images[0, :, 0, 0].tolist()


def test_every_mode_becomes_rgb() -> None:
    assert decoded_pixel(Image.new("RGB", (4, 4), (10, 20, 30))) == [10, 20, 30]
    assert decoded_pixel(Image.new("L", (4, 4), 77)) == [77, 77, 77]
    assert decoded_pixel(Image.new("1", (4, 4), 1)) == [255, 255, 255]
    assert decoded_pixel(Image.new("RGBA", (4, 4), (10, 20, 30, 255))) == [10, 20, 30]
    assert decoded_pixel(Image.new("RGBA", (4, 4), (10, 20, 30, 0))) == [255, 255, 255], "transparent over white"
    assert decoded_pixel(Image.new("LA", (4, 4), (50, 255))) == [50, 50, 50]
    assert decoded_pixel(Image.new("RGB", (4, 4), (255, 0, 0)).convert("P", palette=Image.Palette.ADAPTIVE)) == [
        255,
        0,
        0,
    ]
    assert decoded_pixel(Image.fromarray(np.full((4, 4), 257 * 99, dtype=np.uint16))) == [99, 99, 99], "16 bits scaled"
    assert to_rgb(Image.new("CMYK", (2, 2), (0, 0, 0, 0))).getpixel((0, 0)) == (255, 255, 255)


def test_a_photo_taken_on_its_side_is_turned_upright() -> None:
    image = Image.new("RGB", (6, 4))
    exif = image.getexif()
    exif[0x0112] = 6  # orientation: rotated by 90 degrees
    stream = io.BytesIO()
    image.save(stream, format="PNG", exif=exif)
    images, _ = decode([Encoded("a", stream.getvalue())], image_size=None, on_broken="raise")
    assert images.shape == (1, 3, 6, 4)


def test_the_order_is_kept_and_channels_come_first() -> None:
    many = [Image.new("RGB", (5, 3), (index, 0, 255 - index)) for index in range(100)]
    images, kept = decode(encoded(*many), image_size=None, on_broken="raise", workers=4)
    assert images.shape == (100, 3, 3, 5)
    assert images.flags.c_contiguous
    assert images[:, 0, 0, 0].tolist() == list(range(100)) == kept.tolist()


def test_mixed_sizes_need_an_image_size() -> None:
    mixed = encoded(Image.new("RGB", (5, 3)), Image.new("RGB", (4, 4)))
    with pytest.raises(DataError, match=r"0\.png is 5x3, 1\.png is 4x4; set data\.image_size"):
        decode(mixed, image_size=None, on_broken="raise")
    assert decode(mixed, image_size=8, on_broken="raise")[0].shape == (2, 3, 8, 8)


def test_the_centre_is_kept_when_an_image_is_not_square() -> None:
    pixels = np.zeros((8, 16, 3), dtype=np.uint8)
    pixels[:, 4:12] = 200
    images, _ = decode(encoded(Image.fromarray(pixels)), image_size=8, on_broken="raise")
    assert (images == 200).all()


def test_broken_images_are_named_or_skipped(tmp_path: Path) -> None:
    good = Image.fromarray(np.random.default_rng(0).integers(0, 256, (9, 9, 3), dtype=np.uint8))
    cut_off = Encoded("cut.png", png(good)[:100])
    text, missing = Encoded("note.png", b"not an image"), Encoded("gone.png", tmp_path / "gone.png")
    items = [*encoded(good), cut_off, text, missing, *encoded(good)]
    with pytest.raises(
        DataError, match=r"3 of 5 images cannot be read: cut\.png .*note\.png .*gone\.png.*on_broken = 'skip'"
    ):
        decode(items, image_size=None, on_broken="raise")
    images, kept = decode(items, image_size=None, on_broken="skip")
    assert len(images) == 2
    assert kept.tolist() == [0, 4]
    with pytest.raises(DataError, match="1 of 1 images"):
        decode([text], image_size=None, on_broken="skip")


def test_what_was_left_out_is_named() -> None:
    names = [f"{index}.png" for index in range(9)]
    with pytest.warns(NetchipWarning, match=r"2 of 9 images cannot be read and are left out: 3\.png; 7\.png$"):
        warn_left_out(names, np.array([0, 1, 2, 4, 5, 6, 8]))
    with pytest.warns(NetchipWarning, match=r"4\.png; and 3 more$"):
        warn_left_out(names, np.array([8]))
    warn_left_out(names, np.arange(9))


def test_resizing_keeps_constants_and_channels_apart() -> None:
    images = np.stack([np.full((8, 8), value, dtype=np.uint8) for value in (0, 90, 255)])[None]
    larger = resized(images, 16, Image.Resampling.BICUBIC)
    assert larger.shape == (1, 3, 16, 16)
    assert [np.unique(plane).tolist() for plane in larger[0]] == [[0], [90], [255]]
    assert resized(images, 8, Image.Resampling.BICUBIC) is images

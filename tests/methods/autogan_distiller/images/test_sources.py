from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from netchip.data.photos import photo_names
from netchip.errors import ConfigError, DataError, NetchipWarning
from netchip.methods.autogan_distiller.images.sources import load_pictures, super_resolution_set
from netchip.methods.autogan_distiller.images.spec import ImagesSpec


def test_photos_keep_their_hold_outs_and_come_with_ground_truth() -> None:
    found = load_pictures(ImagesSpec(name="photos", scale=2))
    for part in ("train", "validation", "test"):
        assert tuple(p.name for p in getattr(found, part)) == photo_names(part)
    for picture in (*found.train, *found.test):
        assert picture.truth is not None
        assert picture.truth.shape[1:] == tuple(2 * side for side in picture.image.shape[1:])


def test_a_folder_is_split_into_parts_that_share_nothing(tmp_path: Path) -> None:
    for index in range(20):
        Image.new("RGB", (32, 32), (index, 0, 0)).save(tmp_path / f"{index:02d}.png")
    found = load_pictures(ImagesSpec(name=f"folder:{tmp_path}"))
    parts = [{p.name for p in part} for part in (found.train, found.validation, found.test)]
    assert [len(part) for part in parts] == [16, 2, 2]
    assert len(set.union(*parts)) == 20


def test_named_data_without_a_folder_are_refused() -> None:
    with pytest.raises(DataError, match=r"needs the data folder, found None; set images\.folder, or NETCHIP_DATA"):
        load_pictures(ImagesSpec(name="div2k-lr"))


def test_set5_comes_in_pairs(shared_data: Path) -> None:
    pairs = super_resolution_set(shared_data, "Set5")
    assert len(pairs) == 5
    for pair in pairs:
        assert pair.truth is not None
        assert pair.truth.shape[1:] == tuple(4 * side for side in pair.image.shape[1:])
    with pytest.raises(DataError, match="holds no files img_NNN_SRF_4_LR"):
        super_resolution_set(shared_data, "Set6")


def test_div2k_holds_ten_pictures_out(shared_data: Path) -> None:
    with pytest.warns(NetchipWarning, match="1 of 14 pictures are not RGB"):  # one of Set14 is grey
        found = load_pictures(ImagesSpec(name="div2k-lr", folder=shared_data))
    assert (len(found.train), len(found.validation), len(found.test)) == (90, 10, 5)
    assert {name: len(pictures) for name, pictures in found.further.items()} == {"set14": 14}


def test_facades_have_the_labels_as_input_and_the_photo_as_truth(shared_data: Path) -> None:
    found = load_pictures(ImagesSpec(name="facades", folder=shared_data, image_size=32))
    assert [len(part) for part in (found.train, found.validation, found.test)] == [400, 100, 106]
    saturation = [
        float(np.mean([np.ptp(getattr(p, side).astype(int), axis=0).mean() for p in found.validation]))
        for side in ("image", "truth")
    ]
    assert saturation[0] > 2 * saturation[1]  # label maps are in full colours


def test_specs_that_fit_nothing_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"images\.name = 'foto' is no source of pictures; there are photos"):
        ImagesSpec.parse({"name": "foto"})
    with pytest.raises(ConfigError, match=r"images\.image_size = None: facades are scaled to one size"):
        load_pictures(ImagesSpec(name="facades"))

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from netchip.errors import DataError, NetchipWarning
from netchip.methods.autogan_distiller.images.reading import read_folder


def save(folder: Path, name: str, size: tuple[int, int] = (40, 30), mode: str = "RGB", value: int = 200) -> Path:
    folder.mkdir(exist_ok=True, parents=True)
    path = folder / name
    colour = value if mode == "L" else (value,) * len(Image.new(mode, (1, 1)).getbands())
    Image.new(mode, size, colour).save(path)
    return path


def test_pictures_of_any_size_are_read_in_order_subfolders_included(tmp_path: Path) -> None:
    save(tmp_path, "b.png", (40, 30))
    save(tmp_path / "a", "z.jpg", (64, 48))
    (tmp_path / "notes.txt").write_text("no picture")
    found = read_folder(tmp_path, least=16, on_broken="raise")
    assert [(p.name, p.image.shape, p.truth) for p in found] == [("z", (3, 48, 64), None), ("b", (3, 30, 40), None)]


def test_grey_and_transparent_pictures_become_rgb_with_one_word_about_it(tmp_path: Path) -> None:
    save(tmp_path, "a.png", mode="L", value=10)
    Image.new("RGBA", (40, 30), (0, 0, 0, 0)).save(tmp_path / "b.png")
    save(tmp_path, "c.png")
    with pytest.warns(NetchipWarning, match=r"2 of 3 pictures are not RGB, such as .*a\.png \(L\)") as told:
        found = read_folder(tmp_path, least=16, on_broken="raise")
    assert len(told) == 1
    assert [np.unique(p.image).tolist() for p in found] == [[10], [255], [200]]  # transparency is white
    assert all(p.image.shape == (3, 30, 40) for p in found)


def test_one_broken_file_is_named_or_left_out(tmp_path: Path) -> None:
    save(tmp_path, "good.png")
    (tmp_path / "bad.png").write_bytes(save(tmp_path, "cut.png").read_bytes()[:60])
    (tmp_path / "cut.png").unlink()
    with pytest.raises(DataError, match=r"1 of 2 images cannot be read: .*bad\.png"):
        read_folder(tmp_path, least=16, on_broken="raise")
    with pytest.warns(NetchipWarning, match=r"1 of 2 images cannot be read and are left out: .*bad\.png"):
        found = read_folder(tmp_path, least=16, on_broken="skip")
    assert [p.name for p in found] == ["good"]


def test_tiny_pictures_are_named_or_left_out(tmp_path: Path) -> None:
    save(tmp_path, "tiny.png", (40, 15))
    save(tmp_path, "good.png")
    with pytest.raises(DataError, match=r"1 of 2 pictures are smaller than a crop of 16x16, such as tiny \(40x15\)"):
        read_folder(tmp_path, least=16, on_broken="raise")
    with pytest.warns(NetchipWarning, match="they are left out"):
        assert [p.name for p in read_folder(tmp_path, least=16, on_broken="skip")] == ["good"]
    with pytest.raises(DataError, match="2 of 2 pictures are smaller than a crop of 64x64"):
        read_folder(tmp_path, least=64, on_broken="skip")


def test_a_folder_that_is_missing_or_empty_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"missing does not exist; correct the path in images\.name"):
        read_folder(tmp_path / "missing", least=16, on_broken="raise")
    with pytest.raises(DataError, match=r"holds no pictures; expected files such as \.png"):
        read_folder(tmp_path, least=16, on_broken="raise")

"""Networks of the user's own, by file or module, and what can go wrong with them."""

import sys
from pathlib import Path

import pytest
from torch import nn

from netchip.errors import ModelError
from netchip.models.build import build
from netchip.models.spec import ModelSpec

SOURCE = """
from torch import nn
def net():
    return nn.Linear(2, 3)
def wrong():
    return "a string"
def fails():
    raise ValueError("no weights here")
def sized(num_classes, in_channels=3, *, width=1.0, image_size=16, depth=2):
    return nn.Sequential(nn.Conv2d(in_channels, int(4 * width), 3), nn.Linear(image_size, num_classes))
ready = nn.Identity()
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "mine.py"
    path.write_text(SOURCE)
    return path


def made(name: str) -> nn.Module:
    return build(ModelSpec(name=name))


def test_from_a_file_and_from_a_module(file: Path) -> None:
    assert isinstance(made(f"{file}:net"), nn.Linear)
    assert isinstance(made("torch.nn:Identity"), nn.Identity)


@pytest.mark.parametrize(
    ("reference", "message"),
    [
        ("{file}:nett", r"has no function 'nett'; did you mean 'net'\? It has: fails, net, sized, wrong"),
        ("{file}:wrong", r"wrong\(\) returned str, not a torch.nn.Module"),
        ("{file}:fails", "failed with ValueError: no weights here"),
        ("{file}.gone.py:net", "there is no file .*gone.py"),
        ("no.such.package:net", "importing no.such.package failed with ModuleNotFoundError"),
        ("{file}:ready", "'ready' is a network already; name a function"),
        (":net", "write path/file.py:function"),
    ],
)
def test_faults_say_what_was_found(file: Path, reference: str, message: str) -> None:
    with pytest.raises(ModelError, match=message):
        made(reference.format(file=file))


def test_a_file_that_does_not_parse(tmp_path: Path) -> None:
    (tmp_path / "broken.py").write_text("def net(:")
    with pytest.raises(ModelError, match="failed with SyntaxError"):
        made(f"{tmp_path / 'broken.py'}:net")


def test_a_function_gets_what_it_has_parameters_for(file: Path) -> None:
    spec = ModelSpec(name=f"{file}:sized", classes=7, in_channels=1, width=2.0)
    convolution, linear = build(spec)  # type: ignore[misc]
    assert (convolution.in_channels, convolution.out_channels) == (1, 8)
    assert (linear.in_features, linear.out_features) == (16, 7)
    assert build(spec.changed(image_size=32))[1].in_features == 32  # type: ignore[index]


def test_a_width_that_cannot_be_had_is_refused(file: Path) -> None:
    with pytest.raises(ModelError, match=r"width = 0\.5 cannot be had, since it takes no parameter 'width'"):
        build(ModelSpec(name=f"{file}:net", width=0.5))


def test_modules_beside_the_file_and_in_the_current_folder_are_found(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "beside_it.py").write_text("from mine import net as again")
    before = list(sys.path)
    assert isinstance(made(f"{tmp_path / 'beside_it.py'}:again"), nn.Linear)
    monkeypatch.chdir(tmp_path)
    assert isinstance(made("mine:net"), nn.Linear)
    assert sys.path == before
    for name in ("mine", "netchip_user_beside_it", "netchip_user_mine"):
        sys.modules.pop(name, None)

"""Networks of the user's own, by file or module, and what can go wrong with them."""

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
        ("{file}:nett", "has no function 'nett'; it has: fails, net, wrong"),
        ("{file}:wrong", r"wrong\(\) returned str, not a torch.nn.Module"),
        ("{file}:fails", "failed with ValueError: no weights here"),
        ("{file}.gone.py:net", "there is no file .*gone.py"),
        ("no.such.package:net", "importing no.such.package failed with ModuleNotFoundError"),
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

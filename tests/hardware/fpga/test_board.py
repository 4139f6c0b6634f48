"""Boards: those that come along, a user's own, and what is refused."""

from pathlib import Path

import pytest

from netchip.errors import ConfigError
from netchip.hardware.fpga.board import RESOURCES, board_names, load_board


def test_published_amounts() -> None:
    zc706 = load_board("zc706")
    assert [getattr(zc706, name).value for name in RESOURCES] == [900, 1090, 0, 218600, 437200]
    assert zc706.limits["dsp"] == 720
    assert zc706.bandwidth_bits_per_cycle == pytest.approx(341)
    assert load_board("zcu104").uram.value == 96


@pytest.mark.parametrize("name", board_names())
def test_every_board_names_its_sources(name: str) -> None:
    board = load_board(name)
    assert board.name == name
    assert all(len(getattr(board, each).source) > 3 for each in RESOURCES)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("dsp: {value: 900,", "dsp: {value: -1,", r"dsp.value = -1: Input should be greater than or equal to 0"),
        ("dsp:", "dspx:", r"dsp: Field required.*unknown key 'dspx' \(did you mean 'dsp'\?\)"),
        ("value: 68.2e+9", "value: 0", "bandwidth_bits_per_s.value = 0: Input should be greater than 0"),
        ("family: 7-series", "family: spartan", "family = 'spartan'"),
    ],
)
def test_a_board_that_cannot_be_is_refused(tmp_path: Path, old: str, new: str, message: str) -> None:
    from importlib.resources import files

    text = files("netchip.hardware").joinpath("fpga", "boards", "zc706.yaml").read_text()
    own = tmp_path / "own.yaml"
    own.write_text(text)
    assert load_board(own) == load_board("zc706")
    own.write_text(text.replace(old, new, 1))
    with pytest.raises(ConfigError, match=message):
        load_board(own)


def test_an_unknown_board_lists_those_there_are() -> None:
    with pytest.raises(ConfigError, match=r"'zcu103' is no board \(did you mean 'zcu10[24]'\?\); give a YAML file"):
        load_board("zcu103")

"""The exception family: one root, and the exit code that each ending has."""

import inspect

import pytest

from netchip import errors
from netchip.errors import MissingExtra, NetchipError, NetchipWarning, first_line

FAMILY = [
    cls
    for _, cls in inspect.getmembers(errors, inspect.isclass)
    if issubclass(cls, Exception) and cls is not NetchipWarning
]


def test_everything_raised_on_purpose_can_be_caught_as_one() -> None:
    assert len(FAMILY) > 10
    assert all(issubclass(cls, NetchipError) for cls in FAMILY)
    assert not issubclass(NetchipWarning, NetchipError)


@pytest.mark.parametrize(
    ("code", "names"),
    [
        (1, "NetchipError RunError DivergedError CheckpointError CutMismatch"),
        (2, "RequestError ConfigError DataError ModelError GraphError CheckpointMismatch MissingExtra"),
        (3, "BudgetError"),
        (130, "Interrupted"),
    ],
)
def test_exit_codes(code: int, names: str) -> None:
    assert {cls.__name__ for cls in FAMILY if cls.exit_code == code} == set(names.split())


def test_every_class_says_when_it_is_raised() -> None:
    assert all(cls.__doc__ for cls in FAMILY)


def test_a_missing_extra_says_what_to_type() -> None:
    error = MissingExtra("timm", "vision", "a model called timm:NAME")
    assert (error.name, error.extra) == ("timm", "vision")
    assert "a model called timm:NAME needs the package 'timm'" in str(error)
    assert "pip install 'netchip[vision]'" in str(error)


def test_the_first_line_of_an_error() -> None:
    assert first_line(ValueError("\n  no such thing \nand more")) == "no such thing"
    assert first_line(ValueError(" \n")) == "ValueError"

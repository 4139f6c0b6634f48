"""`from netchip import ...` works for every public name, and importing netchip itself loads no torch."""

import subprocess
import sys

import pytest

import netchip


@pytest.mark.parametrize("name", [name for name in dir(netchip) if not name.startswith("_")])
def test_every_public_name_is_there(name: str) -> None:
    assert getattr(netchip, name).__doc__


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="module 'netchip' has no attribute 'TicketSearcher'"):
        netchip.TicketSearcher  # noqa: B018


def test_import_is_free_of_torch_and_numpy() -> None:
    code = "import sys, netchip; netchip.__version__; sys.exit(any(name in sys.modules for name in ('torch', 'numpy', 'pydantic')))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0

"""Every example runs, one of them with fewer steps than it stands there with, and stays short."""

import importlib.util
import re
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import pytest

FOLDER = Path(__file__).resolve().parents[1] / "examples"
TICKET = ("ticket drawn", "my-ticket/ticket.json")
SAYS = {  # what each example prints, and a file that it leaves behind
    "budget_without_batchnorm.py": TICKET,
    "hugging_face_trainer.py": ("with weights of 4-bit powers of two", "packed.safetensors"),
    "lightning_loop.py": TICKET,
    "own_loop.py": TICKET,
    "own_search_space.py": ("square error", None),
    "timm_script.py": ("of the blocks that may be skipped", None),
}
NEEDS = {  # a package that is not netchip's own, and the extra that brings it
    "hugging_face_trainer.py": ("transformers", "loops"),
    "lightning_loop.py": ("lightning", "loops"),
    "timm_script.py": ("timm", "vision"),
}
STEPS = re.compile(r"(, STEPS = .*, )150$", re.MULTILINE)  # where an example has so many, fifteen show that it runs


def test_every_example_is_known() -> None:
    assert {path.name for path in FOLDER.glob("*.py")} == set(SAYS)


@pytest.mark.parametrize("name", SAYS)
def test_runs_and_says_what_it_did(name: str, warm: Callable[..., CompletedProcess[str]], tmp_path: Path) -> None:
    package, extra = NEEDS.get(name, ("torch", ""))
    if importlib.util.find_spec(package) is None:
        pytest.skip(f"{package} is not installed (pip install 'netchip[{extra}]')")
    says, leaves = SAYS[name]
    code, shortened = STEPS.subn(r"\g<1>15", (FOLDER / name).read_text())
    assert shortened == (name == "own_search_space.py")
    done = warm(code)
    assert done.returncode == 0, done.stderr
    assert says in done.stdout
    assert leaves is None or (tmp_path / leaves).is_file()
    assert len((FOLDER / name).read_text().splitlines()) <= 60

"""Every example runs as it stands, and stays short."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

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


def test_every_example_is_known() -> None:
    assert {path.name for path in FOLDER.glob("*.py")} == set(SAYS)


@pytest.mark.parametrize("name", SAYS)
def test_runs_and_says_what_it_did(name: str, tmp_path: Path) -> None:
    package, extra = NEEDS.get(name, ("torch", ""))
    if importlib.util.find_spec(package) is None:
        pytest.skip(f"{package} is not installed (pip install 'netchip[{extra}]')")
    environment, (says, leaves) = os.environ | {"OMP_NUM_THREADS": "1"}, SAYS[name]
    done = subprocess.run(
        [sys.executable, str(FOLDER / name)], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=200
    )
    assert done.returncode == 0, done.stderr
    assert says in done.stdout
    assert leaves is None or (tmp_path / leaves).is_file()
    assert len((FOLDER / name).read_text().splitlines()) <= 60

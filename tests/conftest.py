"""Set-up every test shares: one torch thread, a private cache, and where the real data lies."""

import os
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import pytest
import torch

torch.set_num_threads(1)

SHARED_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"


@pytest.fixture(autouse=True)
def _private_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Caches of one worker stay together and never touch the user's."""
    monkeypatch.setenv("NETCHIP_CACHE", str(tmp_path_factory.getbasetemp() / "cache"))
    monkeypatch.delenv("NETCHIP_DATA", raising=False)


@pytest.fixture
def shared_data() -> Path:
    """The folder with real data that is too large to be embedded; a test that needs it skips where it is absent."""
    if not SHARED_DATA.is_dir():
        pytest.skip(f"real data folder {SHARED_DATA.name!r} is not beside the project")
    return SHARED_DATA

"""Set-up every test shares: one torch thread, a private cache, where the real data lies, and processes that start warm."""

import multiprocessing
import os
from collections.abc import Callable, Mapping
from multiprocessing.context import ForkServerContext
from multiprocessing.process import BaseProcess
from pathlib import Path
from subprocess import CompletedProcess
from typing import TypeAlias

os.environ.setdefault("OMP_NUM_THREADS", "1")

import pytest
import torch

torch.set_num_threads(1)

SHARED_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
# The long ones, all from one fork server: first, so that both workers end together.
FIRST = ("test_docs.py", "test_examples.py", "test_benchmarks.py", "test_two_ranks.py")
PRELOADED = ["torch", "torch._dynamo", "torch._functorch.aot_autograd", "sklearn.datasets"]
ENTRY = """
import os, sys
os.chdir(folder)
os.environ.update(environment)
for number, path in ((1, stdout), (2, stderr)):
    os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), number)
sys.argv = arguments
exec(code, {"__name__": "__main__"})
"""
Start: TypeAlias = Callable[..., BaseProcess]
Warm: TypeAlias = Callable[..., "CompletedProcess[str]"]


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: item.path.name not in FIRST)


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


@pytest.fixture(scope="session")
def forks() -> ForkServerContext:
    """Starts Pythons that have imported torch and others (3 to 4 s each time), but nothing of netchip."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(PRELOADED)
    return context


@pytest.fixture(scope="session")
def start(forks: ForkServerContext) -> Start:
    """`start(code, *arguments, folder=..., logs=...)` starts `python -c code arguments` warm, in `folder`.

    What it writes goes to stdout.txt and stderr.txt in `logs`; `environment` is added to that of the tests.
    """

    def start(
        code: str, *arguments: str, folder: Path, logs: Path, environment: Mapping[str, str] | None = None
    ) -> BaseProcess:
        given = {"code": code, "arguments": ["-c", *arguments], "environment": {**os.environ, **(environment or {})}}
        given |= {"folder": str(folder), "stdout": str(logs / "stdout.txt"), "stderr": str(logs / "stderr.txt")}
        process = forks.Process(target=exec, args=(ENTRY, given))
        process.start()
        return process

    return start


@pytest.fixture
def warm(start: Start, tmp_path: Path) -> Warm:
    """`warm(code, *arguments, folder=...)` is such a process at its end; `folder` is `tmp_path` where none is given."""

    def run(
        code: str, *arguments: str, folder: Path = tmp_path, environment: Mapping[str, str] | None = None
    ) -> CompletedProcess[str]:
        process = start(code, *arguments, folder=folder, logs=tmp_path, environment=environment)
        process.join(timeout=250)
        if process.exitcode is None:
            process.kill()
            process.join()
        written = [(tmp_path / name).read_text() for name in ("stdout.txt", "stderr.txt")]
        return CompletedProcess(arguments, process.exitcode or 0, *written)

    return run

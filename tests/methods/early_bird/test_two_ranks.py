"""Two gloo ranks search, cut and retrain: equal masks and weights, and those of one process with two half batches."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import torch

SCRIPT = Path(__file__).parent / "two_ranks.py"


def launched(folder: Path, ranks: int, accumulate: int) -> Path:
    folder.mkdir()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    launcher = (
        ["-m", "torch.distributed.run", "--nproc-per-node", "2", "--master-port", str(port)] if ranks == 2 else []
    )
    command = [sys.executable, *launcher, str(SCRIPT), str(folder), str(accumulate)]
    done = subprocess.run(
        command, env=os.environ | {"OMP_NUM_THREADS": "1"}, capture_output=True, text=True, timeout=200
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return folder


@pytest.fixture(scope="module")
def together(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return launched(tmp_path_factory.mktemp("ranks") / "two", ranks=2, accumulate=1)


def masks(folder: Path, rank: int) -> list[str]:
    return json.loads((folder / f"masks-{rank}.json").read_text())


def weights(folder: Path, rank: int) -> dict[str, torch.Tensor]:
    return torch.load(folder / f"weights-{rank}.pt", weights_only=True)


def test_both_ranks_have_the_same_masks_and_weights(together: Path) -> None:
    assert masks(together, 0) == masks(together, 1)
    assert len(masks(together, 0)) == 2
    first, second = weights(together, 0), weights(together, 1)
    assert first.keys() == second.keys()
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_they_equal_one_process_with_two_accumulated_halves(together: Path, tmp_path: Path) -> None:
    alone = launched(tmp_path / "one", ranks=1, accumulate=2)
    assert masks(alone, 0) == masks(together, 0)
    first, second = weights(alone, 0), weights(together, 0)
    for name in first:
        torch.testing.assert_close(first[name], second[name], atol=1e-5, rtol=0)

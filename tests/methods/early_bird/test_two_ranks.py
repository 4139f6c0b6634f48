"""Two gloo ranks search, cut and retrain: equal masks and weights, and those of one process with two half batches."""

import json
import socket
from collections.abc import Callable
from multiprocessing.process import BaseProcess
from pathlib import Path

import pytest
import torch

SCRIPT = Path(__file__).parent / "two_ranks.py"
Start = Callable[..., BaseProcess]


def launched(start: Start, folder: Path, ranks: int, accumulate: int) -> Path:
    """What torchrun does: the same script `ranks` times, each told by its environment which one it is."""
    folder.mkdir()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        group = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(free.getsockname()[1]), "WORLD_SIZE": str(ranks)}
    processes = []
    for rank in range(ranks):
        logs = folder / f"logs-{rank}"
        logs.mkdir()
        place = group | {"RANK": str(rank), "LOCAL_RANK": str(rank)} if ranks > 1 else {}
        processes.append(
            start(SCRIPT.read_text(), str(folder), str(accumulate), folder=folder, logs=logs, environment=place)
        )
    for rank, process in enumerate(processes):
        process.join(timeout=200)
        process.kill()
        assert process.exitcode == 0, (folder / f"logs-{rank}" / "stderr.txt").read_text()[-3000:]
    return folder


@pytest.fixture(scope="module")
def together(start: Start, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return launched(start, tmp_path_factory.mktemp("ranks") / "two", ranks=2, accumulate=1)


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


def test_they_equal_one_process_with_two_accumulated_halves(start: Start, together: Path, tmp_path: Path) -> None:
    alone = launched(start, tmp_path / "one", ranks=1, accumulate=2)
    assert masks(alone, 0) == masks(together, 0)
    first, second = weights(alone, 0), weights(together, 0)
    for name in first:
        torch.testing.assert_close(first[name], second[name], atol=1e-5, rtol=0)

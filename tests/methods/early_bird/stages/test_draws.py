"""A draw on disk: there and back, whole or refused."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import nn

from netchip.errors import CheckpointError
from netchip.methods.early_bird.search import TicketSearch
from netchip.methods.early_bird.stages.draws import Draws


def test_there_and_back(
    network: nn.Sequential, example: torch.Tensor, trained_on: Callable[[nn.Module], None], tmp_path: Path
) -> None:
    optimizer = torch.optim.SGD(network.parameters(), lr=0.1, momentum=0.9)
    search = TicketSearch(network, example, window=2, macs="50%", weights="rewind")
    network(example).square().sum().backward()
    optimizer.step()
    trained_on(network)
    search.end_epoch()
    ticket, draws = search.draw(), Draws(tmp_path / "search")
    assert not draws.has("macs-50%")
    draws.write("macs-50%", ticket, 4, network, optimizer)
    assert draws.has("macs-50%")
    draw = draws.read("macs-50%", example)
    assert (draw.ticket, draw.epoch, draw.first_epoch) == (ticket, 4, 0)
    other = torch.optim.SGD(network.parameters(), lr=0.1, momentum=0.9)
    other.load_state_dict(dict(draw.optimizer))
    assert torch.equal(
        other.state[network[0].weight]["momentum_buffer"], optimizer.state[network[0].weight]["momentum_buffer"]
    )
    assert [path.name for path in (tmp_path / "search").iterdir()] == ["draw-macs-50percent.pt"]


def test_a_missing_or_damaged_draw_says_what_to_do(tmp_path: Path, example: torch.Tensor) -> None:
    draws = Draws(tmp_path)
    with pytest.raises(CheckpointError, match=r"draw-0\.5\.pt: the draw cannot be read .*--fresh"):
        draws.read("0.5", example)
    draws.path("0.5").write_bytes(b"not a draw")
    with pytest.raises(CheckpointError, match="the draw cannot be read"):
        draws.read("0.5", example)

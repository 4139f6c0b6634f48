"""The ticket: cut in a loop, saved, loaded, applied; equal outputs all the way."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import nn

import netchip
from netchip.errors import CheckpointMismatch, DataError, GraphError
from netchip.methods.early_bird.search import TicketSearch
from netchip.methods.early_bird.ticket import Ticket


@pytest.fixture
def ticket(network: nn.Sequential, example: torch.Tensor, trained_on: Callable[[nn.Module], None]) -> Ticket:
    search = TicketSearch(network, example, window=2)
    for _ in range(2):
        trained_on(network)
        drawn = search.end_epoch()
    assert drawn is not None
    return drawn


def dense() -> nn.Sequential:
    torch.manual_seed(99)
    return nn.Sequential(
        nn.Conv2d(1, 8, 3, padding=1, bias=False), nn.BatchNorm2d(8), nn.ReLU(),
        nn.Conv2d(8, 12, 3, padding=1, bias=False), nn.BatchNorm2d(12), nn.ReLU(),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(12, 3),
    )  # fmt: skip


def test_cut_is_checked_and_shrinks_the_model(ticket: Ticket, network: nn.Sequential) -> None:
    before = sum(parameter.numel() for parameter in network.parameters())
    report = ticket.cut(network)
    assert report.difference is not None
    assert report.difference <= 1e-5
    assert sum(parameter.numel() for parameter in network.parameters()) < before
    assert {name: tuple(widths) for name, widths in report.widths.items()} == dict(ticket.widths)


def test_saved_loaded_and_applied_to_a_dense_model(
    ticket: Ticket, network: nn.Sequential, example: torch.Tensor, tmp_path: Path
) -> None:
    ticket.cut(network)
    wanted = network.eval()(example)
    folder = ticket.save(tmp_path / "ticket")
    assert sorted(path.name for path in folder.iterdir()) == ["model.safetensors", "ticket.json"]
    loaded = Ticket.load(folder)
    assert loaded == ticket
    assert torch.equal(loaded.apply(dense()).eval()(example), wanted)
    assert torch.equal(netchip.load(folder, model=dense())(example), wanted)


def test_trained_weights_are_saved_when_the_model_is_given(
    ticket: Ticket, network: nn.Sequential, example: torch.Tensor, tmp_path: Path
) -> None:
    ticket.cut(network)
    with torch.no_grad():
        network[-1].bias += 1.0
    folder = ticket.save(tmp_path / "ticket", network)
    assert torch.equal(netchip.load(folder, model=dense())(example), network.eval()(example))


def test_training_goes_on_with_the_optimizer(ticket: Ticket, network: nn.Sequential, example: torch.Tensor) -> None:
    optimizer = torch.optim.SGD(network.parameters(), lr=0.1, momentum=0.9)
    network(example).square().sum().backward()
    optimizer.step()
    ticket.cut(network, optimizer)
    assert {id(p) for group in optimizer.param_groups for p in group["params"]} == {id(p) for p in network.parameters()}
    before = [parameter.detach().clone() for parameter in network.parameters()]
    optimizer.zero_grad()
    network(example).square().sum().backward()
    optimizer.step()
    assert all(not torch.equal(old, new) for old, new in zip(before, network.parameters(), strict=True))


def test_a_checkpoint_holds_it(ticket: Ticket, example: torch.Tensor, tmp_path: Path) -> None:
    torch.save(ticket.state_dict(), tmp_path / "state.pt")
    again = Ticket.from_state(torch.load(tmp_path / "state.pt", weights_only=True), example)
    assert again == ticket
    assert all(torch.equal(tensor, again.state[name]) for name, tensor in ticket.state.items())
    assert again.example is example


def test_without_a_source_the_dense_model_must_be_given(ticket: Ticket, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="does not say how its dense network is built; give it"):
        netchip.load(ticket.save(tmp_path))


def test_another_architecture_is_refused_and_untouched(ticket: Ticket) -> None:
    other = nn.Sequential(nn.Conv2d(1, 9, 3, padding=1, bias=False), nn.BatchNorm2d(9))
    with pytest.raises(CheckpointMismatch, match=r"0\.weight"):
        ticket.apply(other)
    assert other[0].weight.shape[0] == 9


def test_a_wrapped_model_is_refused(ticket: Ticket, network: nn.Sequential) -> None:
    with pytest.raises(GraphError, match="DataParallel"):
        ticket.cut(nn.DataParallel(network))
    with pytest.raises(GraphError, match="compile"):
        ticket.cut(torch.compile(network))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda data: data.pop("edits"), "damaged or edited, KeyError"),
        (lambda data: data.update(format=9), "not a ticket of format 1"),
        (lambda data: data.update(widths=3), "damaged or edited"),
    ],
)
def test_damaged_files(ticket: Ticket, tmp_path: Path, damage: object, message: str) -> None:
    path = ticket.save(tmp_path) / "ticket.json"
    data = json.loads(path.read_text())
    damage(data)  # type: ignore[operator]
    path.write_text(json.dumps(data))
    with pytest.raises(CheckpointMismatch, match=message):
        Ticket.load(tmp_path)


def test_missing_weights_name_the_file(ticket: Ticket, tmp_path: Path) -> None:
    (ticket.save(tmp_path) / "model.safetensors").unlink()
    with pytest.raises(DataError, match=r"model\.safetensors: no such file"):
        Ticket.load(tmp_path)

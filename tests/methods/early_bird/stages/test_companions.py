"""What goes along with training: the search ends with its tickets, and the pull stays on for what was drawn."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import nn

from netchip.methods.early_bird.low_precision.arithmetic import Arithmetic
from netchip.methods.early_bird.search import TicketSearch
from netchip.methods.early_bird.stages.companions import Pulled, Searching
from netchip.methods.early_bird.stages.draws import Draws

Move = Callable[[nn.Module], None]


def optimizer_of(network: nn.Module) -> torch.optim.SGD:
    return torch.optim.SGD(network.parameters(), lr=0.1, momentum=0.9)


def searching(network: nn.Module, example: torch.Tensor, folder: Path, latest: int | None, **rule: object) -> Searching:
    search = TicketSearch(network, example, **rule)  # type: ignore[arg-type]
    return Searching(search, Arithmetic("full", network, 0), Draws(folder), latest)


def ends(companion: Searching, network: nn.Module, epochs: int, move: Move) -> list[bool]:
    optimizer, found = optimizer_of(network), []
    for epoch in range(epochs):
        move(network)
        found.append(companion.end_epoch(network, optimizer, epoch))
    return found


def test_ends_with_a_stable_mask(
    network: nn.Sequential, example: torch.Tensor, trained_on: Move, tmp_path: Path
) -> None:
    companion = searching(network, example, tmp_path, None, window=3)
    assert ends(companion, network, 3, trained_on) == [False, False, True]
    draw = companion.draws.read("0.5", example)
    assert (draw.epoch, draw.first_epoch, draw.ticket) == (3, 3, companion.search.ticket())
    assert all(torch.equal(tensor, draw.model[name]) for name, tensor in network.state_dict().items())


def test_the_latest_epoch_draws_what_there_is(
    network: nn.Sequential, example: torch.Tensor, trained_on: Move, tmp_path: Path
) -> None:
    companion = searching(network, example, tmp_path, 2)
    assert ends(companion, network, 2, trained_on) == [False, True]
    ticket = companion.search.ticket()
    assert ticket is not None
    assert (ticket.epoch, ticket.stable) == (2, False)


def test_each_ratio_leaves_the_network_of_its_own_draw(
    network: nn.Sequential, example: torch.Tensor, trained_on: Move, tmp_path: Path
) -> None:
    companion = searching(network, example, tmp_path, None, ratio=(0.5, 0.7), window=2, min_share=0)

    def move(model: nn.Module) -> None:
        """The 7th to 13th best change places for three epochs, which the mask of 0.5 sees and that of 0.7 does not."""
        epoch = len(companion.search.masks)
        with torch.no_grad():
            values = torch.arange(20.0, 0, -1) * (1 + 0.01 * epoch)
            values[7:14] = values[7:14].roll(3 * epoch) if epoch < 4 else values[7:14]
            network[1].weight.copy_(values[:8])
            network[4].weight.copy_(values[8:])

    found = ends(companion, network, 6, move)
    assert found == [False] * 5 + [True]
    first, second = companion.draws.read("0.7", example), companion.draws.read("0.5", example)
    assert (first.epoch, second.epoch) == (2, 6)
    assert not torch.equal(first.model["1.weight"], second.model["1.weight"])


def test_masks_by_steps_are_drawn_at_the_end_of_their_epoch(
    network: nn.Sequential, example: torch.Tensor, trained_on: Move, tmp_path: Path
) -> None:
    companion, optimizer = searching(network, example, tmp_path, None, window=2, every_steps=2), optimizer_of(network)
    for _ in range(5):
        trained_on(network)
        companion.after_step(network, optimizer)
    assert companion.search.finished
    assert not companion.draws.has("0.5")
    assert companion.end_epoch(network, optimizer, 0)
    draw = companion.draws.read("0.5", example)
    assert (draw.ticket.step, draw.first_epoch) == (4, 1)


@pytest.mark.parametrize("penalty", ["gradient", "proximal"])
def test_the_pull_stays_on_for_what_was_drawn(
    network: nn.Sequential, example: torch.Tensor, trained_on: Move, penalty: str
) -> None:
    search = TicketSearch(network, example, window=2, l1=0.5, penalty=penalty)  # type: ignore[arg-type]
    for _ in range(2):
        trained_on(network)
        ticket = search.end_epoch()
    assert ticket is not None
    optimizer, pulled = optimizer_of(network), Pulled(search, Arithmetic("full", network, 0))
    ticket.cut(network, optimizer)
    network(example).sum().backward()
    gradient, scales = network[1].weight.grad.clone(), network[1].weight.detach().clone()
    pulled.after_backward(network)
    pulled.after_step(network, optimizer)
    by_gradient, by_step = network[1].weight.grad - gradient, network[1].weight.detach()
    torch.testing.assert_close(by_gradient, 0.5 * scales.sign() if penalty == "gradient" else torch.zeros_like(scales))
    torch.testing.assert_close(by_step, scales if penalty == "gradient" else nn.functional.softshrink(scales, 0.05))


def test_a_resumed_search_knows_what_is_on_disk(
    network: nn.Sequential, example: torch.Tensor, trained_on: Move, tmp_path: Path
) -> None:
    first = searching(network, example, tmp_path, None, window=2)
    ends(first, network, 2, trained_on)
    second = searching(network, example, tmp_path, None, window=2)
    second.load_state_dict(first.state_dict())
    assert second.search.ticket() == first.search.ticket()
    assert second.state_dict()["written"] == ["0.5"]

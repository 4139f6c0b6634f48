"""The dense network as it was when a ticket was drawn, on disk: what the ticket and its controls are cut from."""

import io
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.optim import Optimizer

from netchip.errors import CheckpointError
from netchip.files import write_atomic
from netchip.methods.early_bird.ticket import Ticket
from netchip.train.distributed import broadcast_object, is_main


@dataclass(frozen=True)
class Draw:
    """A ticket, and weights and optimizer of the dense network after `epoch` epochs, when it was drawn."""

    ticket: Ticket
    epoch: int
    model: Mapping[str, Any]
    optimizer: Mapping[str, Any]

    @property
    def first_epoch(self) -> int:
        """The epoch from which the ticket is trained: this one when it inherits, that of its weights otherwise."""
        return self.epoch if self.ticket.inherits else self.ticket.first_epoch


class Draws:
    """The draws of a search in `folder`, one file a target. Rank 0 writes and reads for all."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def path(self, label: str) -> Path:
        """Where the draw of that target lies."""
        return self._folder / f"draw-{label.replace('%', 'percent')}.pt"

    def write(self, label: str, ticket: Ticket, epoch: int, model: nn.Module, optimizer: Optimizer) -> None:
        """Writes the draw whole or not at all; an interrupted search that draws it again writes the same."""
        if not is_main():
            return
        content = {
            "ticket": ticket.state_dict(),
            "epoch": epoch,
            "model": model.state_dict(),
            "optimizer": optimizer.state_dict(),
        }
        buffer = io.BytesIO()
        torch.save(content, buffer)
        self._folder.mkdir(parents=True, exist_ok=True)
        write_atomic(self.path(label), buffer.getvalue())

    def has(self, label: str) -> bool:
        """Whether that target's draw is on disk."""
        return broadcast_object(self.path(label).is_file())

    def read(self, label: str, example: Any) -> Draw:
        """The draw of that target, its tensors on the CPU; `example` is that of the search. Raises `CheckpointError`."""
        content: dict[str, Any] = broadcast_object(self._content(label) if is_main() else {})
        ticket = Ticket.from_state(content["ticket"], example)
        return Draw(ticket, int(content["epoch"]), content["model"], content["optimizer"])

    def _content(self, label: str) -> dict[str, Any]:
        path = self.path(label)
        try:
            return torch.load(path, map_location="cpu", weights_only=True)
        except Exception as error:  # noqa: BLE001 (a damaged file makes torch.load raise nearly anything)
            raise CheckpointError(
                f"{path}: the draw cannot be read ({type(error).__name__}); run again with --fresh to search anew"
            ) from None

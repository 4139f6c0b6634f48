"""The ticket: which channels stay, the weights they had when it was drawn, and the way onto a disk and back."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import torch
from torch import nn

from netchip.errors import CheckpointMismatch
from netchip.files import read_json, write_json
from netchip.graph.optimizer_state import inner_optimizers
from netchip.graph.saved import TICKET_FILE, WEIGHTS_FILE, load_weights
from netchip.graph.surgery import CutPlan, CutReport, cut
from netchip.train.saving import load_state, save_model, save_state

FORMAT = 1
INHERIT = "inherit"


@dataclass(frozen=True, kw_only=True)
class Ticket:
    """An early-bird ticket (arXiv 1909.11957, section 3): a cut of one architecture, and its inherited weights.

    `epoch` counts the epochs trained when it was drawn (`step` the optimizer steps, where masks are drawn by steps),
    `distances` are those the rule looked at, `stable` says whether the rule held (else it was drawn because the latest epoch
    had come). `ratio` is the share of channels removed, `target` what was asked and what it came to. `widths` maps a channel
    group to (channels kept, channels before). `weights` says where the ticket's weights come from: "inherit", "rewind to
    epoch k" or "reinit"; `first_epoch` is the epoch they belong to, from which its training goes on.
    """

    plan: CutPlan
    epoch: int
    ratio: float
    detector: str
    distances: tuple[float, ...]
    stable: bool
    widths: Mapping[str, tuple[int, int]]
    weights: str = INHERIT
    first_epoch: int = 0
    step: int | None = None
    importance: str = "gamma"
    stream: str = "coupled"
    target: Mapping[str, Any] = field(default_factory=dict[str, Any])
    source: Mapping[str, Any] | None = None
    state: Mapping[str, torch.Tensor] = field(repr=False, compare=False)
    example: Any = field(default=None, repr=False, compare=False)

    @property
    def inherits(self) -> bool:
        """Whether it goes on from the weights at the draw."""
        return self.weights == INHERIT

    @property
    def kept_percent(self) -> float:
        """Channels kept, in per cent of all that could go."""
        return 100.0 * sum(kept for kept, _ in self.widths.values()) / sum(total for _, total in self.widths.values())

    def cut(self, model: nn.Module, optimizer: torch.optim.Optimizer | None = None) -> CutReport:
        """Cuts `model` in place to the ticket, its current weights and the optimizer's state sliced alike.

        A ticket that is rewound or re-initialised then gets its own weights, and the optimizer forgets what it knew: its
        momentum belongs to other weights. Training then goes on from `first_epoch`.

        With the example of the search at hand the cut network is checked against the masked one first. Raises `GraphError`
        for a DDP, FSDP or compiled wrapper, `CheckpointMismatch` for another architecture, and `CutMismatch` when the
        check fails; the model and the optimizer are then as they were.
        """
        report = cut(model, self.plan, optimizer=optimizer, example=self.example)
        if not self.inherits:
            load_weights(model, self.state)
            for inner in inner_optimizers(optimizer):
                inner.state.clear()
        return report

    def apply(self, model: nn.Module) -> nn.Module:
        """Cuts a dense `model` of the same architecture in place and gives it the ticket's stored weights."""
        cut(model, self.plan)
        load_weights(model, self.state)
        return model

    def save(self, folder: str | Path, model: nn.Module | None = None) -> Path:
        """Writes ticket.json and model.safetensors: the weights at the draw, or those of `model` (cut, trained on)."""
        folder = Path(folder)
        if model is None:
            save_state(dict(self.state), folder / WEIGHTS_FILE)
        else:
            save_model(model, folder / WEIGHTS_FILE)
        write_json(folder / TICKET_FILE, self._json())
        return folder

    def state_dict(self) -> dict[str, Any]:
        """Plain types and tensors, for a checkpoint."""
        return {"description": self._json(), "state": dict(self.state)}

    @classmethod
    def from_state(cls, state: Mapping[str, Any], example: Any = None) -> Self:
        """What `state_dict` gave; `example` is that of the search."""
        return cls(**_fields(state["description"], "the checkpoint"), state=state["state"], example=example)

    @classmethod
    def load(cls, folder: str | Path) -> Self:
        """Reads what `save` wrote. Raises `DataError` for a missing or broken file, `CheckpointMismatch` for a newer format."""
        folder = Path(folder)
        data = read_json(folder / TICKET_FILE)
        if not isinstance(data, dict) or data.get("format") != FORMAT:
            raise CheckpointMismatch(
                f"{folder / TICKET_FILE}: not a ticket of format {FORMAT}, which is what this version reads"
            )
        return cls(**_fields(data, str(folder / TICKET_FILE)), state=load_state(folder / WEIGHTS_FILE))

    def _json(self) -> dict[str, Any]:
        return {
            "format": FORMAT,
            "method": "early-bird",
            "epoch": self.epoch,
            "ratio": self.ratio,
            "detector": self.detector,
            "distances": list(self.distances),
            "stable": self.stable,
            "weights": self.weights,
            "first_epoch": self.first_epoch,
            "step": self.step,
            "importance": self.importance,
            "stream": self.stream,
            "target": dict(self.target),
            "widths": {name: list(widths) for name, widths in self.widths.items()},
            "source": None if self.source is None else dict(self.source),
            "edits": [{"kind": "cut", "plan": self.plan.to_json()}],
        }


def _fields(data: Mapping[str, Any], where: str) -> dict[str, Any]:
    try:
        return {
            "plan": CutPlan.from_json(data["edits"][0]["plan"]),
            "epoch": int(data["epoch"]),
            "ratio": float(data["ratio"]),
            "detector": str(data["detector"]),
            "distances": tuple(float(d) for d in data["distances"]),
            "stable": bool(data["stable"]),
            "weights": str(data["weights"]),
            "first_epoch": int(data["first_epoch"]),
            "step": None if data["step"] is None else int(data["step"]),
            "importance": str(data["importance"]),
            "stream": str(data["stream"]),
            "target": dict(data["target"]),
            "widths": {str(name): (int(kept), int(total)) for name, (kept, total) in data["widths"].items()},
            "source": data["source"],
        }
    except (KeyError, IndexError, TypeError, ValueError, AttributeError) as error:
        raise CheckpointMismatch(
            f"{where}: damaged or edited, {error!r} while reading; save the ticket again"
        ) from None

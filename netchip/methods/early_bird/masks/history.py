"""The masks of one target, check by check, and whether the newest is stable."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch

from netchip.methods.early_bird.masks.detectors import RULES
from netchip.methods.early_bird.masks.mask_distance import Mask


@dataclass
class History:
    """Masks [C] oldest first, each with whether it counts as evidence: not during warm-up, and not when nothing has moved."""

    masks: list[Mask] = field(default_factory=list)
    counts: list[bool] = field(default_factory=list)

    def add(self, mask: Mask, *, counts: bool) -> None:
        """Takes up the newest mask."""
        self.masks.append(mask)
        self.counts.append(counts)

    def evidence(self) -> list[Mask]:
        """The masks that count, oldest first."""
        return [mask for mask, counts in zip(self.masks, self.counts, strict=True) if counts]

    def holds(self, detector: str, eps: float, window: int, sizes: Sequence[int]) -> bool:
        """Whether the rule calls the newest mask stable; never for one that does not count."""
        return bool(self.counts) and self.counts[-1] and RULES[detector].stable(self.evidence(), eps, window, sizes)

    def distances(self, detector: str, window: int, sizes: Sequence[int]) -> list[float]:
        """The distances the rule looks at now, oldest first."""
        return RULES[detector].distances(self.evidence(), window, sizes)

    def state_dict(self) -> dict[str, Any]:
        """Plain types; the masks packed into bits."""
        packed = np.packbits(np.stack(self.masks), axis=1) if self.masks else np.zeros((0, 0), np.uint8)
        return {
            "masks": torch.from_numpy(packed),
            "channels": self.masks[0].size if self.masks else 0,
            "counts": list(self.counts),
        }

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> "History":
        """What `state_dict` gave."""
        packed = state["masks"].cpu().numpy()
        rows = np.unpackbits(packed, axis=1, count=int(state["channels"])) if len(packed) else []
        return cls(
            masks=[row.astype(bool) for row in rows],
            counts=[bool(each) for each in state["counts"]],
        )

"""Multiply-accumulates as if they were an accelerator: what a network search without hardware makes small."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from torch import Tensor

from netchip.methods.dna.platform.platform import Design, PairReport
from netchip.workload.layer import Layer
from netchip.workload.network import Workload


@dataclass(frozen=True)
class NoDesign:
    """There is no accelerator."""

    kind: Literal["macs"] = "macs"

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {"kind": self.kind}


@dataclass(frozen=True)
class MacsPlatform:
    """A `Platform` whose one load is the MACs of a frame; `target` is the most of them."""

    target: float
    name: str = "macs"

    def best(self, workload: Workload, *, start: Design | None = None) -> NoDesign:
        """None is needed."""
        return NoDesign()

    def loads(self, design: Design, layers: Sequence[Layer]) -> np.ndarray:
        """[1, L]."""
        return np.array([[float(layer.macs) for layer in layers]])

    def combine(self, totals: Tensor) -> Tensor:
        """The only one."""
        return totals[..., 0]

    def cost(self, design: Design, workload: Workload) -> float:
        """MACs of a frame."""
        return float(workload.macs)

    def report(self, design: Design, workload: Workload) -> PairReport:
        """MACs beside their limit, and no pace."""
        return PairReport(
            platform=self.name,
            cost=float(workload.macs),
            fps=float("nan"),
            latency_s=float("nan"),
            bound_by="macs",
            parts=(),
            layers=(),
            usage={"macs": float(workload.macs)},
            limits={"macs": self.target},
            dram_bits_per_cycle=float("inf"),
        )

"""A network with its accelerator, trained: what is judged, shown and written."""

from dataclasses import dataclass

from netchip.methods.dna.platform.platform import Design
from netchip.methods.dna.space.architecture import Architecture
from netchip.methods.dna.stages.stages import Searched, Stages, Trained
from netchip.workload.network import Workload

OURS = "joint"


@dataclass(frozen=True, eq=False)
class Judged:
    """One pair. `architecture` for a network of the space, else `workload`; `searched` where a search found it."""

    name: str
    trained: Trained
    design: Design
    architecture: Architecture | None = None
    searched: Searched | None = None
    workload: Workload | None = None

    def layers(self, stages: Stages) -> Workload:
        """What the network computes, an image at a time."""
        if self.architecture is not None:
            return stages.layers.workload(self.architecture)
        return self.workload or Workload(())

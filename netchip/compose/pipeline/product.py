"""A network on its way through the stages: what it is now, and its files."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from torch import nn

from netchip.files import read_json
from netchip.graph.saved import MODEL_FILE, WEIGHTS_FILE, load, save
from netchip.graph.surgery import CutPlan
from netchip.methods.fractional_skipping.network import FractionalNetwork
from netchip.methods.fractional_skipping.saved import save_fractional
from netchip.methods.smart_exchange.baselines.model import dense_rest
from netchip.methods.smart_exchange.file.reading import read
from netchip.methods.smart_exchange.file.writing import write
from netchip.methods.smart_exchange.packing.packed import Packed
from netchip.methods.smart_exchange.stages.made import PACKED_FILE
from netchip.models.spec import ModelSpec
from netchip.workload.network import Workload

WORKLOAD_FILE = "workload.json"


@dataclass(frozen=True, eq=False, kw_only=True)
class Product:
    """A network, in eval mode on the CPU, under a row's `name`. `plans`: the cuts made; `packed`: weights as they are stored."""

    name: str
    network: nn.Module
    workload: Workload
    plans: tuple[CutPlan, ...] = ()
    packed: Mapping[str, Packed] = field(default_factory=dict[str, Packed])

    @property
    def parameters(self) -> int:
        """How many there are."""
        return sum(each.numel() for each in self.network.parameters())

    def save(self, folder: Path, source: ModelSpec) -> Path:
        """Writes it for `netchip.load`, its workload too; returns the file whose size counts."""
        described = source.model_dump(mode="json")
        self.workload.save(folder / WORKLOAD_FILE)
        if isinstance(self.network, FractionalNetwork):
            save_fractional(folder, self.network, source=described, plans=self.plans)
        else:
            save(folder, self.network, source=described, plans=self.plans)
        if not self.packed:
            return folder / WEIGHTS_FILE
        write(folder / PACKED_FILE, self.packed, dense_rest(self.network, self.packed))
        return folder / PACKED_FILE


def load_product(name: str, folder: Path, workload: str = WORKLOAD_FILE) -> Product:
    """What `Product.save` wrote, or the network of a run with its `workload`."""
    stored = folder / PACKED_FILE
    return Product(
        name=name,
        network=load(folder),
        workload=Workload.load(folder / workload),
        plans=_plans(read_json(folder / MODEL_FILE)),
        packed=dict(read(stored).packed) if stored.is_file() else {},
    )


def _plans(description: Mapping[str, Any]) -> tuple[CutPlan, ...]:
    return tuple(CutPlan.from_json(edit["plan"]) for edit in description["edits"] if edit["kind"] == "cut")

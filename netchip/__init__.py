"""netchip: neural networks that are cheap to train, to store and to run, and the chip that fits them.

The public names below are imported when they are first used, so that `import netchip` stays free of torch.
"""

import importlib
from typing import TYPE_CHECKING, Any

from netchip.version import __version__ as __version__

if TYPE_CHECKING:
    from netchip.compose.pipeline.pipeline import pipeline as pipeline
    from netchip.graph.capture import capture as capture
    from netchip.graph.coupling import channel_groups as channel_groups
    from netchip.graph.saved import load as load
    from netchip.graph.surgery import cut as cut
    from netchip.graph.surgery import plan as plan
    from netchip.graph.to_workload import to_workload as to_workload
    from netchip.hardware.accelerator import Accelerator as Accelerator
    from netchip.hardware.budget import Budget as Budget
    from netchip.hardware.chips import chip_names as chip_names
    from netchip.hardware.chips import load_chip as load_chip
    from netchip.hardware.cost import evaluate as evaluate
    from netchip.hardware.cost_report import CostReport as CostReport
    from netchip.hardware.mapper.best import best_mapping as best_mapping
    from netchip.hardware.mapper.constraints import Constraints as Constraints
    from netchip.hardware.mapper.mappers import EvolutionaryMapper as EvolutionaryMapper
    from netchip.hardware.mapper.mappers import RandomMapper as RandomMapper
    from netchip.hardware.mapping import Mapping as Mapping
    from netchip.hardware.mapping_batch import MappingBatch as MappingBatch
    from netchip.hardware.network_cost import cost as cost
    from netchip.measure.latency import measure_latency as measure_latency
    from netchip.methods.autogan_distiller.distill import distill as distill
    from netchip.methods.autogan_distiller.students import load_student as load_student
    from netchip.methods.dna.joint.co_search import CoSearch as CoSearch
    from netchip.methods.dna.joint_search import co_search as co_search
    from netchip.methods.dna.platform.fpga import FpgaPlatform as FpgaPlatform
    from netchip.methods.dna.platform.hierarchy import HierarchyPlatform as HierarchyPlatform
    from netchip.methods.dna.platform.spec import PlatformSpec as PlatformSpec
    from netchip.methods.dna.space.space import NetworkSpace as NetworkSpace
    from netchip.methods.dna.supernet.supernet import Supernet as Supernet
    from netchip.methods.early_bird.search import TicketSearch as TicketSearch
    from netchip.methods.early_bird.ticket import Ticket as Ticket
    from netchip.methods.fractional_skipping.control.bias import BiasController as BiasController
    from netchip.methods.fractional_skipping.control.controller import BudgetController as BudgetController
    from netchip.methods.fractional_skipping.network import FractionalNetwork as FractionalNetwork
    from netchip.methods.fractional_skipping.network import make_fractional as make_fractional
    from netchip.methods.fractional_skipping.options import Bits as Bits
    from netchip.methods.fractional_skipping.options import Full as Full
    from netchip.methods.fractional_skipping.options import OptionSet as OptionSet
    from netchip.methods.fractional_skipping.options import Skip as Skip
    from netchip.methods.smart_exchange.decomposition.choosing import tiling_for as tiling_for
    from netchip.methods.smart_exchange.decomposition.decompose import decompose as decompose
    from netchip.methods.smart_exchange.modules.compressed import compressed as compressed
    from netchip.methods.smart_exchange.training.smart_exchange import SmartExchange as SmartExchange
    from netchip.train.fit import fit as fit
    from netchip.workload.encoding import Precision as Precision
    from netchip.workload.layer import Layer as Layer
    from netchip.workload.network import Workload as Workload
    from netchip.workload.shape import LayerShape as LayerShape

_HOME = {
    "Accelerator": "hardware.accelerator",
    "BiasController": "methods.fractional_skipping.control.bias",
    "Bits": "methods.fractional_skipping.options",
    "Budget": "hardware.budget",
    "BudgetController": "methods.fractional_skipping.control.controller",
    "CoSearch": "methods.dna.joint.co_search",
    "Constraints": "hardware.mapper.constraints",
    "CostReport": "hardware.cost_report",
    "EvolutionaryMapper": "hardware.mapper.mappers",
    "FpgaPlatform": "methods.dna.platform.fpga",
    "FractionalNetwork": "methods.fractional_skipping.network",
    "Full": "methods.fractional_skipping.options",
    "HierarchyPlatform": "methods.dna.platform.hierarchy",
    "Layer": "workload.layer",
    "LayerShape": "workload.shape",
    "Mapping": "hardware.mapping",
    "MappingBatch": "hardware.mapping_batch",
    "NetworkSpace": "methods.dna.space.space",
    "OptionSet": "methods.fractional_skipping.options",
    "PlatformSpec": "methods.dna.platform.spec",
    "Precision": "workload.encoding",
    "RandomMapper": "hardware.mapper.mappers",
    "Skip": "methods.fractional_skipping.options",
    "SmartExchange": "methods.smart_exchange.training.smart_exchange",
    "Supernet": "methods.dna.supernet.supernet",
    "Ticket": "methods.early_bird.ticket",
    "TicketSearch": "methods.early_bird.search",
    "Workload": "workload.network",
    "best_mapping": "hardware.mapper.best",
    "capture": "graph.capture",
    "channel_groups": "graph.coupling",
    "chip_names": "hardware.chips",
    "co_search": "methods.dna.joint_search",
    "compressed": "methods.smart_exchange.modules.compressed",
    "cost": "hardware.network_cost",
    "cut": "graph.surgery",
    "decompose": "methods.smart_exchange.decomposition.decompose",
    "distill": "methods.autogan_distiller.distill",
    "evaluate": "hardware.cost",
    "fit": "train.fit",
    "load": "graph.saved",
    "load_chip": "hardware.chips",
    "make_fractional": "methods.fractional_skipping.network",
    "load_student": "methods.autogan_distiller.students",
    "measure_latency": "measure.latency",
    "pipeline": "compose.pipeline.pipeline",
    "plan": "graph.surgery",
    "tiling_for": "methods.smart_exchange.decomposition.choosing",
    "to_workload": "graph.to_workload",
}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'netchip' has no attribute {name!r}")
    value = getattr(importlib.import_module(f"netchip.{_HOME[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*_HOME, "__version__"])

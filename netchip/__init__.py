"""netchip: neural networks that are cheap to train, to store and to run, and the chip that fits them.

The public names below are imported when they are first used, so that `import netchip` stays free of torch.
"""

import importlib
from typing import TYPE_CHECKING, Any

from netchip.version import __version__ as __version__

if TYPE_CHECKING:
    from netchip.graph.capture import capture as capture
    from netchip.graph.coupling import channel_groups as channel_groups
    from netchip.graph.saved import load as load
    from netchip.graph.surgery import cut as cut
    from netchip.graph.surgery import plan as plan
    from netchip.graph.to_workload import to_workload as to_workload
    from netchip.measure.latency import measure_latency as measure_latency
    from netchip.methods.early_bird.search import TicketSearch as TicketSearch
    from netchip.methods.early_bird.ticket import Ticket as Ticket
    from netchip.train.fit import fit as fit
    from netchip.workload.encoding import Precision as Precision
    from netchip.workload.layer import Layer as Layer
    from netchip.workload.network import Workload as Workload
    from netchip.workload.shape import LayerShape as LayerShape

_HOME = {
    "Layer": "workload.layer",
    "LayerShape": "workload.shape",
    "Precision": "workload.encoding",
    "Ticket": "methods.early_bird.ticket",
    "TicketSearch": "methods.early_bird.search",
    "Workload": "workload.network",
    "capture": "graph.capture",
    "channel_groups": "graph.coupling",
    "cut": "graph.surgery",
    "fit": "train.fit",
    "load": "graph.saved",
    "measure_latency": "measure.latency",
    "plan": "graph.surgery",
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

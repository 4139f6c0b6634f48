"""Seconds that reading a network takes, beside torch's own counter in the same run: `python benchmarks/capture.py`.

The counter runs the network for real on its input; capture traces it. The first capture also loads torch's tracer.
"""

import datetime
import time
from collections.abc import Callable
from typing import Any

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from netchip.graph.to_workload import to_workload
from netchip.measure.device import device_description
from netchip.models.build import build, example_input
from netchip.models.spec import ModelSpec

NETWORKS = ("resnet50", "mobilenet_v2")
IMAGE_SIZE = 224


def main() -> None:
    """Prints one line a network."""
    torch.set_num_threads(1)
    place = device_description()
    print(f"{datetime.date.today()}  {place.name}, {place.threads} thread, torch {place.torch}")
    for turn, name in enumerate(NETWORKS):
        spec = ModelSpec.parse({"name": name, "classes": 1000, "image_size": IMAGE_SIZE})
        model, example = build(spec).eval(), example_input(spec)
        seconds, workload = timed(lambda model=model, example=example: to_workload(model, example))
        again, _ = timed(lambda model=model, example=example: to_workload(model, example))
        counting, macs = timed(lambda model=model, example=example: counted(model, example))
        first = "first, with the tracer's imports" if turn == 0 else "first"
        print(
            f"{name:13} {len(workload.layers):3} layers  {workload.macs / 1e6:7.1f} M MACs"
            f"  to_workload {seconds:5.2f} s ({first}), {again:5.2f} s (again)"
            f"  FlopCounterMode {counting:5.2f} s, {macs / 1e6:7.1f} M"
        )


def counted(model: nn.Module, example: torch.Tensor) -> int:
    """MACs by torch's counter."""
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        model(example)
    return counter.get_total_flops() // 2


def timed(work: Callable[[], Any]) -> tuple[float, Any]:
    """Seconds of `work`, and what it gave."""
    begin = time.perf_counter()
    result = work()
    return time.perf_counter() - begin, result


if __name__ == "__main__":
    main()

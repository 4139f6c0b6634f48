"""What routing saves and takes: python benchmarks/routing.py [--depth 38] [--repeats 15] [--runtimes torch onnxruntime].

A gated CIFAR ResNet (skip or full, fresh weights, the gate's bias set so that half of the blocks run) beside the network in
full, in turns, in one runtime at a time. Ratios are of wall-clock medians; beside them of the process's CPU time, which other
programs on the machine change less. Targets: batch 64 at most 0.65 with routing below 10 % of the dense forward; batch 1 at
most 0.80 with the LSTM gate and 0.70 with the upfront policy.
"""

import argparse
import datetime
import time

import numpy as np
import torch

from netchip.measure.device import device_description
from netchip.measure.latency import measure_latency
from netchip.methods.fractional_skipping.execution.arms import FP32, FRACTIONAL, Arms, make_arms
from netchip.methods.fractional_skipping.execution.spent import Spent
from netchip.methods.fractional_skipping.network import FractionalNetwork, make_fractional
from netchip.methods.fractional_skipping.options import SKIPNET
from netchip.models.build import build
from netchip.models.spec import ModelSpec

TARGETS = {("recurrent", 1): 0.80, ("upfront", 1): 0.70, ("recurrent", 64): 0.65, ("upfront", 64): 0.65}


def half(depth: int, gate: str, images: torch.Tensor) -> tuple[FractionalNetwork, float]:
    """A network that runs about half of its gated blocks, chosen by what the images show; and the share that runs."""
    torch.manual_seed(0)
    network = make_fractional(build(ModelSpec(name=f"resnet{depth}")), SKIPNET, gate).eval()
    with torch.no_grad():
        network.gate.head.weight.mul_(30)
        for _ in range(8):  # a block's features move with the decisions before it
            logits = network(images, detail=True, form="static").logits
            network.logit_bias[:, 0] += 0.7 * (logits[..., 1] - logits[..., 0]).median(0).values
        share = float(network(images, detail=True).routes.float().mean())
    return network, share


def cpu_ratio(arms: Arms, batch: int, images: torch.Tensor, repeats: int) -> float:
    """CPU seconds of the fractional arm over those of the static one."""
    spent = {FP32: 0.0, FRACTIONAL: 0.0}
    with torch.inference_mode():
        for _ in range(repeats * (8 if batch == 1 else 1)):
            for name in spent:
                began = time.process_time()
                arms.modules[name](images[:batch])
                spent[name] += time.process_time() - began
    return spent[FRACTIONAL] / spent[FP32]


def overhead(arms: Arms, images: torch.Tensor, repeats: int) -> tuple[float, float]:
    """Median seconds of deciding and of moving for one batch, in the grouped form."""
    found = [Spent() for _ in range(repeats + 1)]
    with torch.inference_mode():
        for each in found:
            arms.routed(images, each)
    parts = [(each.deciding_s, each.moving_s) for each in found[1:]]
    return tuple(float(each) for each in np.median(parts, 0))  # type: ignore[return-value]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--depth", type=int, default=38)
    parser.add_argument("--repeats", type=int, default=15)
    parser.add_argument("--runtimes", nargs="+", default=["torch", "onnxruntime"])
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    images = torch.randn(64, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    place = device_description()
    print(f"{datetime.date.today()}  {place.name}, 1 thread, torch {place.torch}; ResNet-{chosen.depth}, skip or full")
    print(
        f"{'runtime':12}{'gate':11}{'runs':>6}{'batch':>6}{'dense ms':>10}{'ours ms':>9}{'ratio':>7}{'CPU':>6}"
        f"{'target':>8}  routing"
    )
    for runtime in chosen.runtimes:
        for gate in ("recurrent", "upfront"):
            network, share = half(chosen.depth, gate, images)
            arms = make_arms(network, images, runtime)
            two = {name: arms.modules[name] for name in (FP32, FRACTIONAL)}
            for batch in (1, 64):
                repeats = chosen.repeats * (8 if batch == 1 else 1)
                dense, ours = measure_latency(two, images[:1], batch_sizes=(batch,), warmup=3, repeats=repeats)
                deciding, moving = overhead(arms, images[:batch], chosen.repeats)
                ratio, cpu = ours.median_s / dense.median_s, cpu_ratio(arms, batch, images, chosen.repeats)
                print(
                    f"{runtime:12}{gate:11}{share:6.0%}{batch:6}{dense.median_s * 1e3:10.2f}{ours.median_s * 1e3:9.2f}"
                    f"{ratio:7.2f}{cpu:6.2f}{TARGETS[gate, batch]:8.2f}  deciding {deciding * 1e3:.2f} ms, "
                    f"moving {moving * 1e3:.2f} ms, {(deciding + moving) / dense.median_s:.1%} of dense",
                    flush=True,
                )


if __name__ == "__main__":
    main()

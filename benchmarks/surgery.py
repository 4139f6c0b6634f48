"""How long it takes to find the channel groups of a network and to cut half of them: python benchmarks/surgery.py."""

import datetime
import json
import platform
import time

import numpy as np
import torch

from netchip.graph.coupling import channel_groups
from netchip.graph.surgery import cut, plan
from netchip.models.build import build, example_input
from netchip.models.spec import ModelSpec

NETWORKS = (("resnet20", None, 10), ("vgg16_bn", None, 10), ("mobilenet_v2", 224, 1000), ("resnet50", 224, 1000))


def main() -> None:
    torch.set_num_threads(1)
    today = datetime.date.today().isoformat()
    print(f"{today}, {platform.processor() or platform.machine()}, 1 thread, torch {torch.__version__}")
    print(f"{'network':14}{'groups':>7}{'units':>8}{'coupling s':>12}{'cut s':>8}{'checked cut s':>15}{'plan kB':>9}")
    for name, size, classes in NETWORKS:
        spec = ModelSpec(name=name, image_size=size, classes=classes)
        example = example_input(spec)
        began = time.perf_counter()
        coupling = channel_groups(build(spec), example)
        coupled = time.perf_counter() - began
        cuts = plan(coupling, {group.name: np.arange(group.units) % 2 == 0 for group in coupling.groups})
        random = plan(coupling, {g.name: np.random.default_rng(0).random(g.units) < 0.5 for g in coupling.groups})
        plain, checked = cut(build(spec), cuts).seconds, cut(build(spec), cuts, example=example).seconds
        size_kb = len(json.dumps(random.to_json())) / 1000
        units = sum(group.units for group in coupling.groups)
        print(f"{name:14}{len(coupling.groups):7}{units:8}{coupled:12.2f}{plain:8.2f}{checked:15.2f}{size_kb:9.1f}")


if __name__ == "__main__":
    main()

"""What a search step costs, and how fast networks at a tenth of the teacher's MACs are: `python benchmarks/distiller_pace.py`.

A search step is an architecture step and a weight step. Times are the process's own, in turns, medians; the memory is what
autograd keeps of activations for an architecture step, on average over draws.
"""

import datetime
import statistics
import time
from collections.abc import Callable

import torch
from torch import Tensor

from netchip.measure.device import device_description
from netchip.measure.latency import measure_latency
from netchip.methods.autogan_distiller.costing.budgets import parse_budget
from netchip.methods.autogan_distiller.costing.choosing import make_measure, make_target, random_networks
from netchip.methods.autogan_distiller.costing.exact import reach
from netchip.methods.autogan_distiller.costing.measures import Macs
from netchip.methods.autogan_distiller.costing.table import cost_table
from netchip.methods.autogan_distiller.space import presets
from netchip.methods.autogan_distiller.space.space import Space
from netchip.methods.autogan_distiller.supernet.route import Route
from netchip.methods.autogan_distiller.supernet.supernet import Supernet
from netchip.models.srgan import SRGANGenerator

REPEATS = 5


def main() -> None:
    """Prints the search's pace on two spaces, then the latency of random networks at a tenth of SRGAN's MACs."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
    place = device_description()
    print(f"{datetime.date.today()}  {place.name}, 1 thread, torch {place.torch}")
    search_pace(presets.super_resolution(4), (32, 32))
    search_pace(presets.translation(32, 6), (64, 64))
    student_latency()


def search_pace(space: Space, size: tuple[int, int]) -> None:
    """One line: a plain step of the largest network, and search steps as multiples of it; memory against softmax."""
    supernet, paper = Supernet(space), Supernet(space, operators="softmax")
    table = cost_table(space, Macs(), size)
    largest = supernet.route_of(reach(table)[1].architecture)
    images = torch.rand(4, 3, *size)
    target = torch.rand_like(supernet(images, largest))

    def step(network: Supernet, routes: list[Route], *, learn: bool = False) -> None:
        loss = torch.stack([(network(images, route) - target).square().mean() for route in routes]).sum()
        if learn:
            loss = loss + network.expected_cost(table) * 1e-12
        network.zero_grad()
        loss.backward()

    def ends(network: Supernet, learn: bool) -> list[Route]:
        return [network.route(widths, learn=learn) for widths in ("drawn", "widest", "narrowest")]

    steps: dict[str, Callable[[], None]] = {
        "plain": lambda: step(supernet, [largest]),
        "sampled": lambda: (
            step(supernet, [supernet.route(learn=True)], learn=True),
            step(supernet, ends(supernet, False)),
        )[0],
        "paper": lambda: (step(paper, ends(paper, True), learn=True), step(paper, ends(paper, False)))[0],
    }
    took = times(steps)
    kept = statistics.mean(
        saved_bytes(lambda: supernet(images, supernet.route("widest", learn=True))) for _ in range(8)
    )
    full = saved_bytes(lambda: paper(images, paper.route("widest", learn=True)))
    print(
        f"{space.name}: a plain step of the largest network {took['plain'] * 1e3:.0f} ms, a search step with sampled operators "
        f"{took['sampled'] / took['plain']:.2f}x, in the paper's form {took['paper'] / took['plain']:.2f}x; "
        f"activations kept {kept / full:.2f} of softmax"
    )


def student_latency() -> None:
    """One line a network: latency at 128x128 beside the teacher's."""
    teacher, space = SRGANGenerator().eval(), presets.super_resolution(4)
    target = make_target(space, parse_budget("10%"), make_measure("macs"), (128, 128), teacher)
    drawn = random_networks(target.table, target.budget, 5, seed=0)
    models = {"teacher": teacher} | {f"random {i}": space.derive(each.architecture) for i, each in enumerate(drawn)}
    found = measure_latency(models, torch.rand(1, 3, 128, 128), batch_sizes=(1,), warmup=2, repeats=7)
    for each in found:
        print(f"{each.model:10} {each.median_s * 1e3:8.0f} ms  x{found[0].median_s / each.median_s:.1f}")


def times(steps: dict[str, Callable[[], None]]) -> dict[str, float]:
    """Seconds of the process, the median by name, taken in turns."""
    taken: dict[str, list[float]] = {name: [] for name in steps}
    for turn in range(1 + REPEATS):
        for name, run in steps.items():
            begin = time.process_time()
            run()
            if turn:
                taken[name].append(time.process_time() - begin)
    return {name: statistics.median(each) for name, each in taken.items()}


def saved_bytes(run: Callable[[], Tensor]) -> int:
    """Bytes of distinct activations that autograd keeps for the backward pass of `run`."""
    kept: dict[int, int] = {}

    def pack(tensor: Tensor) -> Tensor:
        if not isinstance(tensor, torch.nn.Parameter):
            kept[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        held = run()
    return sum(kept.values()) if held.requires_grad else 0


if __name__ == "__main__":
    main()

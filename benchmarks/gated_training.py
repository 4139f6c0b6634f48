"""What a training step of a gated network takes, as a multiple of the plain network's: python benchmarks/gated_training.py.

[--model resnet20] [--batch 64] [--repeats 7]. CPU time of forward and backward, in turns with the plain network, the least of
each. Aim with K options: at most K - 1 passes and a tenth (skipping takes no pass), and less where only two are computed.
"""

import argparse
import time
from collections.abc import Callable

import torch
from torch.nn.functional import cross_entropy

from netchip.measure.device import device_description
from netchip.methods.fractional_skipping.blocks.static_form import Deciding
from netchip.methods.fractional_skipping.network import make_fractional
from netchip.models.build import build
from netchip.models.spec import ModelSpec

OPTIONS = ("skip, full", "skip, 8, full", "skip, 4, 8, full", "skip, 2, 3, 4, 5, 8, full")


def seconds(step: Callable[[], None]) -> float:
    began = time.process_time()
    step()
    return time.process_time() - began


def quickest(gated: Callable[[], None], alone: Callable[[], None], repeats: int) -> float:
    """The least time of the one over the least of the other, in turns: what other programs on the machine disturb least."""
    rounds = [(seconds(gated), seconds(alone)) for _ in range(repeats)]
    return min(each for each, _ in rounds) / min(each for _, each in rounds)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="resnet20")
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--repeats", type=int, default=7)
    options = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    images, labels = torch.randn(options.batch, 3, 32, 32), torch.randint(10, (options.batch,))

    def stepping(network: torch.nn.Module, **detail: bool) -> Callable[[], None]:
        network.train()

        def step() -> None:
            passed = network(images, **detail)
            cross_entropy(passed.outputs if detail else passed, labels).backward()
            network.zero_grad()

        step()
        return step

    plain = build(ModelSpec(name=options.model))
    alone = stepping(plain)
    print(f"{options.model}, batch {options.batch}, one thread; {device_description().name}; torch {torch.__version__}")
    print("| options | K | aim | all computed | the chosen and one other |\n|---|---|---|---|---|")
    for names in OPTIONS:
        count, found = len(names.split(",")), []
        for candidates in ("all", "two"):
            deciding = Deciding(candidates=candidates)
            gated = stepping(
                make_fractional(plain, names, "recurrent", example=images[:2], deciding=deciding), detail=True
            )
            found.append(quickest(gated, alone, options.repeats))
        print(f"| {names} | {count} | {1.1 * (count - 1):.1f} | {found[0]:.2f} | {found[1]:.2f} |")


if __name__ == "__main__":
    main()

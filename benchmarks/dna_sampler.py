"""What finding a pair costs on digits: one joint search beside a sampler that trains every network it tries.

python benchmarks/dna_sampler.py --samples 60 --seed 2 --folder /tmp/sampler
The sampler (`dna/platform/reinforce.py`) is moved by accuracy on the validation part and the cost beside the target; each of its
networks has the best accelerator, and trains as the joint search's last one does. Both are of the experiment `digits`, and judged
on the test part at the end. Run again, it goes on where it stopped.
"""

import argparse
import datetime
import time
from collections.abc import Callable
from pathlib import Path

from torch import nn

from netchip.data.batches import evaluation_batches
from netchip.files import read_json, write_json
from netchip.measure.accuracy import accuracy_percent
from netchip.measure.device import device_description
from netchip.methods import find_method
from netchip.methods.dna.config import DnaConfig
from netchip.methods.dna.platform.fpga import FpgaPlatform
from netchip.methods.dna.platform.reinforce import Picks, SamplingRun
from netchip.methods.dna.run import stages_of
from netchip.methods.dna.space.architecture import Architecture
from netchip.methods.dna.stages.stages import Stages
from netchip.train.rundir import RunDir

MARKS = (10, 20, 40, 60, 80, 100)
COST_POWER = 0.5
"""Above MnasNet's 0.07: the target is a limit here, and hardly a network drawn evenly keeps it."""


def main() -> None:
    """Prints what the joint search spent and found, then the sampler's best so far after so many networks."""
    given = arguments()
    config = find_method("dna").experiment("digits").changed(seed=given.seed, train={"progress": "quiet"}, controls=())
    if given.fps:
        config = config.changed(platform={"fps": given.fps})
    place = device_description()
    print(
        f"{datetime.date.today()}  {place.name}, torch {place.torch}; seed {given.seed}, {config.platform.fps:,.0f} frames a second"
    )
    with RunDir.open(given.folder, "dna", "sampler", config, given.seed) as rundir:
        joint(config, stages_of(config, rundir))
        sampler(stages_of(config, rundir), given.samples)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--samples", type=int, default=60)
    parser.add_argument("--seed", type=int, default=2)
    parser.add_argument("--fps", type=float, default=0.0)
    parser.add_argument("--folder", type=Path, default=Path("runs"))
    return parser.parse_args()


def joint(config: DnaConfig, stages: Stages) -> None:
    """One line: accuracy, networks trained, designs priced, seconds."""
    found = stages.searched()
    trained = stages.trained(stages.network(found.pair.architecture), "final")
    calls = found.hardware_solves * board_of(stages).calls_each
    training = 0.0 if trained.result is None else trained.result.seconds
    spec = config.search
    print(
        f"joint search: {tested(stages, trained.network):.2f} % of the test images; a supernet, {len(found.candidates)} auditions "
        f"of {spec.audition_epochs} epochs, {spec.finalists} of {spec.finalist_epochs}, one training; {calls:,} predictor calls; "
        f"{found.pretrain_seconds + found.seconds:.0f} s of search, {found.hardware_seconds:.1f} s of them on hardware, and "
        f"{training:.0f} s of the last training"
    )


def sampler(stages: Stages, samples: int) -> None:
    """A line at each mark: the best so far, and what was spent."""
    positions = stages.space.positions

    def network_of(picks: Picks) -> Architecture:
        return stages.space.architecture([(pick, 0) for pick in picks])

    def train(picks: Picks) -> float:
        trained = stages.trained(stages.network(network_of(picks)), folder_of(picks))
        return accuracy_percent(trained.network, stages.validation()) / 100

    run = SamplingRun(
        [len(each.options) for each in positions],
        board_of(stages),
        workload_of=lambda picks: stages.layers.workload(network_of(picks)),
        train=train,
        seed=stages.seed,
        cost_power=COST_POWER,
    )
    state = stages.folder / "sampler.json"
    if state.exists():
        run.load_state_dict(read_json(state))
    began = time.monotonic()
    while len(run.samples) < samples:
        run.step()
        write_json(state, run.state_dict())
        if len(run.samples) in MARKS or len(run.samples) == samples:
            tell(stages, run, network_of)
    print(f"this call took {time.monotonic() - began:.0f} s")


def tell(stages: Stages, run: SamplingRun, network_of: Callable[[Picks], Architecture]) -> None:
    """One line: the best sample that keeps every limit, tested, and what all samples took."""
    spent, fitting = run.spent, sum(each.fits for each in run.samples)
    found = "none keeps the limits"
    if fitting:
        picks = run.best.picks
        trained = stages.trained(stages.network(network_of(picks)), folder_of(picks))
        found = f"{fitting} keep the limits, the best {tested(stages, trained.network):.2f} % of the test images"
    print(
        f"sampler, {len(run.samples)} networks: {found}; {spent.predictor_calls:,} predictor calls; "
        f"{spent.training_seconds:.0f} s of training and {spent.hardware_seconds:.1f} s on hardware",
        flush=True,
    )


def folder_of(picks: Picks) -> str:
    """Where a sampled network's training is kept."""
    return "sampled/" + "-".join(map(str, picks))


def board_of(stages: Stages) -> FpgaPlatform:
    """The platform, as one that says what a design costs to find."""
    if not isinstance(stages.platform, FpgaPlatform):
        raise TypeError(f"{stages.platform.name} is no board; the experiment digits has one")
    return stages.platform


def tested(stages: Stages, network: nn.Module) -> float:
    """Accuracy in per cent on the test part."""
    return accuracy_percent(network, evaluation_batches(stages.data.test, stages.data, stages.dataset))


if __name__ == "__main__":
    main()

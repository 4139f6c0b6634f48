"""A pair for each of several targets, on the way of one run: the first search's supernet is taken on from target to target."""

from dataclasses import dataclass, field, replace
from pathlib import Path

from torch import Tensor

from netchip.data.batches import evaluation_batches
from netchip.files import write_json
from netchip.measure.accuracy import accuracy_percent
from netchip.methods.dna.config import DnaConfig
from netchip.methods.dna.platform.files import write_pair
from netchip.methods.dna.platform.fpga import FpgaPlatform
from netchip.methods.dna.platform.hierarchy import HierarchyPlatform
from netchip.methods.dna.platform.limits import require_accuracy
from netchip.methods.dna.platform.pareto import (
    CSV,
    PJ_S_IN_UJ_S,
    Asked,
    FrontPoint,
    SolvedTarget,
    Start,
    points_figure,
    points_table,
    sweep,
)
from netchip.methods.dna.platform.platform import Design, Platform
from netchip.methods.dna.space.files import save_network
from netchip.methods.dna.space.space import Derived
from netchip.methods.dna.stages.figures import FOLDER as FIGURES
from netchip.methods.dna.stages.judging import Judged
from netchip.methods.dna.stages.stages import Searched, Stages
from netchip.methods.dna.supernet.supernet import Supernet
from netchip.methods.method import Result
from netchip.train.saving import load_state, save_state
from netchip.workload.network import Workload

FOLDER, SUPERNET = "front", "supernet.safetensors"


def with_front(config: DnaConfig, stages: Stages, ours: Judged, result: Result) -> Result:
    """The result with the run's own pair and one for each target: front/ holds each pair in a folder, the CSV and the points.

    A target that nothing reaches is a line of the result, no failure. Called again it goes on where it was stopped.
    """
    if ours.searched is None:
        raise TypeError("only a pair that was searched has a supernet to go on from")
    sweeper = Sweeper(config, stages, ours, ours.searched, float(result.metrics["test_accuracy_percent"] or 0.0) / 100)
    points = sweep(sweeper.targets, sweeper, asked=sweeper.asked, folder=stages.folder / FOLDER)
    for name, figure in (("front", points_figure(points)), ("front_table", points_table(points))):
        write_json(stages.folder / FIGURES / f"{name}.json", figure)
    return replace(
        result,
        metrics={**result.metrics, "front_points": sum(point.on_front for point in points)},
        notes=(*result.notes, *_in_words(points)),
    )


@dataclass(eq=False)
class Sweeper:
    """Solves one target: searches on from the supernet of the nearest solved one, trains, writes the pair."""

    config: DnaConfig
    stages: Stages
    ours: Judged
    searched: Searched
    accuracy: float
    states: dict[float, dict[str, Tensor]] = field(default_factory=dict[float, dict[str, Tensor]])

    @property
    def asked(self) -> Asked:
        """Energy-delay where the run asks for it, else frames a second."""
        return "fps" if self.config.platform.edp_uj_s is None else "edp_uj_s"

    @property
    def own_target(self) -> float | None:
        """That of the run itself."""
        return self.config.platform.fps if self.asked == "fps" else self.config.platform.edp_uj_s

    @property
    def targets(self) -> tuple[float, ...]:
        """All, the run's own among them."""
        own = () if self.own_target is None else (self.own_target,)
        return (*own, *self.config.targets)

    def __call__(self, target: float, start: Start | None) -> SolvedTarget:
        """The pair at one target; raises `BudgetError` where none is found that keeps every limit."""
        if target == self.own_target:
            report = self.stages.platform.report(self.ours.design, self.ours.layers(self.stages))
            return SolvedTarget(self.accuracy, self.ours.design, report)
        platform = at_target(self.stages.platform, self.asked, target)
        own = replace(self.stages, platform=platform, folder=self._folder(target), start=self._state(start))
        own.check()
        found = own.searched()
        save_state(_fresh_choices(found.supernet), own.folder / SUPERNET)
        network = own.trained(own.network(found.pair.architecture, found), "final").network.cpu().eval()
        workload = own.layers.workload(found.pair.architecture)
        design = _better(platform, workload, found.pair.design, start)
        report = platform.report(design, workload).require()
        if (floor := self.config.accuracy_floor_percent) is not None:
            require_accuracy(accuracy_percent(network, own.validation()) / 100, floor / 100, report)
        if isinstance(network, Derived):
            save_network(own.folder, network)
        write_pair(own.folder, platform, design, workload)
        test = evaluation_batches(own.data.test, own.data, own.dataset)
        return SolvedTarget(accuracy_percent(network, test) / 100, design, report)

    def _folder(self, target: float) -> Path:
        return self.stages.folder / FOLDER / f"{self.asked.partition('_')[0]}-{target:g}"

    def _state(self, start: Start | None) -> dict[str, Tensor]:
        """The supernet of the nearest solved target, else that of the run."""
        if start is None or start.target == self.own_target:
            return _fresh_choices(self.searched.supernet)
        return load_state(self._folder(start.target) / SUPERNET)


def at_target(platform: Platform, asked: Asked, target: float) -> Platform:
    """The platform with another target."""
    if isinstance(platform, HierarchyPlatform) and asked == "edp_uj_s":
        return replace(platform, edp_pj_s=target * PJ_S_IN_UJ_S)
    if isinstance(platform, HierarchyPlatform | FpgaPlatform):
        return replace(platform, fps=target)
    raise TypeError(f"{platform.name} has no targets to change")


def _fresh_choices(supernet: Supernet) -> dict[str, Tensor]:
    """The state with all choices even again: what was right at one target must not be at another."""
    choices = {id(each) for each in supernet.architecture_parameters()}
    fresh = {name for name, each in supernet.named_parameters() if id(each) in choices}
    state = {name: each.detach().cpu().clone() for name, each in supernet.state_dict().items()}
    return {name: each.zero_() if name in fresh else each for name, each in state.items()}


def _better(platform: Platform, workload: Workload, found: Design, start: Start | None) -> Design:
    """What was found, or what the search for this network finds from the nearest target's design, if that costs less."""
    if start is None:
        return found
    other = platform.best(workload, start=start.design)
    return min(
        (found, other), key=lambda each: (len(platform.report(each, workload).over), platform.cost(each, workload))
    )


def _in_words(points: tuple[FrontPoint, ...]) -> tuple[str, ...]:
    reached = [point for point in points if not point.refused]
    unit = "frames a second" if points[0].asked == "fps" else "uJ s"
    lines = [f"{FOLDER}/{CSV}: {len(reached)} of {len(points)} targets reached, each search from the supernet before"]
    lines += [f"{point.target:g} {unit}: {point.refused}" for point in points if point.refused]
    return tuple(lines)

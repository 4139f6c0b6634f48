"""One call: a task, a board or chip with limits, and the matched pair."""

from dataclasses import dataclass
from pathlib import Path

from torch import nn

from netchip.data.images import ImageClasses
from netchip.data.loading import load
from netchip.data.spec import DatasetSpec
from netchip.errors import RequestError
from netchip.files import write_json
from netchip.measure.accuracy import accuracy_percent
from netchip.methods.dna.joint.pair import Pair
from netchip.methods.dna.platform.building import platform_of
from netchip.methods.dna.platform.limits import require_accuracy
from netchip.methods.dna.platform.platform import Design, PairReport, Platform
from netchip.methods.dna.platform.spec import PlatformSpec
from netchip.methods.dna.space.architecture import Architecture
from netchip.methods.dna.space.files import save_network
from netchip.methods.dna.space.presets import preset
from netchip.methods.dna.space.space import Derived, NetworkSpace
from netchip.methods.dna.spec import FinalSpec, SearchSpec
from netchip.methods.dna.stages.comparison import ACCELERATOR_FILE, PAIR_FILE
from netchip.methods.dna.stages.stages import Searched, Stages
from netchip.train.spec import TrainSpec
from netchip.workload.network import Workload


@dataclass(frozen=True, eq=False)
class CoSearched:
    """A matched pair: the network, trained and in eval mode, its accelerator, and what the two cost, within every limit."""

    network: nn.Module
    architecture: Architecture
    design: Design
    report: PairReport
    workload: Workload
    searched: Searched

    def save(self, folder: str | Path) -> Path:
        """Writes the network (`netchip.load(folder)` reads it), accelerator.json and pair.json.

        Raises `DataError` for blocks of a user's own, whose code is in no file.
        """
        folder = Path(folder)
        if isinstance(self.network, Derived):
            save_network(folder, self.network)
        write_json(folder / ACCELERATOR_FILE, self.design.to_json())
        write_json(folder / PAIR_FILE, self.report.to_json())
        return folder


def co_search(
    data: ImageClasses | DatasetSpec,
    platform: Platform | PlatformSpec,
    *,
    folder: str | Path,
    space: NetworkSpace | None = None,
    design: Design | None = None,
    dataset: DatasetSpec | None = None,
    search: SearchSpec | None = None,
    final: FinalSpec | None = None,
    train: TrainSpec | None = None,
    accuracy_floor: float | None = None,
    seed: int = 1,
) -> CoSearched:
    """Searches a network and its accelerator together within the platform's limits, and trains the network. Called again, it
    resumes.

        found = netchip.co_search(DatasetSpec(name="digits"), PlatformSpec(board="pynq-z2", fps=8000), folder="runs/mine")

    `data` is a classification set, or the name of one; `dataset` says how batches of it are made. `space` is by default the small
    one. A `design` that is given stays as it is, and only the network is searched. `accuracy_floor`: from 0 to 1, on the validation
    part. Raises `BudgetError`, where it can before any training, for limits that no pair keeps, `RequestError` for what does not
    go together.
    """
    spec = data if isinstance(data, DatasetSpec) else dataset or DatasetSpec()
    images = load(data) if isinstance(data, DatasetSpec) else data
    own = space or _small(images)
    _check_images(own, images)
    stages = Stages(
        data=images,
        dataset=spec,
        space=own,
        platform=platform_of(platform, seed=seed) if isinstance(platform, PlatformSpec) else platform,
        folder=Path(folder),
        search=search or SearchSpec(),
        final=final or FinalSpec(),
        train=train or TrainSpec(),
        design=design,
        seed=seed,
    )
    stages.check()
    searched = stages.searched()
    return _trained(stages, searched, searched.pair, accuracy_floor)


def _trained(stages: Stages, searched: Searched, pair: Pair, accuracy_floor: float | None) -> CoSearched:
    network = stages.trained(stages.network(pair.architecture, searched), "final").network.cpu().eval()
    workload = stages.layers.workload(pair.architecture)
    report = stages.platform.report(pair.design, workload).require()
    if accuracy_floor is not None:
        require_accuracy(accuracy_percent(network, stages.validation()) / 100, accuracy_floor, report)
    return CoSearched(network, pair.architecture, pair.design, report, workload, searched)


def _small(images: ImageClasses) -> NetworkSpace:
    channels, height, _ = images.image_shape
    return preset("small", classes=len(images.classes), in_channels=channels, image_size=height)


def _check_images(space: NetworkSpace, images: ImageClasses) -> None:
    wanted, found = (space.in_channels, space.image_size, space.image_size), tuple(images.image_shape)
    if wanted != found or space.classes != len(images.classes):
        raise RequestError(
            f"space {space.name!r} is for {wanted} images of {space.classes} classes, the data has {found} of "
            f"{len(images.classes)}; give a space for it, such as preset(..., image_size={found[1]}), or resize the images"
        )

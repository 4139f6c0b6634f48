"""A pipeline from top to bottom: every stage that is not on disk yet, its networks judged alike, one table of all."""

import hashlib
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from netchip.compose.pipeline.all_stages import STAGES
from netchip.compose.pipeline.context import Context
from netchip.compose.pipeline.done import Done, rows_of
from netchip.compose.pipeline.figures import arm_of
from netchip.compose.pipeline.order import check_order
from netchip.compose.pipeline.product import WORKLOAD_FILE, Product
from netchip.compose.pipeline.runs import products_of_run, run_to_start_from
from netchip.compose.pipeline.spec import PipelineSpec
from netchip.compose.pipeline.stage import Made
from netchip.compose.pricing import load_chips
from netchip.data.spec import DatasetSpec
from netchip.errors import CheckpointMismatch
from netchip.files import read_json, write_json
from netchip.graph.saved import MODEL_FILE, WEIGHTS_FILE
from netchip.graph.to_workload import to_workload
from netchip.hardware.accelerator import Accelerator
from netchip.hardware.mapper.mappers import EvolutionaryMapper
from netchip.measure.device import device_description
from netchip.methods.method import Arm, Result
from netchip.methods.smart_exchange.stages.made import PACKED_FILE
from netchip.models.build import build
from netchip.models.spec import ModelSpec
from netchip.train.accelerating import training_device
from netchip.train.rundir import RunDir, SavedRun
from netchip.workload.network import Workload

_START = "0-start"


def run(config: PipelineSpec, rundir: RunDir) -> Result:
    """Runs every stage that is not on disk yet, in `rundir`; a ticket's run lies where `netchip run` would put it.

    Raises `ConfigError` for stages that cannot follow each other and settings that are none, before anything is trained.
    """
    given = None if config.run is None else run_to_start_from(config.run)
    check_order([] if given is None else [given[1]], [plan.name for plan in config.stages])
    chips = load_chips(config.chips)
    context = _context(config, rundir, None if given is None else given[0])
    settings = [STAGES[plan.name].settings(plan, context) for plan in config.stages]
    through = _Through(context, chips, EvolutionaryMapper(samples=config.mappings))
    if config.run is not None and given is not None:
        _check_unchanged(config.run, rundir.path / _START)
        run, stage = config.run, given[1]
        through.stage(_START, lambda _: Made(products_of_run(stage, run), notes=(f"started from the run {run}",)))
    for place, (plan, chosen) in enumerate(zip(config.stages, settings, strict=True), 1):
        through.stage(f"{place}-{plan.name}", _maker(plan.name, chosen, through))
    through.hand_over()
    return _result(config, context, through)


@dataclass
class _Through:
    """What has been made so far."""

    context: Context
    chips: dict[str, Accelerator]
    mapper: EvolutionaryMapper
    products: list[Product] = field(default_factory=list[Product])
    stages: list[Done] = field(default_factory=list[Done])
    last: Path = Path()

    def stage(self, name: str, make: Any) -> None:
        """Makes a stage in its folder, or reads what it made."""
        folder = self.context.rundir.path / name
        done = Done.read(folder)
        if done is None:
            made: Made = make(folder)
            done = self._judged(made, folder)
            done.write(folder)
            self.products += made.products
        else:
            self.products += done.products(folder)
        if done.arms:
            self.last = folder / done.arms[-1].name
        self.stages.append(done)

    def hand_over(self) -> None:
        """The last network's files into the run's own folder, for `netchip.load`."""
        for name in (WEIGHTS_FILE, PACKED_FILE, MODEL_FILE):
            if (self.last / name).is_file():
                shutil.copyfile(self.last / name, self.context.rundir.path / name)

    def _judged(self, made: Made, folder: Path) -> Done:
        rows: list[Arm] = []
        notes = list(made.notes)
        for product in made.products:
            file = product.save(folder / product.name, self.context.model)
            arm, left_out = arm_of(product, file, self.context, self.chips, self.mapper)
            rows.append(arm)
            notes += left_out
        return Done(tuple(rows), dict(made.modelled), made.simulated, tuple(notes))


def _maker(name: str, settings: Any, through: _Through) -> Any:
    return lambda folder: STAGES[name].make(settings, through.context, through.products, folder)


def _context(config: PipelineSpec, rundir: RunDir, start: SavedRun | None) -> Context:
    """The network and the data of the pipeline, else those of the run it starts from."""
    model, data = config.model, config.data
    if start is not None:
        source = f"{start.path / 'config.json'}"
        model = ModelSpec.parse(start.config["model"], source=source)
        data = data or DatasetSpec.parse(start.config["data"], source=source)
    return Context(
        seed=config.seed,
        model=model or ModelSpec(),
        data_spec=data or DatasetSpec(),
        train=config.train,
        root=rundir.path.parents[2],
        rundir=rundir,
    )


def _check_unchanged(run: Path, folder: Path) -> None:
    """The weights that a pipeline began with are those it goes on with."""
    digest = hashlib.sha256((run / WEIGHTS_FILE).read_bytes()).hexdigest()
    path = folder / "weights.json"
    if path.is_file() and read_json(path) != {"sha256": digest}:
        raise CheckpointMismatch(
            f"{run}: its weights are not those that this pipeline began with; --fresh starts it again"
        )
    write_json(path, {"sha256": digest})


def _result(config: PipelineSpec, context: Context, through: _Through) -> Result:
    arms = rows_of(through.stages)
    first = through.products[0]
    dense = first.workload if first.name == "dense" else to_workload(build(context.model).eval(), context.example)
    chips = (
        f"; modelled by evolution, {config.mappings:,} mappings tried for each kind of layer" if config.chips else ""
    )
    return Result(
        headline=_headline(arms),
        metrics=_metrics(arms),
        arms=arms,
        dense=dense,
        efficient=Workload.load(through.last / WORKLOAD_FILE),
        measured_on=device_description("cpu").to_json() | {"training_device": training_device(config.train.device)},
        simulated=tuple(line for each in through.stages for line in each.simulated),
        notes=(
            f"every network is judged alike: on the same test images; counted and priced at 8 bits, or as it is stored{chips}",
            *(line for each in through.stages for line in each.notes),
        ),
    )


def _headline(arms: Sequence[Arm]) -> str:
    first, last = arms[0], arms[-1]
    right, before = (f"{arm.measured['test_accuracy_percent']:.2f} %" for arm in (last, first))
    ratios = [
        f"{what} x {last_value / first_value:.2f}"
        for what, last_value, first_value in (
            ("MACs", last.counted["macs"], first.counted["macs"]),
            ("file", last.measured["file_bytes"], first.measured["file_bytes"]),
            *((f"energy on {_chip(key)}", last.modelled.get(key), value) for key, value in _energies(first)),
        )
        if last_value is not None
    ]
    return f"{' -> '.join(arm.name for arm in arms)}: {', '.join(ratios)}; {right} of the test images right (before {before})."


def _energies(arm: Arm) -> list[tuple[str, float]]:
    """Those on chips that were named, not on what a stage estimated or found."""
    apart = ("_engine_energy_pj", "_accelerator_energy_pj")
    energies = [(key, value) for key, value in arm.modelled.items() if key.endswith("_energy_pj")]
    return [(key, value) for key, value in energies if not key.endswith(apart)]


def _chip(key: str) -> str:
    return key.removesuffix("_energy_pj").replace("_", "-")


def _metrics(arms: Sequence[Arm]) -> dict[str, float | int | str | None]:
    """Of every network, the last one's without a prefix."""
    metrics: dict[str, float | int | str | None] = {}
    for place, arm in enumerate(arms, 1):
        stem = "" if place == len(arms) else f"{arm.name.replace('-', '_')}_"
        metrics |= {f"{stem}{key}": value for key, value in {**arm.counted, **arm.measured, **arm.modelled}.items()}
    return metrics

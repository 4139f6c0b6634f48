"""The method from top to bottom: search while training, cut, train on, and compare with the dense network."""

from dataclasses import dataclass

from torch import nn

from netchip.data.batches import Batches, evaluation_batches, training_batches
from netchip.data.images import ImageClasses
from netchip.data.loading import load
from netchip.graph.surgery import CutPlan
from netchip.graph.to_workload import to_workload
from netchip.methods.early_bird.comparison import ARMS, Trained, compare
from netchip.methods.early_bird.config import EarlyBirdConfig
from netchip.methods.early_bird.controls import check_width, random_ticket, uniform_width
from netchip.methods.early_bird.figures import write_figures
from netchip.methods.early_bird.phases import SearchPhase, retrain_phase
from netchip.methods.early_bird.search import TicketSearch
from netchip.methods.method import Result
from netchip.models.build import build, example_input
from netchip.models.spec import ModelSpec
from netchip.spec import config_hash
from netchip.train.fit import FitResult, fit
from netchip.train.fitting import check_classifier
from netchip.train.phase import Classification, Phase
from netchip.train.rundir import RunDir
from netchip.train.seeding import seed_everything


def run(config: EarlyBirdConfig, rundir: RunDir) -> Result:
    """Runs every stage that is not on disk yet, in `rundir`, and compares the networks on the test set."""
    data = load(config.data)
    bench = _Bench(config, rundir, data, training_batches(data, config.data, seed=config.seed))
    search, searched = bench.search()
    arms = bench.random(search, searched) if "random" in config.controls else {}
    arms["ticket"] = bench.retrain(search, searched)
    if config.dense_baseline:
        arms["dense"] = bench.dense()
    if "uniform" in config.controls:
        arms["uniform"] = bench.uniform(arms["ticket"])
    arms = {name: arms[name] for name in ARMS if name in arms}
    write_figures(rundir.path, search.search, arms)
    return compare(config, arms, search.search, evaluation_batches(data.test, data, config.data), rundir)


@dataclass(frozen=True)
class _Bench:
    """What the stages share: the configuration, the folder, the data."""

    config: EarlyBirdConfig
    rundir: RunDir
    data: ImageClasses
    batches: Batches

    def search(self) -> tuple[SearchPhase, FitResult]:
        """Trains the dense network until its ticket is drawn, or to the end when none is."""
        config, network = self.config, self._network()
        check_classifier(network, self.data.image_shape, len(self.data.classes))
        if "uniform" in config.controls:
            check_width(config.model)
        search = TicketSearch(
            network,
            example_input(config.model, batch=2),
            ratio=config.ratio,
            detector=config.detector,
            eps=config.eps,
            window=config.window,
            l1=config.l1,
            min_share=config.min_share,
            min_epochs=config.min_epochs,
            source=config.model.model_dump(mode="json"),
        )
        phase = SearchPhase(network, config.optimizer, search, config.latest_epoch)
        return phase, self._fit(phase, "search")

    def retrain(self, search: SearchPhase, searched: FitResult) -> Trained:
        """Cuts the ticket out, optimizer included, and trains it for the epochs that are left."""
        ticket = search.search.ticket()
        if ticket is None:
            return self._trained(search.model, (searched,))
        ticket.save(self.rundir.path / "ticket")
        ticket.cut(search.model, search.optimizer)
        retrained = self._fit(retrain_phase(search, self.config.optimizer), "retrain", start_epoch=ticket.epoch)
        return self._trained(search.model, (searched, retrained), plan=ticket.plan, drawn_epoch=ticket.epoch)

    def random(self, search: SearchPhase, searched: FitResult) -> dict[str, Trained]:
        """Cuts a random ticket out of the same network at the same epoch and trains it as long; nothing without a ticket."""
        drawn = search.search.drawn_epoch
        if drawn is None:
            return {}
        phase, plan = random_ticket(search, self.config.optimizer, self.config.seed)
        retrained = self._fit(phase, "random", start_epoch=drawn)
        return {"random": self._trained(phase.model, (searched, retrained), plan=plan, drawn_epoch=drawn)}

    def dense(self) -> Trained:
        """Trains the uncut network, from the same first weights, for all epochs: what the ticket is compared with."""
        phase = Classification(self._network(), self.config.optimizer)
        return self._trained(phase.model, (self._fit(phase, "dense"),))

    def uniform(self, ticket: Trained) -> Trained:
        """Trains a uniformly narrower network with as many MACs as the ticket for all epochs."""
        macs = int(to_workload(ticket.network.eval(), example_input(self.config.model)).macs)
        narrow = uniform_width(self.config.model, macs)
        phase = Classification(self._network(narrow), self.config.optimizer)
        return self._trained(phase.model, (self._fit(phase, "uniform"),), source=narrow)

    def _trained(
        self,
        network: nn.Module,
        phases: tuple[FitResult, ...],
        *,
        plan: CutPlan | None = None,
        drawn_epoch: int | None = None,
        source: ModelSpec | None = None,
    ) -> Trained:
        images = self.batches.images_per_epoch
        return Trained(network, source or self.config.model, phases, images, plan=plan, drawn_epoch=drawn_epoch)

    def _network(self, spec: ModelSpec | None = None) -> nn.Module:
        seed_everything(self.config.seed)
        return build(spec or self.config.model)

    def _fit(self, phase: Phase, name: str, start_epoch: int = 0) -> FitResult:
        return fit(
            phase,
            self.batches,
            epochs=self.config.epochs,
            folder=self.rundir.path / name,
            validation=evaluation_batches(self.data.validation, self.data, self.config.data),
            start_epoch=start_epoch,
            spec=self.config.train,
            config_hash=config_hash(self.config),
        )

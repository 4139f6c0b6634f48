"""The method from top to bottom: search while training, cut, train on, and compare with the dense network."""

from dataclasses import dataclass

from torch import nn

from netchip.data.batches import Batches, evaluation_batches, training_batches
from netchip.data.images import ImageClasses
from netchip.data.loading import load
from netchip.methods.early_bird.comparison import Trained, compare
from netchip.methods.early_bird.config import EarlyBirdConfig
from netchip.methods.early_bird.figures import write_figures
from netchip.methods.early_bird.phases import SearchPhase, retrain_phase
from netchip.methods.early_bird.search import TicketSearch
from netchip.methods.method import Result
from netchip.models.build import build, example_input
from netchip.spec import config_hash
from netchip.train.fit import FitResult, fit
from netchip.train.fitting import check_classifier
from netchip.train.phase import Classification, Phase
from netchip.train.rundir import RunDir
from netchip.train.seeding import seed_everything


def run(config: EarlyBirdConfig, rundir: RunDir) -> Result:
    """Runs every stage that is not on disk yet, in `rundir`, and compares ticket and dense network on the test set."""
    data = load(config.data)
    bench = _Bench(config, rundir, data, training_batches(data, config.data, seed=config.seed))
    search = bench.search()
    ours = bench.retrain(*search)
    dense = bench.dense() if config.dense_baseline else None
    write_figures(rundir.path, search[0].search, ours, dense)
    return compare(config, ours, dense, search[0].search, evaluation_batches(data.test, data, config.data), rundir)


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
            return Trained(search.model, None, (searched,), self.batches.images_per_epoch)
        ticket.save(self.rundir.path / "ticket")
        ticket.cut(search.model, search.optimizer)
        phase = retrain_phase(search, self.config.optimizer)
        retrained = self._fit(phase, "retrain", start_epoch=ticket.epoch)
        return Trained(search.model, ticket, (searched, retrained), self.batches.images_per_epoch)

    def dense(self) -> Trained:
        """Trains the uncut network, from the same first weights, for all epochs: what the ticket is compared with."""
        phase = Classification(self._network(), self.config.optimizer)
        return Trained(phase.model, None, (self._fit(phase, "dense"),), self.batches.images_per_epoch)

    def _network(self) -> nn.Module:
        seed_everything(self.config.seed)
        return build(self.config.model)

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

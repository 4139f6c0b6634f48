"""The stages of a run: the search, the training of what it drew, and of everything that is compared with."""

import math
from dataclasses import dataclass
from typing import Literal

from torch import nn

from netchip.data.batches import Batches, evaluation_batches
from netchip.data.images import ImageClasses
from netchip.graph.surgery import CutPlan
from netchip.graph.to_workload import to_workload
from netchip.measure.energy import energy_counter
from netchip.methods.early_bird.config import EarlyBirdConfig
from netchip.methods.early_bird.low_precision.arithmetic import Arithmetic, PrecisionName, training_spec
from netchip.methods.early_bird.search import TicketSearch
from netchip.methods.early_bird.stages.companions import Pulled, Searching
from netchip.methods.early_bird.stages.controls import Trainee, check_width, cut_like, dense_at, uniform_width
from netchip.methods.early_bird.stages.draws import Draw, Draws
from netchip.methods.early_bird.stages.trained import Trained
from netchip.models.build import build, example_input
from netchip.models.spec import ModelSpec
from netchip.spec import config_hash
from netchip.train.accelerating import training_device
from netchip.train.fit import FitResult, fit
from netchip.train.fitting import check_classifier
from netchip.train.phase import Classification
from netchip.train.rundir import RunDir
from netchip.train.seeding import seed_everything


@dataclass(frozen=True)
class Searched:
    """The search after its training: the dense network where it ended, and the draws on disk."""

    search: TicketSearch
    network: nn.Module
    result: FitResult
    draws: Draws

    @property
    def labels(self) -> tuple[str, ...]:
        """The name of each target."""
        return self.search.labels

    def draw(self, target: int = 0) -> Draw | None:
        """The draw of that target; None when its ticket was never drawn."""
        label = self.labels[target]
        return self.draws.read(label, self.search.example) if label in self.search.tickets else None


@dataclass(frozen=True)
class Stages:
    """What the stages share: the configuration, the folder, the data."""

    config: EarlyBirdConfig
    rundir: RunDir
    data: ImageClasses
    batches: Batches

    def search(self) -> Searched:
        """Trains the dense network until every ticket is drawn, or to the end when none is."""
        config, network = self.config, self._network()
        check_classifier(network, self.data.image_shape, len(self.data.classes))
        if "uniform" in config.controls:
            check_width(config.model)
        search = self._ticket_search(network)
        arithmetic = Arithmetic(config.search_precision, network, config.seed)
        draws = Draws(self.rundir.path / "search")
        companion = Searching(search, arithmetic, draws, config.latest_epoch)
        phase = Classification(network, config.optimizer, companion=companion)
        result = self._fit(phase, "search", precision=config.search_precision)
        arithmetic.remove()
        for label, ticket in search.tickets.items():
            # a draw that is missing beside its checkpoint can be made up for while the network is still that of the draw
            if ticket.epoch + (ticket.step is not None) >= result.epochs_done and not draws.has(label):
                draws.write(label, ticket, result.epochs_done, network, phase.optimizer)
        return Searched(search, network, result, draws)

    def retrain(self, searched: Searched, target: int) -> Trained:
        """Cuts a ticket out, optimizer included, and trains it for the epochs that are left."""
        draw = searched.draw(target)
        if draw is None:
            return self._trained(searched.network, (searched.result,), search_epochs=searched.result.epochs_done)
        trainee = self._dense_at(draw)
        draw.ticket.save(self.rundir.path / ("ticket" if target == 0 else f"ticket-{searched.labels[target]}/drawn"))
        draw.ticket.cut(trainee.network, trainee.optimizer)
        name = "retrain" if target == 0 else f"retrain-{searched.labels[target]}"
        return self._train_on(searched, draw, trainee, draw.ticket.plan, name)

    def random(self, searched: Searched) -> dict[str, Trained]:
        """Cuts a random ticket out of the same network at the same epoch and trains it as long; nothing without a ticket."""
        draw = searched.draw()
        if draw is None:
            return {}
        trainee, plan = self._dense_at(draw), searched.search.random_plan(self.config.seed)
        cut_like(draw, trainee, plan, searched.search)
        return {"random": self._train_on(searched, draw, trainee, plan, "random")}

    def late(self, searched: Searched) -> dict[str, Trained]:
        """Trains the dense network on to the end, draws there, and trains that ticket for as many epochs as the early one."""
        draw = searched.draw()
        if draw is None:
            return {}
        trainee = self._dense_at(draw)
        companion = Pulled(searched.search, Arithmetic("full", trainee.network, self.config.seed))
        phase = Classification(trainee.network, self.config.optimizer, optimizer=trainee.optimizer, companion=companion)
        trained = self._fit(phase, "late-search", start_epoch=draw.epoch)
        plan = searched.search.plan_from(trainee.network)
        cut_like(draw, trainee, plan, searched.search)
        arm = self._train_on(searched, draw, trainee, plan, "late", extra=(trained,))
        return {"late": arm}

    def dense(self) -> Trained:
        """Trains the uncut network, from the same first weights, for all epochs: what the ticket is compared with."""
        return self._whole(self.config.model, "dense")

    def uniform(self, ticket: Trained) -> Trained:
        """Trains a uniformly narrower network with as many MACs as the ticket for all epochs."""
        macs = int(to_workload(ticket.network.cpu().eval(), example_input(self.config.model)).macs)
        return self._whole(uniform_width(self.config.model, macs), "uniform")

    def _whole(self, spec: ModelSpec, name: str) -> Trained:
        phase = Classification(self._network(spec), self.config.optimizer)
        result = self._fit(phase, name)
        return self._trained(phase.model, (result,), source=spec, search_epochs=result.epochs_done)

    def _train_on(
        self,
        searched: Searched,
        draw: Draw,
        trainee: Trainee,
        plan: CutPlan,
        name: str,
        *,
        extra: tuple[FitResult, ...] = (),
    ) -> Trained:
        """Trains what was cut as the ticket is: from the same epoch, under the same pull, in the same arithmetic."""
        precision = self.config.retrain_precision
        arithmetic = Arithmetic(precision, trainee.network, self.config.seed)
        companion = Pulled(searched.search, arithmetic)
        phase = Classification(trainee.network, self.config.optimizer, optimizer=trainee.optimizer, companion=companion)
        result = self._fit(phase, name, start_epoch=draw.first_epoch, precision=precision)
        arithmetic.remove()
        return self._trained(
            trainee.network,
            (searched.result.until(draw.epoch), *extra, result),
            plan=plan,
            search_epochs=extra[-1].epochs_done if extra else draw.epoch,
            retrain_epochs=result.epochs_done - draw.first_epoch,
            emulated="bfp8" in (precision, self.config.search_precision),
        )

    def _trained(
        self,
        network: nn.Module,
        phases: tuple[FitResult, ...],
        *,
        search_epochs: int,
        retrain_epochs: int = 0,
        plan: CutPlan | None = None,
        source: ModelSpec | None = None,
        emulated: bool = False,
    ) -> Trained:
        return Trained(
            network=network,
            source=source or self.config.model,
            phases=phases,
            images=self.batches.images_per_epoch,
            search_epochs=search_epochs,
            retrain_epochs=retrain_epochs,
            plan=plan,
            emulated=emulated,
        )

    def _ticket_search(self, network: nn.Module) -> TicketSearch:
        config = self.config
        return TicketSearch(
            network,
            example_input(config.model, batch=2),
            ratio=config.ratio,
            macs=config.macs,
            latency=config.latency,
            importance=config.importance,
            stream=config.stream,
            counting=config.counting,
            detector=config.detector,
            eps=config.eps,
            window=config.window,
            l1=config.l1,
            penalty=self._penalty(),
            min_share=config.min_share,
            round_to=config.round_to,
            min_epochs=config.min_epochs,
            warmup_epochs=math.ceil(config.optimizer.warmup_epochs),
            min_movement=config.min_movement,
            every_steps=config.every_steps,
            weights=config.weights,
            rewind_epoch=config.rewind_epoch,
            fresh=lambda: build(config.model),
            seed=config.seed,
            source=config.model.model_dump(mode="json"),
        )

    def _penalty(self) -> Literal["gradient", "proximal"]:
        if self.config.penalty != "auto":
            return self.config.penalty
        return "gradient" if self.config.optimizer.name == "sgd" else "proximal"

    def _dense_at(self, draw: Draw) -> Trainee:
        return dense_at(draw, self._network(), self.config.optimizer)

    def _network(self, spec: ModelSpec | None = None) -> nn.Module:
        seed_everything(self.config.seed)
        return build(spec or self.config.model)

    def _fit(
        self, phase: Classification, name: str, *, start_epoch: int = 0, precision: PrecisionName = "full"
    ) -> FitResult:
        return fit(
            phase,
            self.batches,
            epochs=self.config.epochs,
            folder=self.rundir.path / name,
            validation=evaluation_batches(self.data.validation, self.data, self.config.data),
            start_epoch=start_epoch,
            spec=training_spec(self.config.train, precision),
            config_hash=config_hash(self.config),
            energy_counter=energy_counter(training_device(self.config.train.device)),
        )

"""The stages of a run: the dense network, and what becomes of it in each arm."""

import copy
import itertools
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from netchip.data.batches import Batches, evaluation_batches
from netchip.data.images import ImageClasses
from netchip.measure.energy import energy_counter
from netchip.methods.smart_exchange.baselines.model import quantized_weights
from netchip.methods.smart_exchange.config import ArmName, SmartExchangeConfig
from netchip.methods.smart_exchange.stages.made import Made
from netchip.methods.smart_exchange.training.averaging import measure_batch_norm
from netchip.methods.smart_exchange.training.fitting import ExchangePhase, Exchanging
from netchip.methods.smart_exchange.training.settings import ModeName
from netchip.methods.smart_exchange.training.smart_exchange import SmartExchange
from netchip.models.build import build
from netchip.spec import config_hash
from netchip.train.accelerating import training_device
from netchip.train.fit import FitResult, fit
from netchip.train.fitting import check_classifier
from netchip.train.phase import Classification, Phase
from netchip.train.rundir import RunDir
from netchip.train.seeding import seed_everything

MODE_OF: dict[ArmName, ModeName] = {"projected": "project", "straight-through": "straight_through", "bucket": "bucket"}
SCHEME_OF: dict[ArmName, str] = {"int8": "int8", "int4": "int4-g64"}


@dataclass(frozen=True)
class Stages:
    """What the stages share: the configuration, the folder, the data."""

    config: SmartExchangeConfig
    rundir: RunDir
    data: ImageClasses
    batches: Batches

    def dense(self) -> Made:
        """Trains the dense network."""
        seed_everything(self.config.seed)
        network = build(self.config.model)
        check_classifier(network, self.data.image_shape, len(self.data.classes))
        self.exchange(network)  # refuses settings that fit no weight before anything is trained
        result = self._fit(Classification(network, self.config.optimizer), "dense", self.config.epochs)
        return Made(name="dense", role="baseline", network=network.cpu().eval(), fits=(result,))

    def arm(self, name: ArmName, dense: Made) -> Made:
        """What the arm `name` makes of the dense network, which stays as it is."""
        if name in SCHEME_OF:
            return self._rounded(name, dense)
        if name == "longer":
            return self._longer(dense)
        return self._retrained(name, dense) if name in MODE_OF else self._post_training(name, dense)

    def exchange(self, network: nn.Module, mode: ModeName = "project") -> SmartExchange:
        """The configured SmartExchange of a network."""
        return SmartExchange(network, self.config.exchange, mode=mode)

    def calibration(self) -> Iterator[Tensor]:
        """The images of the first training batches."""
        return (images for images, _ in itertools.islice(self.batches.epoch(0), self.config.calibration_batches))

    def _post_training(self, name: ArmName, dense: Made) -> Made:
        """The factors of the dense network without any training; rows that go, if any, go at once."""
        network, settings = copy.deepcopy(dense.network), self.config.exchange.changed(mode="project", ramp=1)
        if name == "post-training":
            none = {"row_sparsity": 0.0, "row_sparsity_of": {}, "target": None, "channel_share": 0.0}
            settings = settings.model_copy(update=none)
        exchange = SmartExchange(network, settings)
        exchange.project()
        return Made(name=name, role="ours", network=network, fits=dense.fits, packed=exchange.packed())

    def _retrained(self, name: ArmName, dense: Made) -> Made:
        """Trains on with factors; the result is the last epoch's network, or the mean of several."""
        config, network = self.config, copy.deepcopy(dense.network)
        exchange = self.exchange(network, MODE_OF[name])
        exchange.project()  # as the released code's --decompose_first: pruned rows are gone from the first step on
        companion = Exchanging(exchange, network, freeze_at=config.freeze_at, average_from=config.average_from)
        phase = ExchangePhase(Classification(network, config.retrain, companion=companion), companion)
        result = self._fit(phase, name, config.retrain_epochs)
        if companion.averaged is not None:
            network = companion.averaged.network()
            exchange = exchange.on(network)
            exchange.project()
            self._measure_batch_norm(network)
        network.cpu().eval()
        packed = {key: each.to("cpu") for key, each in exchange.packed().items()}
        return Made(name=name, role="ours", network=network, fits=(*dense.fits, result), packed=packed)

    def _longer(self, dense: Made) -> Made:
        """Trains on as the retrained arms do, without factors."""
        network = copy.deepcopy(dense.network)
        result = self._fit(Classification(network, self.config.retrain), "longer", self.config.retrain_epochs)
        return Made(name="longer", role="baseline", network=network.cpu().eval(), fits=(*dense.fits, result))

    def _rounded(self, name: ArmName, dense: Made) -> Made:
        """The dense network rounded to nearest, without any training."""
        rounded = quantized_weights(dense.network, SCHEME_OF[name], self.config.exchange.skip)
        network = copy.deepcopy(dense.network)
        with torch.no_grad():
            for key, stored in rounded.items():
                network.get_parameter(key).copy_(stored.weight())
        return Made(name=name, role="baseline", network=network, fits=dense.fits, rounded=rounded)

    def _measure_batch_norm(self, network: nn.Module) -> None:
        device = next(network.parameters()).device
        measure_batch_norm(network, (images.to(device) for images, _ in self.batches.epoch(0)))

    def _fit(self, phase: Phase, name: str, epochs: int) -> FitResult:
        return fit(
            phase,
            self.batches,
            epochs=epochs,
            folder=self.rundir.path / name,
            validation=evaluation_batches(self.data.validation, self.data, self.config.data),
            spec=self.config.train,
            config_hash=config_hash(self.config),
            energy_counter=energy_counter(training_device(self.config.train.device)),
        )

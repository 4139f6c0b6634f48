"""The trainings of a run: the backbone, the gated network at each budget, and everything that is compared with."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from torch import Tensor, nn

from netchip.data.batches import Batches, evaluation_batches
from netchip.data.images import ImageClasses
from netchip.graph.saved import WEIGHTS_FILE
from netchip.methods.fractional_skipping.blocks.static_form import Deciding
from netchip.methods.fractional_skipping.config import FractionalSkippingConfig
from netchip.methods.fractional_skipping.control.best import BestWithin
from netchip.methods.fractional_skipping.control.bias import BiasController
from netchip.methods.fractional_skipping.control.controller import BudgetController, Controller
from netchip.methods.fractional_skipping.costs import CostTable, cost_table
from netchip.methods.fractional_skipping.gates.recurrent import RecurrentGate
from netchip.methods.fractional_skipping.network import GATES, FractionalNetwork, MakeGate, make_fractional
from netchip.methods.fractional_skipping.options import SKIPNET, Bits, OptionSet, Skip
from netchip.methods.fractional_skipping.seeing.recording import record
from netchip.methods.fractional_skipping.seeing.statistics import route_statistics
from netchip.methods.fractional_skipping.stages.trained import OURS, Trained
from netchip.methods.fractional_skipping.training.early_exit import EarlyExitNetwork, EarlyExitTraining
from netchip.methods.fractional_skipping.training.phase import GatedTraining
from netchip.methods.fractional_skipping.training.routes import FixedRoute, RandomRoutes, RoutesFor
from netchip.models.build import build
from netchip.spec import config_hash
from netchip.train.fit import FitResult, fit
from netchip.train.fitting import check_classifier
from netchip.train.phase import Classification, Phase
from netchip.train.rundir import RunDir
from netchip.train.saving import load_state
from netchip.train.seeding import seed_everything
from netchip.workload.network import Workload

_ANY = 1e9  # of arms whose cost is what it is: every epoch is within the budget
_EXITS = (0.25, 0.5, 0.75)  # of the gated blocks


@dataclass(frozen=True, eq=False)
class Stages:
    """What the stages share: the configuration, the folder, the data, the workload of the plain network."""

    config: FractionalSkippingConfig
    rundir: RunDir
    data: ImageClasses
    batches: Batches
    plain: Workload

    def backbone(self) -> tuple[nn.Module, FitResult | None]:
        """Stage 1: the plain network, trained here, read from a file, or fresh. Raises what a wrong file raises."""
        seed_everything(self.config.seed)
        network = build(self.config.model)
        check_classifier(network, self.data.image_shape, len(self.data.classes))
        if self.config.backbone is not None:
            path = self.config.backbone
            state = load_state(path / WEIGHTS_FILE if path.is_dir() else path)
            make_fractional(network, SKIPNET, blocks=self._patterns()).load_backbone(
                state
            )  # refuses, and lists, other names
            network.load_state_dict(state)
        if not self.config.backbone_epochs:
            return network, None
        phase = Classification(network, self.config.backbone_optimizer)
        return network, self._fit(phase, "backbone", self.config.backbone_epochs)

    def fractional(self, backbone: nn.Module, budget: str, name: str, options: OptionSet | None = None) -> Trained:
        """Stages 2 and 3 at a budget; every epoch's network is moved to it on the validation part, and the best is kept."""
        network = self._gated(backbone, options or self.config.option_set())
        table, notes = self._table(network), ()
        controller = self._controller(network, table, budget)
        phases = [self._gate(network, table, name)] if self.config.gate_epochs else []
        best = BestWithin(controller.target, self.config.tolerance)
        phase = GatedTraining(
            network, self.config.optimizer, table, controller=controller, best=best, moved_to=controller.target
        )
        phases.append(self._fit(phase, name, self.config.epochs))
        phase.take_best()
        if best.kept is not None and not best.kept.within:
            notes = (f"{name}: no epoch met the budget on the validation part; kept is {100 * best.kept.share:.1f} %",)
        made = Trained(name=name, network=network, table=table, phases=tuple(phases), kept=best.kept, notes=notes)
        return replace(made, budget=controller.target, scale=self.scale(table.options))

    def dense(self, backbone: nn.Module) -> Trained:
        """The plain network in full, trained as long."""
        network = self._gated(backbone, SKIPNET)
        return self._on_routes("dense", network, FixedRoute([1] * len(network.sites)))

    def static(self, backbone: nn.Module, bits: int) -> Trained:
        """Every gated block at so many bits."""
        network = self._gated(backbone, self._with_reference(Bits(bits)))
        route = [network.options.index(Bits(bits))] * len(network.sites)
        return self._on_routes(f"int{bits}", network, FixedRoute(route))

    def skipnet(self, backbone: nn.Module) -> Trained:
        """Skip or run at the reference, by the same gate, at the first budget.

        By a term of the loss, as SkipNet has one, where the run holds budgets by a bias: skipping alone does better so (digits, one
        seed each: 95.0 % of the test images right against 70 to 89 %).
        """
        return self.fractional(backbone, self.config.budgets[0], "skipnet", self._with_reference(Skip()))

    def modal(self, backbone: nn.Module, of: Trained) -> Trained:
        """Static mixed precision: each block at the option that most inputs of the gated network take, trained as long."""
        return self._on_routes(
            "modal", self._gated(backbone, of.network.options), FixedRoute(self._rates(of).argmax(1))
        )

    def random(self, backbone: nn.Module, of: Trained) -> Trained:
        """Random routes in which each block takes each option as often as in the gated network."""
        return self._on_routes("random", self._gated(backbone, of.network.options), RandomRoutes(self._rates(of)))

    def early_exit(self, backbone: nn.Module) -> tuple[EarlyExitNetwork, FitResult, CostTable]:
        """The network at the reference throughout, with three classifiers on the way."""
        network = self._gated(backbone, self._with_reference(Skip()))
        blocks, reference = len(network.sites), network.options.reference
        after = sorted({max(0, round(share * blocks) - 1) for share in _EXITS})
        made = EarlyExitNetwork(
            network, [reference] * blocks, after, self.config.model.classes, self._images_for(network)[:2]
        )
        result = self._fit(EarlyExitTraining(made, self.config.optimizer), "early-exit", self.config.epochs)
        return made, result, self._table(network)

    def held_out(self) -> list[tuple[Tensor, Tensor]]:
        """Batches of the validation part, which budgets are calibrated on."""
        return list(self._validation().epoch(0))

    def scale(self, options: OptionSet) -> float:
        """What a share of another reference is as a share of the run's."""
        own, here = options.reference_bits, self.config.option_set().reference_bits
        return 1.0 if self.config.costs == "int8" else (own / here) ** 2

    def _on_routes(self, name: str, network: FractionalNetwork, routes: RoutesFor) -> Trained:
        table, best = self._table(network), BestWithin(0.0, _ANY)
        phase = GatedTraining(network, self.config.optimizer, table, routes=routes, best=best)
        result = self._fit(phase, name, self.config.epochs)
        phase.take_best()
        scale = self.scale(table.options)
        return Trained(
            name=name, network=network, table=table, phases=(result,), scale=scale, routes=routes, kept=best.kept
        )

    def _gate(self, network: FractionalNetwork, table: CostTable, name: str) -> FitResult:
        """Stage 2: the gate alone, pushed to the dearest options by a sign that is always the same, as in the paper."""
        up = BudgetController(table, min(1.0, table.reachable[1]), "sign", strength=self.config.strength)
        phase = GatedTraining(network, self.config.gate_optimizer, table, controller=up, part="gate")
        result = self._fit(phase, f"{name}-gate", self.config.gate_epochs)
        phase.thaw()
        return result

    def _controller(self, network: FractionalNetwork, table: CostTable, budget: str) -> Controller:
        config = self.config
        if config.controller == "bias" and table.options.options == self._with_reference(Skip()).options:
            return BudgetController(table, budget, "pi", strength=2 * config.strength, tolerance=config.tolerance)
        if config.controller == "bias":
            return BiasController(network, table, budget, gain=config.strength / 2)
        return BudgetController(table, budget, config.controller, strength=config.strength, tolerance=config.tolerance)

    def _gated(self, backbone: nn.Module, options: OptionSet) -> FractionalNetwork:
        """`backbone` with gates of the run's seed, its few bits measured on the first training batch."""
        config = self.config
        seed_everything(config.seed)
        deciding = Deciding(estimator=config.estimator, temperature=config.temperature, candidates=config.candidates)
        network = make_fractional(
            backbone,
            options,
            self._make_gate(),
            blocks=self._patterns(),
            mode=config.mode,
            gate_first=config.gate_first,
            deciding=deciding,
        )
        network.calibrate(self._images_for(network))
        return network

    def _make_gate(self) -> MakeGate:
        """Stage 2 starts from the released code's weights; without it the bias of its end is set in closed form."""
        if self.config.gate == "recurrent" and self.config.gate_epochs:
            return partial(RecurrentGate, full_odds=None)
        return GATES[self.config.gate]

    def _patterns(self) -> Sequence[str] | None:
        return self.config.blocks or None

    def _table(self, network: FractionalNetwork) -> CostTable:
        return cost_table(self.config.costs, network.sites, network.options, self.plain)

    def _with_reference(self, option: Skip | Bits) -> OptionSet:
        """A set of `option` and the run's reference; of 4 and 8 bits where `option` is that reference itself."""
        chosen = self.config.option_set()
        reference = chosen[chosen.reference]
        return OptionSet([Bits(4) if option == reference else option, reference], chosen.reference_bits)

    def _rates(self, of: Trained) -> np.ndarray:
        return route_statistics(record(of.network, self.held_out()).routes, of.table).shares

    def _images_for(self, network: FractionalNetwork) -> Tensor:
        """The first training batch, where the network lies."""
        return next(iter(self.batches.epoch(0)))[0].to(next(network.parameters()).device)

    def _validation(self) -> Batches:
        return evaluation_batches(self.data.validation, self.data, self.config.data)

    def _fit(self, phase: Phase, name: str, epochs: int) -> FitResult:
        return fit(
            phase,
            self.batches,
            epochs=epochs,
            folder=self.rundir.phase(name),
            validation=self._validation(),
            spec=self.config.train,
            config_hash=config_hash(self.config),
        )


def arm_makers(stages: Stages, backbone: nn.Module, ours: Trained) -> dict[str, Callable[[], Trained]]:
    """The baselines that are gated networks too, by name."""
    return {
        "dense": lambda: stages.dense(backbone),
        "int8": lambda: stages.static(backbone, 8),
        "int4": lambda: stages.static(backbone, 4),
        "skipnet": lambda: stages.skipnet(backbone),
        "modal": lambda: stages.modal(backbone, ours),
        "random": lambda: stages.random(backbone, ours),
    }


def name_of(budget: str, first: bool) -> str:
    """The arm of a budget: "fractional" for the first, "fractional-25%" for the others."""
    return OURS if first else f"{OURS}-{budget.replace(' ', '')}"

"""One stage of training a gated network, for `fit`: jointly, the gate alone, or on routes given from outside."""

from collections.abc import Mapping
from typing import Any, Literal

from torch import Tensor, nn
from torch.optim import Optimizer

from netchip.errors import ConfigError
from netchip.methods.fractional_skipping.control.best import BestWithin
from netchip.methods.fractional_skipping.control.bias import BiasController
from netchip.methods.fractional_skipping.control.controller import Controller
from netchip.methods.fractional_skipping.control.retarget import curve
from netchip.methods.fractional_skipping.costs import CostTable
from netchip.methods.fractional_skipping.network import FractionalNetwork, Passed
from netchip.methods.fractional_skipping.seeing.recording import Recorded, record
from netchip.methods.fractional_skipping.training.routes import RoutesFor, drawn_once
from netchip.train.accelerating import Accelerator, prepare
from netchip.train.distributed import process_count, sum_over_processes
from netchip.train.optimizers import make_optimizer, set_learning_rate
from netchip.train.phase import Batch, Loader, Metrics, Prepared, Step, rate_at, require_setup
from netchip.train.spec import OptimizerSpec

Part = Literal["all", "gate"]


class GatedTraining:
    """Cross-entropy of a gated classifier, and the controller's term where there is one.

    `part`: "all" trains everything; "gate" the gate alone, with the backbone as it would be in evaluation, BatchNorm statistics
    included (the released code lets them drift). `routes` replaces the gate's decisions, for networks that are static or random;
    the gate then stays as it is. `best` keeps the weights of the best epoch within its budget; `take_best` puts them in place.
    With `moved_to`, a budget, every epoch's network is moved there on the validation part by a bias before it is judged, and kept
    with that bias: what a network costs in evaluation differs from epoch to epoch, as BatchNorm's statistics do.

    Raises `ConfigError` under several processes with routes from outside or two candidates, where some weights get no gradient.
    """

    def __init__(
        self,
        network: FractionalNetwork,
        spec: OptimizerSpec,
        table: CostTable,
        *,
        controller: Controller | None = None,
        part: Part = "all",
        routes: RoutesFor | None = None,
        best: BestWithin | None = None,
        moved_to: float | None = None,
    ) -> None:
        _check(network, routes)
        self.model, self.table, self.controller, self.part = network, table, controller, part
        self.routes, self.best, self.moved_to = routes, best, moved_to
        self._spec = spec
        self._frozen = _freeze(network) if part == "gate" else []
        self.optimizer: Optimizer = make_optimizer(spec, [each for each in network.parameters() if each.requires_grad])
        self._prepared: Prepared | None = None
        self._validated: tuple[float, float] | None = None
        self._bias: Tensor | None = None

    def setup(self, accelerator: Accelerator) -> None:
        """Moves the network to the device and wraps it for precision and DDP."""
        self._prepared = None
        self._prepared = (accelerator, *prepare(accelerator, self.model, self.optimizer))

    def train_step(self, batch: Batch, step: Step) -> Metrics:
        """Forward, backward and, on the last micro batch, the optimizer's step; loss, accuracy and cost."""
        accelerator, network, optimizer = self._ready()
        images, labels = batch
        set_learning_rate(self.optimizer, rate_at(self._spec, step))
        if self.part == "gate":
            self.model.model.eval()
        with accelerator.accumulate(network):
            passed = self._passed(network, images)
            task = nn.functional.cross_entropy(passed.outputs, labels)
            share = self.table.gated_of_masks(passed.masks)
            accelerator.backward(task + self._pressure(share))
            optimizer.step()
            optimizer.zero_grad()
        hits = (passed.outputs.detach().argmax(1) == labels).float().mean()
        return {
            "loss": task.detach(),
            "accuracy_percent": 100.0 * hits,
            "cost_percent": 100.0 * share.detach().mean(),
        }

    def validate(self, batches: Loader) -> Mapping[str, float]:
        """Loss, accuracy and cost in the routed form, over all of `batches`; every process sees them all."""
        accelerator, _, _ = self._ready()
        with accelerator.autocast():
            found = self._recorded(batches)
        share = float(self.table.gated(found.routes).mean())
        self._validated = (found.accuracy_percent, share)
        return {
            "validation_loss": float(found.losses.mean()),
            "validation_accuracy_percent": found.accuracy_percent,
            "validation_cost_percent": 100.0 * share,
        }

    def end_epoch(self, epoch: int) -> bool:
        """Keeps this epoch's weights where they are the best so far; never ends early."""
        if self.best is not None and self._validated is not None:
            self.best.offer(epoch, *self._validated, lambda: _copied(self.model, self._bias))
        return False

    def take_best(self) -> None:
        """Puts the best epoch's weights into the network; where none was kept, the last epoch's stay."""
        if self.best is not None and self.best.weights is not None:
            self.model.load_state_dict(dict(self.best.weights))

    def thaw(self) -> None:
        """Lets what this phase froze be trained again; call it after `fit`."""
        for parameter in self._frozen:
            parameter.requires_grad_(True)

    def state_dict(self) -> dict[str, Any]:
        """The controller's state and the best weights."""
        return {
            "controller": None if self.controller is None else self.controller.state_dict(),
            "best": None if self.best is None else self.best.state_dict(),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Takes them up."""
        if self.controller is not None:
            self.controller.load_state_dict(state["controller"])
        if self.best is not None:
            self.best.load_state_dict(state["best"])

    def _recorded(self, batches: Loader) -> Recorded:
        if self.moved_to is None:
            routes = None if self.routes is None else drawn_once(self.routes, batches)
            return record(self.model, batches.epoch(0), routes=routes)
        tolerance = 0.01 if self.best is None else self.best.tolerance
        start = self.controller.strength if isinstance(self.controller, BiasController) else 0.0
        [moved] = curve(self.model, self.table, batches.epoch(0), [self.moved_to], tolerance=tolerance, start=start)
        self._bias = moved.bias
        return moved.recorded

    def _passed(self, network: nn.Module, images: Tensor) -> Passed:
        routes = None if self.routes is None else self.routes(len(images))
        return network(images, routes=routes, detail=True, form="static")

    def _pressure(self, share: Tensor) -> Tensor | float:
        if self.controller is None:
            return 0.0
        observed = share.detach().mean()
        if process_count() > 1:
            observed = sum_over_processes(observed) / process_count()
        return self.controller.loss_of_shares(share, observed=observed)

    def _ready(self) -> Prepared:
        return require_setup(self._prepared)


def _freeze(network: FractionalNetwork) -> list[nn.Parameter]:
    """Parameters of the backbone that were trained so far, and no longer are."""
    frozen = [parameter for parameter in network.model.parameters() if parameter.requires_grad]
    for parameter in frozen:
        parameter.requires_grad_(False)
    return frozen


def _copied(network: nn.Module, bias: Tensor | None) -> dict[str, Tensor]:
    """The weights, on the CPU, with another bias of the gate where one is given."""
    own = {name: tensor.detach().cpu().clone() for name, tensor in network.state_dict().items()}
    return own if bias is None else own | {"logit_bias": bias.cpu().clone()}


def _check(network: FractionalNetwork, routes: RoutesFor | None) -> None:
    some_unused = routes is not None or network.deciding.candidates == "two"
    if some_unused and process_count() > 1:
        raise ConfigError(
            f"{process_count()} processes: with routes from outside, or candidates 'two', some weights get no gradient in a step, "
            "which DDP does not take; train in one process"
        )

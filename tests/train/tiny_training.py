"""A training of a second, for the tests of this room; as a program, what two processes do together.

torchrun --nproc-per-node 2 tiny_training.py FOLDER
"""

import copy
import os
import signal
import sys
from pathlib import Path

import torch
from torch import nn

from netchip.errors import DivergedError, Interrupted
from netchip.train.distributed import broadcast_object, is_main, process_count, process_index
from netchip.train.fit import fit
from netchip.train.phase import Classification
from netchip.train.saving import save_model
from netchip.train.seeding import seed_everything
from netchip.train.spec import OptimizerSpec, TrainSpec

OPTIMIZER = OptimizerSpec(name="sgd", learning_rate=0.1, schedule="cosine", warmup_epochs=1)
QUIET = TrainSpec(progress="quiet", log_every=3, device="cpu")


class TinyBatches:
    """Vectors [16, 8] in two classes, made of (seed, epoch, index) alone; `bad` = (epoch, index, part) is NaN."""

    def __init__(self, steps=8, seed=0, bad=None):
        self.steps, self.seed, self.bad = steps, seed, bad

    def __len__(self):
        return self.steps

    def state(self):
        return {"steps": self.steps, "seed": self.seed}

    def epoch(self, epoch, *, start=0, part=0, parts=1):
        for index in range(start, self.steps):
            generator = torch.Generator().manual_seed(10_000 * self.seed + 100 * epoch + index)
            inputs = torch.randn(16, 8, generator=generator)
            labels = (inputs[:, 0] * inputs[:, 1] > 0).long()
            size = 16 // parts
            chosen = slice(part * size, (part + 1) * size)
            if self.bad == (epoch, index, part):
                inputs = inputs * float("nan")
            yield inputs[chosen], labels[chosen]


def tiny_model(dropout=0.2):
    seed_everything(5)
    return nn.Sequential(nn.Linear(8, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Dropout(dropout), nn.Linear(16, 2))


class Watching:
    """A companion that calls `after_backward()` with whole gradients and `after_step()` after the step; ends after `last`."""

    def __init__(self, after_backward=None, after_step=None, last=None):
        self.backward, self.step, self.last, self.steps = after_backward, after_step, last, 0

    def after_backward(self, model):
        if self.backward is not None:
            self.backward()

    def after_step(self, model, optimizer):
        self.steps += 1
        if self.step is not None:
            self.step()

    def end_epoch(self, model, optimizer, epoch):
        return epoch == self.last

    def state_dict(self):
        return {"steps": self.steps}

    def load_state_dict(self, state):
        self.steps = state["steps"]


class Cutting:
    """Classification whose hidden layer is cut from 16 to 6 units after epoch `when`, its optimizer's state with it."""

    def __init__(self, model, when=1):
        self.training, self.when, self.cut = Classification(model, OPTIMIZER), when, False
        self.setups = 0
        self.train_step, self.validate = self.training.train_step, self.training.validate

    model = property(lambda self: self.training.model)
    optimizer = property(lambda self: self.training.optimizer)

    def setup(self, accelerator):
        self.setups += 1
        self.training.setup(accelerator)

    def end_epoch(self, epoch):
        if epoch == self.when:
            strength = self.model[1].weight.detach().abs() + 1e-3 * torch.rand(16) * process_index()
            self._cut(broadcast_object(strength.topk(6).indices.sort().values))
        return False

    def _cut(self, keep):
        first, norm, last, self.cut = self.model[0], self.model[1], self.model[4], True
        for module, name, axis in [
            (first, "weight", 0),
            (first, "bias", 0),
            (norm, "weight", 0),
            (norm, "bias", 0),
            (last, "weight", 1),
        ]:
            self._replace(module, name, axis, keep)
        norm.running_mean, norm.running_var = norm.running_mean[keep], norm.running_var[keep]
        first.out_features, norm.num_features, last.in_features = 6, 6, 6

    def _replace(self, module, name, axis, keep):
        old = getattr(module, name)
        new = nn.Parameter(old.detach().index_select(axis, keep))
        setattr(module, name, new)
        group = self.optimizer.param_groups[0]
        group["params"] = [new if parameter is old else parameter for parameter in group["params"]]
        state = self.optimizer.state.pop(old, {})
        self.optimizer.state[new] = {key: value.index_select(axis, keep) for key, value in state.items()}

    def state_dict(self):
        return {"cut": self.cut}

    def load_state_dict(self, state):
        if state["cut"]:
            self._cut(torch.arange(6))


def train(folder, *, spec=QUIET, epochs=3, phase=None, batches=None, **more):
    """Trains in `folder`/train and writes model.safetensors beside it."""
    phase = Classification(tiny_model(), OPTIMIZER) if phase is None else phase
    result = fit(
        phase,
        batches or TinyBatches(),
        epochs=epochs,
        folder=Path(folder) / "train",
        validation=TinyBatches(2, 99),
        spec=spec,
        **more,
    )
    if is_main():
        save_model(phase.model, Path(folder) / "model.safetensors")
    return result


class SignalAt(TinyBatches):
    """Sends SIGTERM to its own process, of rank `rank` only, when batch `index` of epoch `when` is asked for."""

    def __init__(self, rank, index, when=0):
        super().__init__()
        self.rank, self.index, self.when = rank, index, when

    def epoch(self, epoch, *, start=0, part=0, parts=1):
        for index, batch in enumerate(super().epoch(epoch, start=start, part=part, parts=parts), start=start):
            if (epoch, index) == (self.when, self.index) and process_index() == self.rank:
                os.kill(os.getpid(), signal.SIGTERM)
            yield batch


class Consuming(Classification):
    """Classification that uses 2 J a training step, 100 a validation and 1000 a checkpoint, of a made-up device.

    `counter` returns the joules used so far, from `base` on.
    """

    def __init__(self, model, *, base=0.0, a_step=2.0):
        super().__init__(model, OPTIMIZER)
        self.joules, self.a_step = base, a_step

    def counter(self):
        return self.joules

    def train_step(self, batch, step):
        self.joules += self.a_step
        return super().train_step(batch, step)

    def validate(self, loader):
        self.joules += 100
        return super().validate(loader)

    def state_dict(self):
        self.joules += 1000
        return super().state_dict()


def _energies(folder):
    """Joules of a training by both ranks, of which rank r uses 2 + r a step: measured in both, and only in rank 0."""
    energies = []
    for name, measured in (("both", True), ("one", process_index() == 0)):
        phase = Consuming(tiny_model(0.0), a_step=2.0 + process_index())
        result = train(folder / name, phase=phase, energy_counter=phase.counter if measured else None)
        energies.append(result.energy_j)
    return energies


def _processes(folder):
    """What the ranks of a torchrun do together; each writes what it saw to FOLDER/rank<r>.pt."""
    seen = {"processes": process_count()}
    plain, cutting = tiny_model(0.0), Cutting(tiny_model(0.0))
    train(folder / "plain", phase=Classification(plain, OPTIMIZER))
    seen["plain"] = plain.state_dict()
    seen["cut_result"] = train(folder / "cut", phase=cutting, epochs=4).metrics
    seen["cut"], seen["setups"] = copy.deepcopy(cutting.model.state_dict()), cutting.setups
    second = Classification(cutting.model, OPTIMIZER, optimizer=cutting.optimizer)
    train(folder / "second", phase=second, epochs=5, start_epoch=4)
    seen["second"] = second.model.state_dict()
    try:
        train(folder / "bad", batches=TinyBatches(bad=(0, 4, 1)))
    except DivergedError as error:
        seen["bad"] = str(error)
    signalled = SignalAt(rank=1, index=2)
    try:
        train(folder / "signal", phase=Classification(tiny_model(0.0), OPTIMIZER), batches=signalled)
    except Interrupted as error:
        seen["signal"] = str(error)
    again = tiny_model(0.0)
    train(folder / "signal", phase=Classification(again, OPTIMIZER))
    seen["resumed"] = again.state_dict()
    seen["energies"] = _energies(folder / "energy")
    torch.save(seen, folder / f"rank{process_index()}.pt")


if __name__ == "__main__":
    torch.set_num_threads(1)
    _processes(Path(sys.argv[1]))

"""What netchip can do with networks of many kinds, tried one by one: python benchmarks/architectures.py [NAME ...].

Without names it tries them all on one thread and writes docs/architectures.md; with names it prints those rows, messages in full.
Rows of a run that was stopped are kept in runs/architectures until all are there, and not tried again.
Each is tried as a stranger would: captured, costed on a chip, cut to a ticket that removes 30 % of the channels (the cut checked
against the masked network), packed by SmartExchange with half of the rows zero and loaded again, wrapped by fractional skipping.
"""

import contextlib
import datetime
import gc
import io
import json
import shutil
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import torch
from torch import nn

from netchip.errors import NetchipError, NetchipWarning, first_line
from netchip.files import write_json
from netchip.graph.capture import capture
from netchip.graph.to_workload import to_workload
from netchip.hardware.chips import load_chip
from netchip.hardware.mapper.mappers import RandomMapper
from netchip.hardware.network_cost import cost
from netchip.measure.device import device_description
from netchip.methods.early_bird.search import TicketSearch
from netchip.methods.fractional_skipping.network import make_fractional
from netchip.methods.smart_exchange.file.writing import write
from netchip.methods.smart_exchange.modules.compressed import compressed
from netchip.methods.smart_exchange.training.smart_exchange import SmartExchange
from netchip.models.build import build, example_input

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
from known_architectures import ARCHITECTURES, Architecture  # noqa: E402

PAGE = HERE.parent / "docs" / "architectures.md"
KEPT = Path("runs") / "architectures"
CHIP = "eyeriss"
_REASON, _MESSAGE = 60, 900


@dataclass(frozen=True)
class Tried:
    """One attempt: yes, partly or no; a few words; the whole message where there is one."""

    answer: str
    words: str
    message: str = ""
    seconds: float = 0.0


def captured(network: nn.Module, example: torch.Tensor) -> Tried:
    """Its operations on the input."""
    return Tried("yes", f"{len(capture(network, example).ops)} operations")


def costed(network: nn.Module, example: torch.Tensor) -> Tried:
    """A modelled energy and latency on a chip."""
    chip = load_chip(CHIP)
    workload = to_workload(network, example, chip.precision)
    cost(workload, chip, mapper=RandomMapper(samples=4, splits=1, unrollings=1, candidates=8))
    macs = f"{workload.macs / 1e6:.0f} M MACs"
    if workload.uncounted:
        return Tried(
            "partly", f"{macs}, without {workload.uncounted[0]}", f"not counted: {', '.join(workload.uncounted)}"
        )
    return Tried("yes", macs)


def ticket_cut(network: nn.Module, example: torch.Tensor) -> Tried:
    """A ticket that removes 30 % of the channels that can go, cut and compared with the masked network."""
    dense = to_workload(network, example).macs
    search = TicketSearch(network, example, ratio=0.3, min_movement=0)
    with torch.no_grad():
        for parameter in network.parameters():  # as training moves them: fresh BatchNorm scales are all alike
            parameter.add_(0.1 * parameter.abs().mean() * torch.randn_like(parameter))
    search.end_epoch()
    report = search.draw().cut(network)
    left = to_workload(network.eval(), example).macs / dense
    return Tried("yes", f"{left:.0%} of the MACs left, by {search.importance}, differs by {report.difference:.0e}")


def packed(network: nn.Module, _: torch.Tensor) -> Tried:
    """Written to a file of SmartExchange, loaded again, and equal."""
    before = sum(each.numel() * each.element_size() for each in network.state_dict().values())
    exchange = SmartExchange(network, row_sparsity=0.5, iterations=3)  # few, for the error is not looked at here
    exchange.project()
    made, state = exchange.packed(), network.state_dict()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "packed.safetensors"
        write(path, made, {name: each for name, each in state.items() if name not in made})
        size, found = path.stat().st_size, compressed(network, path).state_dict()
    wrong = [name for name, each in state.items() if not torch.equal(found[name], each)]
    if wrong:
        return Tried("no", "reads back differently", f"{wrong[0]} reads back differently")
    share = f"{len(exchange.names)} weights, the file {before / size:.1f}x smaller"
    return Tried("yes", share)


def wrapped(network: nn.Module, example: torch.Tensor) -> Tried:
    """Residual blocks that skip or run at 4 bits, trained for a step."""
    gated = make_fractional(network, "skip, 4, full", example=example)
    gated.train()
    with torch.enable_grad():
        made = gated(torch.cat([example, example]))
        leaves = [each for each in torch.utils._pytree.tree_leaves(made) if isinstance(each, torch.Tensor)]
        sum(each.float().square().mean() for each in leaves).backward()  # pyright: ignore[reportAttributeAccessIssue]
    blocks = len(gated.blocks)
    return Tried("yes", f"{blocks} block{'s' * (blocks != 1)}")


TRIALS: dict[str, Callable[[nn.Module, torch.Tensor], Tried]] = {
    "captured": captured,
    "cost": costed,
    "ticket cut": ticket_cut,
    "SmartExchange packed": packed,
    "fractional wrapped": wrapped,
}


@dataclass(frozen=True)
class Row:
    """An architecture and how each attempt ended."""

    architecture: Architecture
    parameters: int
    tried: dict[str, Tried]

    @property
    def seconds(self) -> float:
        """Of all attempts."""
        return sum(each.seconds for each in self.tried.values())


def attempt(trial: Callable[[nn.Module, torch.Tensor], Tried], architecture: Architecture) -> tuple[Tried, int]:
    """One attempt on a fresh network, and its parameters; whatever goes wrong is the answer."""
    parameters = 0
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", NetchipWarning)
            torch.manual_seed(0)
            network = build(architecture.spec).eval()
            parameters = sum(each.numel() for each in network.parameters())
            return trial(network, example_input(architecture.spec, 2)[:1]), parameters
    except NetchipError as error:
        return Tried("no", first_line(error), str(error)), parameters
    except Exception as error:  # noqa: BLE001 - a fault of netchip's, which the table is there to show
        return Tried("fault", f"{type(error).__name__}: {first_line(error)}", repr(error)), parameters


def row_of(architecture: Architecture) -> Row:
    """All attempts on one architecture."""
    tried, parameters = {}, 0
    for name, trial in TRIALS.items():
        start = time.process_time()
        with contextlib.redirect_stderr(io.StringIO()):
            found, parameters = attempt(trial, architecture)
        tried[name] = replace(found, seconds=time.process_time() - start)
        gc.collect()
    return Row(architecture, parameters, tried)


def kept_row(architecture: Architecture) -> Row:
    """The row of a run that was stopped, else a new one, which is kept."""
    path = KEPT / f"{architecture.title.replace(':', '-')}.json"
    if path.is_file():
        kept = json.loads(path.read_text())
        return Row(architecture, kept["parameters"], {name: Tried(**each) for name, each in kept["tried"].items()})
    row = row_of(architecture)
    write_json(path, {"parameters": row.parameters, "tried": {name: asdict(each) for name, each in row.tried.items()}})
    return row


def main(names: Sequence[str]) -> None:
    """Prints each row as it is done; writes the page where all were tried."""
    torch.set_num_threads(1)
    chosen = [each for each in ARCHITECTURES if not names or each.title in names]
    rows = []
    for place, architecture in enumerate(chosen):
        rows.append(row_of(architecture) if names else kept_row(architecture))
        answers = "  ".join(f"{each.answer} {each.seconds:.1f}" for each in rows[-1].tried.values())
        print(f"{place + 1:3}/{len(chosen)} {architecture.title:34} {rows[-1].seconds:6.1f} s  {answers}", flush=True)
        for name, each in rows[-1].tried.items() if names else ():
            print(f"      {name}: {each.words}\n      {each.message}")
    if not names:
        PAGE.write_text(page(rows))
        shutil.rmtree(KEPT)
        print(f"wrote {PAGE}")


def page(rows: Sequence[Row]) -> str:
    """The page: how it was made, the table, and the messages in full."""
    return "\n".join([*_head(rows), *_table(rows), *_messages(rows)]) + "\n"


def _head(rows: Sequence[Row]) -> Iterator[str]:
    place, seconds = device_description(), sum(row.seconds for row in rows)
    yes = {name: sum(row.tried[name].answer == "yes" for row in rows) for name in TRIALS}
    yield "# Which networks it works on"
    yield ""
    yield f"{len(rows)} architectures, each tried as it comes; `python benchmarks/architectures.py` writes this page. The last run,"
    yield f"{datetime.date.today()}, took {seconds / 60:.0f} minutes of one core of {place.name}, torch {torch.__version__}."
    yield "Weights are fresh ones; images are small where the network allows it, and figures are of that size."
    yield ""
    yield f"- **captured**: its operations are found under its own layer names ({yes['captured']} of {len(rows)})."
    yield f"- **cost**: energy and latency are modelled on the chip `{CHIP}`; *partly*: without some operation ({yes['cost']})."
    yield "- **ticket cut**: a ticket that removes 30 % of the channels that can go is cut out, and the cut network equals the"
    yield f"  masked one ({yes['ticket cut']}). Weights are fresh: the share of MACs that is left says how much can be cut at all."
    yield "- **SmartExchange packed**: projected with half of the rows zero, written to a file, loaded again, bit for bit equal"
    yield f"  ({yes['SmartExchange packed']})."
    yield "- **fractional wrapped**: its residual blocks get a gate, skip or run at 4 bits, and a training step goes through"
    yield f"  ({yes['fractional wrapped']})."
    yield ""


def _table(rows: Sequence[Row]) -> Iterator[str]:
    yield f"| architecture | family | input | parameters | {' | '.join(TRIALS)} |"
    yield f"|---|---|---|---|{'---|' * len(TRIALS)}"
    for row in rows:
        made = row.architecture
        cells = [_cell(each) for each in row.tried.values()]
        size = f"{made.size} x {made.size}"
        yield f"| {made.title} | {made.family} | {size} | {row.parameters / 1e6:.1f} M | {' | '.join(cells)} |"
    yield ""


def _cell(tried: Tried) -> str:
    words = tried.words if len(tried.words) <= _REASON else f"{tried.words[:_REASON].rsplit(' ', 1)[0]} ..."
    answer = tried.answer if tried.answer == "yes" else f"**{tried.answer}**"
    return f"{answer}: {words}".replace("|", "/")


def _messages(rows: Sequence[Row]) -> Iterator[str]:
    yield "## Why not"
    yield ""
    yield "The whole messages (their first 900 characters), those that say the same once."
    yield ""
    said: dict[tuple[str, str], list[str]] = {}
    for row in rows:
        for name, each in row.tried.items():
            if each.message:
                said.setdefault((name, each.message), []).append(row.architecture.title)
    for (name, message), titles in said.items():
        told = message.replace(str(HERE.parent), ".")
        yield f"- **{', '.join(titles)}**, {name}: {told if len(told) <= _MESSAGE else f'{told[:_MESSAGE]} ...'}"
    for row in rows:
        if row.architecture.note:
            yield f"- **{row.architecture.title}**, explained: {row.architecture.note}"


if __name__ == "__main__":
    main(sys.argv[1:])

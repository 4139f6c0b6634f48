"""`netchip list`: what can be run, on what."""

from typing import Any

from netchip.cli.output import say, show_json, show_table
from netchip.data.spec import SOURCES
from netchip.hardware.accelerator import Accelerator
from netchip.hardware.chips import chip_names, load_chip
from netchip.methods import all_methods
from netchip.methods.method import Method
from netchip.models.catalogue import model_names, native_size
from netchip.units import format_count

_SOURCE_NOTES = {
    "digits": "1,797 real handwritten digits, inside scikit-learn",
    "photos": "real pictures, inside scikit-image and scikit-learn",
    "cifar10": "60,000 real pictures in 10 classes; needs --data.folder or NETCHIP_DATA",
    "cifar10-small": "a fixed part of cifar10: 10,000 to train, 2,000 to validate, 2,000 to test",
}
_MORE_SOURCES = (("folder:PATH", "your own images, one subfolder a class"),)
_MORE_CHIPS = (("FILE.yaml", "your own, which may extend any of these: docs/adding_an_accelerator.md"),)
_MORE_MODELS = (
    ("timm:NAME", "any model of the timm package (netchip[vision])"),
    ("file.py:function", "your own: a function without arguments that returns a torch.nn.Module"),
    ("package.module:function", "the same, from an installed package"),
)


def command(*, json: bool = False) -> None:
    """List the methods and their experiments, the models, the data sources and the chips.

    Parameters
    ----------
    json
        Write JSON to stdout, nothing else.
    """
    listing = _listing()
    if json:
        show_json(listing)
        return
    for method in listing["methods"]:
        say(f"{method['name']}: {method['summary']}")
        say(f"  {method['paper']}")
        rows = [(name, summary) for name, summary in method["experiments"].items()]
        show_table(f"Experiments: netchip run {method['name']} NAME", ("name", "what it runs"), rows)
    show_table("Models: --model.name", ("name", "what it is"), list(listing["models"].items()))
    show_table("Data: --data.name", ("name", "what it is"), list(listing["data"].items()))
    show_table("Chips: netchip cost MODEL --chip", ("name", "what it is"), list(listing["chips"].items()))


def _listing() -> dict[str, Any]:
    zoo = {name: f"built in, for images of {native_size(name)} x {native_size(name)}" for name in model_names()}
    sources = {name: _SOURCE_NOTES.get(name, "") for name in SOURCES}
    return {
        "methods": [_described(method) for method in all_methods()],
        "models": {**zoo, **dict(_MORE_MODELS)},
        "data": {**sources, **dict(_MORE_SOURCES)},
        "chips": {**{name: _chip(load_chip(name)) for name in chip_names()}, **dict(_MORE_CHIPS)},
    }


def _chip(chip: Accelerator) -> str:
    """'12 x 14 MACs, 16-bit weights, 65 nm, 200 MHz; calibrated'."""
    sizes = " x ".join(map(str, chip.array.values()))
    words = [f"{sizes} MACs", f"{chip.precision.weight_bits}-bit weights"]
    if chip.technology_nm is not None:
        words.append(f"{chip.technology_nm:g} nm")
    words.append(f"{format_count(chip.frequency_hz)}Hz")
    return ", ".join(words) + ("; has a calibration against silicon" if chip.calibration is not None else "")


def _described(method: Method) -> dict[str, Any]:
    paper = method.paper
    return {
        "name": method.name,
        "summary": method.summary,
        "paper": f"{paper.title}, {paper.venue}, arXiv {paper.arxiv}",
        "experiments": {name: first_line(function) for name, function in method.experiments.items()},
    }


def first_line(function: Any) -> str:
    """The first line of a function's docstring."""
    return (function.__doc__ or "").strip().split("\n")[0]

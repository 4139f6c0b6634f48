"""`netchip export`: a network as a file of another tool, checked before it is written; or the gated network of a run as many."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Protocol

from cyclopts import Parameter

from netchip.cli.output import note, say, show_json
from netchip.cli.overwriting import check_above
from netchip.errors import ConfigError
from netchip.hardware.suggest import did_you_mean

_IMAGES, _FEW_BITS = 64, "int8"


class Checked(Protocol):
    """A file that was compared with its source."""

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        ...

    def line(self) -> str:
        """In words."""
        ...


def command(
    model: Annotated[str, Parameter(name="MODEL|RUN")],
    /,
    *,
    to: str | None = None,
    output: Annotated[Path, Parameter(name=["--output", "-o"])],
    input: str | None = None,
    classes: int | None = None,
    chip: str | None = None,
    few_bits: str | None = None,
    images: int | None = None,
    json: bool = False,
) -> None:
    """Write a network as a file of another tool, each compared with its source before it is kept.

    onnx and torch-export are run beside the network and the largest difference is printed; safetensors is read again byte for
    byte; zigzag and scale-sim, files of layers, are read again by netchip. timeloop, and zigzag of a searched pair (a run of dna
    on a hierarchy), write a folder with the accelerator, the layers and their mappings, and show what the tool's words change of
    the costs. Without --to, the gated network of a
    fractional-skipping run becomes a folder: pieces/ with the gate and a graph for each block and option, branching.onnx for a
    single input, modal.onnx with each block frozen at its most frequent option, static.pt2 of torch.export.

    Parameters
    ----------
    model
        What `netchip inspect` takes; of a run, its efficient network. For zigzag and scale-sim also what `netchip cost` takes.
    to
        onnx, torch-export, safetensors, zigzag, timeloop or scale-sim.
    output
        The file to write; the folder for a searched pair, with --chip, or without --to.
    input
        Shape of the input, batch first, such as 1,3,224,224; else the model's own.
    classes
        Classes that the model tells apart; else 10, or 1000 where it is made for 224 x 224.
    chip
        For zigzag: write a folder with the network, this chip (a name from `netchip list`, or a YAML file) and a mapping.
    few_bits
        Of a gated network: int8 (the default), options of at most 8 bits on integer kernels where a block allows it; or simulated,
        rounded floats throughout.
    images
        Of a gated network: validation images of the run that are compared, and that tell the range of what integers add up to; else
        64.
    json
        Write JSON to stdout, nothing else.
    """
    check_above(output)
    asked = _Asked(model, output, input, classes, chip)
    if to is None:
        _show(_gated(asked, few_bits or _FEW_BITS, _IMAGES if images is None else images), output, json)
        return
    for flag, value in (("--few-bits", few_bits), ("--images", images)):
        if value is not None:
            raise ConfigError(f"{flag} is for gated networks, which are exported without --to")
    if to not in WRITERS:
        raise ConfigError(f"--to {to} is no file that netchip writes{did_you_mean(to, WRITERS)}")
    if chip is not None and to != "zigzag":
        raise ConfigError(f"--chip is for --to zigzag; a file of {to} holds no chip")
    _show(WRITERS[to](asked), output, json)


@dataclass(frozen=True)
class _Asked:
    """The words of the command that say what is exported, and where to."""

    model: str
    output: Path
    shape: str | None
    classes: int | None
    chip: str | None


def _show(files: Sequence[Checked], output: Path, json: bool) -> None:
    if json:
        show_json({"folder": str(output), "files": [each.to_json() for each in files]})
        return
    for each in files:
        say(each.line())
    if output.is_dir():
        say(f"folder: {output}")


def _gated(asked: _Asked, few_bits: str, images: int) -> Sequence[Checked]:
    from netchip.cli.bench_gated import find_gated
    from netchip.cli.run_images import images_of
    from netchip.cli.subject import find_subject
    from netchip.methods.fractional_skipping.export.exporting import export_network

    if images < 2:
        raise ConfigError(f"--images {images}: give at least 2")
    subject = find_subject(asked.model, asked.shape, asked.classes)
    network = find_gated(tuple(subject.models.values()))
    if network is None:
        raise ConfigError(
            f"{asked.model} holds no gated network; name a run folder of fractional-skipping, or give --to "
            f"({', '.join(WRITERS)})"
        )
    given, from_where = images_of(subject.title, subject.example)
    note(f"Exporting, and comparing on {min(images, len(given))} images ({from_where}); this takes a while.")
    return export_network(network, given[:images], asked.output, few_bits=few_bits)  # type: ignore[arg-type]


def _network(asked: _Asked, *, runs: bool) -> tuple[Any, Any]:
    """The last network of the subject and its example; `runs` refuses one that decides by its input, which is no single file."""
    from netchip.cli.bench_gated import find_gated
    from netchip.cli.subject import find_subject

    subject = find_subject(asked.model, asked.shape, asked.classes)
    network = list(subject.models.values())[-1]
    if runs and find_gated((network,)) is not None:
        raise ConfigError(f"{asked.model} holds a gated network, which becomes a folder of files; leave --to out")
    if not Path(asked.model).is_dir():
        note(f"{asked.model} has the fresh weights it was built with; name a run folder for trained ones.")
    return network, subject.example


def _to_onnx(asked: _Asked) -> Sequence[Checked]:
    from netchip.export.onnx_writing import write_onnx

    return (write_onnx(*_network(asked, runs=True), asked.output),)


def _to_program(asked: _Asked) -> Sequence[Checked]:
    from netchip.export.torch_program import write_program

    return (write_program(*_network(asked, runs=True), asked.output),)


def _to_weights(asked: _Asked) -> Sequence[Checked]:
    from netchip.export.weights import write_weights

    return (write_weights(_network(asked, runs=False)[0], asked.output),)


def _to_zigzag(asked: _Asked) -> Sequence[Checked]:
    from netchip.cli.chips import find_chips
    from netchip.cli.mapped import find_mapped
    from netchip.cli.network import at_bits, find_network
    from netchip.export.mapped_writing import write_zigzag_mapped
    from netchip.export.zigzag_files import write_zigzag, write_zigzag_network

    chips = find_chips([asked.chip]) if asked.chip is not None else ()
    mapped = None if chips else find_mapped(asked.model)
    if mapped is not None:
        return (write_zigzag_mapped(mapped, asked.output),)
    network = find_network(asked.model, asked.shape, asked.classes)
    if not chips:
        return (write_zigzag_network(network.workload, asked.output),)
    accelerator = chips[0].accelerator
    return write_zigzag(at_bits(network, accelerator.precision, None)[0], accelerator, asked.output)


def _to_timeloop(asked: _Asked) -> Sequence[Checked]:
    from netchip.cli.mapped import require_mapped
    from netchip.export.mapped_writing import write_timeloop

    return (write_timeloop(require_mapped(asked.model), asked.output),)


def _to_scalesim(asked: _Asked) -> Sequence[Checked]:
    from netchip.cli.network import find_network
    from netchip.export.scalesim_writing import write_scalesim

    return (write_scalesim(find_network(asked.model, asked.shape, asked.classes).workload, asked.output),)


WRITERS: dict[str, Callable[[_Asked], Sequence[Checked]]] = {
    "onnx": _to_onnx,
    "torch-export": _to_program,
    "safetensors": _to_weights,
    "zigzag": _to_zigzag,
    "timeloop": _to_timeloop,
    "scale-sim": _to_scalesim,
}

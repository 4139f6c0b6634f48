"""`netchip compress`: from trained weights to one small file."""

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from netchip.cli.output import note, say, show_json, show_table
from netchip.cli.overwriting import check_new
from netchip.errors import ConfigError
from netchip.units import format_bytes

if TYPE_CHECKING:
    from torch import Tensor

    from netchip.methods.smart_exchange.accounting.rules import AccountedSize
    from netchip.methods.smart_exchange.baselines.comparison import RateDistortion
    from netchip.methods.smart_exchange.compression.compressing import Compression, PackedLayer
    from netchip.methods.smart_exchange.compression.weights import Weights
    from netchip.methods.smart_exchange.file.reading import CompressedFile

_CODINGS = ("plain", "zlib")


def command(
    weights: Annotated[str, Parameter(name="WEIGHTS|MODEL")],
    /,
    *,
    output: Annotated[Path, Parameter(name=["--output", "-o"])],
    target: str | None = None,
    bits: int = 4,
    row_sparsity: float = 0.0,
    coding: str = "plain",
    skip: Annotated[tuple[str, ...], Parameter(consume_multiple=True, negative=())] = (),
    input: str | None = None,
    classes: int | None = None,
    compare: bool = True,
    force: Annotated[bool, Parameter(negative=())] = False,
    json: bool = False,
) -> None:
    """Compress trained weights without training: each as a small int8 basis times sparse signed powers of two.

    Parameters
    ----------
    weights
        A .safetensors file, the .safetensors.index.json of one in shards, a torch checkpoint that holds tensors only, or a model
        as for `netchip inspect`.
    output
        The file to write; `netchip expand` makes dense weights of it again.
    target
        What the file may take: 8x (smaller than in float32), 1.2MB, 12% (of float32, kept); or "3.5 bits" a packed weight, or
        "40% rows" (kept). As many rows go as that needs, where they matter least.
    bits
        Bits of a coefficient, 2 to 8.
    row_sparsity
        Share of the rows of each weight to remove, those of the smallest norm, such as 0.5.
    coding
        plain, or zlib: the codes in Huffman codes where that is smaller.
    skip
        Tensors to leave as they are, by patterns such as 'classifier.*'.
    input
        Of a model: shape of the input, batch first, such as 1,3,224,224.
    classes
        Of a model: classes that it tells apart.
    compare
        Also round the same weights to 8, 4, 3 and 2 bits and say which has less error at equal bits; takes about as long again.
    force
        Replace the output where it exists.
    json
        Write JSON to stdout, nothing else.
    """
    check_new(output, force)
    if coding not in _CODINGS:
        raise ConfigError(f"--coding {coding!r} is not known; there are {', '.join(_CODINGS)}")
    from netchip.cli.layer_progress import layer_by_layer
    from netchip.methods.smart_exchange.accounting.of_file import sizes_of_file
    from netchip.methods.smart_exchange.compression.choice import choose
    from netchip.methods.smart_exchange.compression.compressing import Settings, compress
    from netchip.methods.smart_exchange.decomposition.target import parse_target
    from netchip.methods.smart_exchange.file.reading import read

    goal = None if target is None else parse_target(target)
    settings = Settings(bits=bits, row_sparsity=row_sparsity, target=goal, coding=coding)  # type: ignore[arg-type]
    with _weights(weights, input, classes) as found:
        choice = choose(found, bits=bits, skip=skip)
        with layer_by_layer("packing", "layers packed") as told:
            done = compress(found, choice, output, settings, told)
        file = read(output)
        distortion = _distortion(found, file) if compare else None
    sizes = sizes_of_file(file)
    if json:
        show_json(_to_json(done, settings, sizes, distortion))
    else:
        _show(done, sizes, distortion)


@contextmanager
def _weights(name: str, shape: str | None, classes: int | None) -> "Iterator[Weights]":
    from netchip.methods.smart_exchange.compression.weight_files import is_weight_file, weights_of_file

    if is_weight_file(name) or Path(name).is_file():
        for flag, value in (("--input", shape), ("--classes", classes)):
            if value is not None:
                raise ConfigError(f"{flag} is for models; {name} is a file of weights")
        yield weights_of_file(name)
        return
    with tempfile.TemporaryDirectory() as folder:
        yield _of_model(name, shape, classes, Path(folder))


def _of_model(name: str, shape: str | None, classes: int | None, folder: Path) -> "Weights":
    from netchip.cli.subject import find_subject
    from netchip.methods.smart_exchange.compression.model_weights import weights_of_model

    title, model = list(find_subject(name, shape, classes).models.items())[-1]
    if title == name:
        note(f"{name}: its weights are as the model was built; give a run folder or a file for trained ones")
    return weights_of_model(name if title == name else f"{name}, {title}", model, folder)


def _distortion(weights: "Weights", file: "CompressedFile") -> "RateDistortion":
    """The packed weights beside rounding to nearest of the same weights, one at a time."""
    from netchip.cli.layer_progress import layer_by_layer
    from netchip.methods.smart_exchange.baselines.rate_distortion import rate_distortion
    from netchip.methods.smart_exchange.file.reading import ByName
    from netchip.methods.smart_exchange.packing.packed import unpack

    names = tuple(file.packed)
    with layer_by_layer("comparing", "layers compared with rounding") as told:
        loaded = 0

        def load(name: str) -> "Tensor":
            nonlocal loaded
            told(name, loaded, len(names))
            loaded += 1
            return weights.load(name)

        distortion = rate_distortion(ByName(names, load), ByName(names, lambda name: unpack(file.packed[name])))
        told(names[-1], len(names), len(names))
    return distortion


def _show(done: "Compression", sizes: "Sequence[AccountedSize]", distortion: "RateDistortion | None") -> None:
    columns = (
        "layer",
        "shape",
        ">weights",
        ">bits/weight",
        ">relative\nerror",
        ">rows\nzero",
        ">elements\nzero",
        ">bytes",
    )
    from netchip.methods.smart_exchange.accounting import table as accounting
    from netchip.methods.smart_exchange.baselines.comparison import COLUMNS

    show_table("Packed", columns, [_row(layer) for layer in done.layers])
    if done.kept or done.tied:
        show_table("As they were", ("tensor", "why"), list(_kept(done)))
    say()
    size = done.written.bytes
    say(f"{done.written.path}: {format_bytes(size)} ({size:,} bytes, {done.written.header_bytes:,} of them the header)")
    for what, other in (
        ("all in float32", done.float32_bytes),
        ("as it was given", done.given_bytes),
        ("the same weights at 8 bits, the rest as it is", done.int8_bytes),
    ):
        say(f"  {other / size:5.2f}x smaller than {what} ({format_bytes(other)})")
    say(
        f"{done.bits_per_weight:.3f} bits for each packed weight; the error is that of the weights, not of the network's results"
    )
    show_table(accounting.TITLE, accounting.COLUMNS, accounting.rows(sizes))
    if distortion is not None:
        show_table("The packed weights, beside rounding to nearest", COLUMNS, distortion.rows)
        for sentence in distortion.verdict:
            say(sentence)


def _row(layer: "PackedLayer") -> tuple[str, ...]:
    return (
        layer.name,
        "x".join(map(str, layer.shape)),
        f"{layer.weights:,}",
        f"{layer.bits_per_weight:.3f}",
        f"{layer.relative_error:.4f}",
        f"{layer.zero_rows:.1%}",
        f"{layer.zero_elements:.1%}",
        f"{layer.size.bytes:,}",
    )


def _kept(done: "Compression") -> Iterator[tuple[str, str]]:
    """A line for each tensor that could have been packed; the small ones together."""
    from netchip.methods.smart_exchange.compression.choice import FEW_DIMENSIONS

    small = [name for name, reason in done.kept.items() if reason == FEW_DIMENSIONS]
    if small:
        yield f"{small[0]} and {len(small) - 1} more" if len(small) > 1 else small[0], FEW_DIMENSIONS
    for name, reason in done.kept.items():
        if reason != FEW_DIMENSIONS:
            yield name, reason
    for name, kept in done.tied.items():
        yield name, f"is {kept}, which is stored once"


def _to_json(
    done: "Compression", settings: Any, sizes: "Sequence[AccountedSize]", distortion: "RateDistortion | None"
) -> dict[str, Any]:
    return {
        "file": str(done.written.path),
        "bytes": done.written.bytes,
        "header_bytes": done.written.header_bytes,
        "packed_bytes": done.packed_bytes,
        "kept_bytes": done.kept_bytes,
        "float32_bytes": done.float32_bytes,
        "given_bytes": done.given_bytes,
        "int8_bytes": done.int8_bytes,
        "bits_per_weight": done.bits_per_weight,
        "settings": {**settings.to_json(), "coding": settings.coding},
        "layers": [layer.to_json() for layer in done.layers],
        "kept": dict(done.kept),
        "tied": dict(done.tied),
        "accounting": [each.to_json() for each in sizes],
        "rate_distortion": None if distortion is None else distortion.to_json(),
    }

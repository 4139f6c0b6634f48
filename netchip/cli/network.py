"""A network to be costed, named on the command line: a model, a run folder, or a file that holds its layers."""

import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from netchip.cli.known_workloads import known_workload
from netchip.errors import ConfigError, NetchipWarning
from netchip.workload.encoding import DenseWeights, Precision
from netchip.workload.network import Workload


@dataclass(frozen=True)
class Network:
    """A workload; `inputs` pass at once. `states_bits`: its precision was stated with it, else it waits for `at_bits`."""

    title: str
    workload: Workload
    inputs: int
    states_bits: bool = False


def find_network(name: str, shape: str | None = None, classes: int | None = None) -> Network:
    """The network called `name`: what `netchip inspect` takes, or a file of layers by its ending: .json (workload), .onnx, .csv
    (SCALE-Sim topology), .yaml (ZigZag workload).

    What the network does that is not counted is in its workload, and no warning. Raises `ConfigError` where no layer ever runs.
    """
    reader = _READERS.get(Path(name).suffix.lower())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NetchipWarning)
        network = reader(name, shape, classes) if reader else _of_model(name, shape, classes)
    if network.workload.layers and not network.workload.macs:
        raise ConfigError(
            f"{name}: no input runs any layer (execution_rate = 0), so there is nothing to cost; raise one"
        )
    return network


def at_bits(network: Network, native: Precision, bits: str | None) -> tuple[Workload, str]:
    """The workload at `bits`, and its precision in words: weights, inputs, outputs and partial sums as in "8/8/8/32", or one
    number for the first three. Partial sums then have the chip's bits, but never fewer than a result.

    Without `bits`: at what the network states, else at the `native` precision of the chip.
    """
    if bits is None and network.states_bits:
        found = dict.fromkeys(_words(layer.precision) for layer in network.workload.layers)
        return network.workload, next(iter(found)) if len(found) == 1 else "each layer's own"
    precision = native if bits is None else _precision(bits, native)
    stated = [layer.name for layer in network.workload.layers if not isinstance(layer.weights, DenseWeights)]
    if stated:
        raise ConfigError(
            f"{network.title}: {stated[0]} states how many bits memory holds for its weights, so --bits cannot change them; "
            "leave --bits out"
        )
    layers = tuple(replace(layer, precision=precision) for layer in network.workload.layers)
    return replace(network.workload, layers=layers), _words(precision)


def _precision(bits: str, native: Precision) -> Precision:
    try:
        numbers = [int(number) for number in bits.split("/")]
    except ValueError:
        numbers = []
    if len(numbers) not in (1, 4) or min(numbers) < 1:
        raise ConfigError(
            f"--bits {bits}: give at least 1, as in 8, or weights/inputs/outputs/sums as in 8/8/8/16; leave it out for each "
            "chip's own precision"
        )
    if len(numbers) == 1:
        numbers = [*numbers * 3, max(numbers[0], native.accumulator_bits)]
    weights, inputs, outputs, sums = numbers
    return Precision(weight_bits=weights, input_bits=inputs, output_bits=outputs, accumulator_bits=sums)


def _words(precision: Precision) -> str:
    """'8/8/8/32': weights, inputs, outputs, partial sums."""
    bits = (precision.weight_bits, precision.input_bits, precision.output_bits, precision.accumulator_bits)
    return "/".join(map(str, bits))


def _of_model(name: str, shape: str | None, classes: int | None) -> Network:
    return Network(*known_workload(name, shape, classes, lambda: _captured(name, shape, classes)))


def _captured(name: str, shape: str | None, classes: int | None) -> tuple[str, Workload, int]:
    """Title, workload, and how many inputs pass at once; this is what needs torch."""
    from netchip.cli.subject import find_subject
    from netchip.graph.to_workload import to_workload

    subject = find_subject(name, shape, classes)
    title, model = list(subject.models.items())[-1]
    title = title if title == name else f"{name}, {title}"
    return title, to_workload(model, subject.example), int(subject.example.shape[0])


def _of_workload(name: str, shape: str | None, classes: int | None) -> Network:
    _only_for_models(name, shape, classes)
    workload = Workload.load(name)
    return Network(name, workload, _batch(workload), states_bits=True)


def _of_topology(name: str, shape: str | None, classes: int | None) -> Network:
    from netchip.export.scalesim_topology import read_scalesim_topology

    _only_for_models(name, shape, classes)
    return Network(name, read_scalesim_topology(name), 1)


def _of_zigzag(name: str, shape: str | None, classes: int | None) -> Network:
    from netchip.export.zigzag_workload_reading import read_zigzag_workload

    _only_for_models(name, shape, classes)
    workload = read_zigzag_workload(name)
    return Network(name, workload, _batch(workload), states_bits=True)


def _of_onnx(name: str, shape: str | None, classes: int | None) -> Network:
    from netchip.cli.subject import input_sizes
    from netchip.export.onnx_reading import onnx_inputs, read_onnx

    _only_for_models(name, None, classes)
    if shape is None:
        workload = read_onnx(name)
        return Network(name, workload, _batch(workload))
    inputs = onnx_inputs(name)
    if len(inputs) != 1:
        raise ConfigError(
            f"{name}: --input gives one shape, but the model has the inputs {', '.join(inputs)}; fix them in the file"
        )
    sizes = input_sizes(shape)
    return Network(name, read_onnx(name, inputs={inputs[0]: sizes}), sizes[0])


def _batch(workload: Workload) -> int:
    return workload.layers[0].shape.batch if workload.layers else 1


def _only_for_models(name: str, shape: str | None, classes: int | None) -> None:
    for flag, value in (("--input", shape), ("--classes", classes)):
        if value is not None:
            raise ConfigError(f"{flag} is for models; {name} holds layers whose sizes are fixed")


_Reader = Callable[[str, str | None, int | None], Network]
_READERS: dict[str, _Reader] = {
    ".json": _of_workload,
    ".onnx": _of_onnx,
    ".csv": _of_topology,
    ".yaml": _of_zigzag,
}

"""Timeloop's v0.4 files, as netchip writes them, read again: what they say of an accelerator, its layers and their mappings."""

import re
from collections.abc import Mapping as Table
from pathlib import Path
from typing import Any, cast

import yaml

from netchip.errors import DataError
from netchip.export.timeloop_grammar import DIMENSIONS, MAC, spatial_target
from netchip.export.yaml_text import Tagged, read_yaml
from netchip.hardware.accelerator import Accelerator
from netchip.hardware.dimensions import DIMS, OPERANDS
from netchip.hardware.mapping import Mapping
from netchip.workload.encoding import Precision
from netchip.workload.layer import Layer
from netchip.workload.shape import LayerShape

_OPERAND_OF = {"Weights": "W", "Inputs": "I", "Outputs": "O"}
_FACTOR = re.compile(r"([A-Z])=(\d+)")
_Prices = dict[str, dict[str, float]]


def read_timeloop_accelerator(architecture: Path, energies: Path) -> Accelerator:
    """The accelerator of an architecture file and its table of energies; a port reads or writes, since nothing says it is shared.

    Raises `DataError` that names a file which does not hold what `timeloop_architecture` and `timeloop_energies` write.
    """
    prices = _prices(energies)
    try:
        nodes: list[Tagged] = _read_tagged(architecture)["architecture"]["nodes"]
        containers = [node.value for node in nodes if node.tag == "!Container"]
        components = [node for node in nodes if node.tag == "!Component"]
        array = {each["name"]: int(each["spatial"]["meshX"]) for each in containers if "spatial" in each}
        plain: dict[str, Any] = {
            "name": architecture.parent.name or "timeloop",
            "source": str(architecture),
            "array": array,
            "frequency_hz": 1 / float(containers[0]["attributes"]["global_cycle_seconds"]),
            "precision": _precision([each.value for each in components]),
            "energy": {
                "mac": {"pj": prices[MAC]["compute"], "source": str(energies)},
                "memories": {
                    name: {"read_pj": each["read"], "write_pj": each["write"], "source": str(energies)}
                    for name, each in prices.items()
                    if name != MAC
                },
            },
            "memories": _memories(nodes, list(array)),
        }
    except (KeyError, TypeError, ValueError, IndexError, StopIteration) as error:
        raise DataError(f"{architecture}: no architecture that netchip wrote ({error!r})") from None
    return Accelerator.parse(plain, source=str(architecture))


def read_timeloop_layer(problem: Path, precision: Precision) -> Layer:
    """The layer of a problem file, which states no bits; what it reads beyond the map's edge counts as inputs."""
    try:
        instance: Table[str, int] = read_yaml(problem)["problem"]["instance"]
        bound = {dim: int(instance[DIMENSIONS[dim]]) for dim in DIMS}
        stride = (int(instance["Hstride"]), int(instance["Wstride"]))
        dilation = (int(instance["Hdilation"]), int(instance["Wdilation"]))
    except (KeyError, TypeError, ValueError) as error:
        raise DataError(f"{problem}: no problem that netchip wrote ({error!r})") from None
    shape = LayerShape.of_loops(
        bound,
        in_height=(bound["OY"] - 1) * stride[0] + (bound["FY"] - 1) * dilation[0] + 1,
        in_width=(bound["OX"] - 1) * stride[1] + (bound["FX"] - 1) * dilation[1] + 1,
        stride=stride,
        dilation=dilation,
    )
    return Layer(problem.name.removesuffix(".problem.yaml"), shape, precision=precision)


def read_timeloop_mapping(path: Path, accelerator: Accelerator) -> Mapping:
    """The mapping of a mapping file, on the accelerator whose memories and array it names."""
    try:
        entries = {(each["target"], each["type"]): each for each in read_yaml(path)["mapping"]}
        loops: list[dict[str, Any]] = []
        for memory in accelerator.memories:
            loops += _loops(entries[memory.name, "temporal"], memory.name)
        spatial = {
            name: dict(_factors(entries[spatial_target(name), "spatial"]["factors"])) for name in accelerator.array
        }
    except (KeyError, TypeError, ValueError) as error:
        raise DataError(f"{path}: no mapping that netchip wrote ({error!r})") from None
    return Mapping.parse({"loops": loops, "spatial": spatial}, source=str(path))


def _loops(entry: Table[str, str], memory: str) -> list[dict[str, Any]]:
    """The loops at a memory, inner to outer."""
    bound = dict(_factors(entry["factors"]))
    order = [dim for letter in entry["permutation"] for dim in DIMS if DIMENSIONS[dim] == letter]
    at = dict.fromkeys(OPERANDS, memory)
    return [{"dim": dim, "bound": bound[dim], "at": at} for dim in order if dim in bound]


def _factors(text: str) -> list[tuple[str, int]]:
    """Dimensions and their factors above 1."""
    found = {letter: int(number) for letter, number in _FACTOR.findall(text)}
    return [(dim, found[DIMENSIONS[dim]]) for dim in DIMS if found[DIMENSIONS[dim]] > 1]


def _memories(nodes: list[Tagged], array: list[str]) -> list[dict[str, Any]]:
    """Memories inner to outer; one inside a container of a dimension stands in every place along it."""
    apart: set[str] = set()
    found: list[dict[str, Any]] = []
    for node in nodes:
        value = cast("dict[str, Any]", node.value)
        if node.tag == "!Container":
            apart |= {value["name"]} & set(array)
        elif value["class"] != "intmac":
            found.insert(0, _memory(value, [name for name in array if name not in apart]))
    return found


def _memory(value: dict[str, Any], serves: list[str]) -> dict[str, Any]:
    attributes = value["attributes"]
    ways = {"read": "read_bandwidth", "write": "write_bandwidth"}
    ports = [
        {"name": way, "kind": way, "bits_per_cycle": round(attributes[name] * attributes["datawidth"])}
        for way, name in ways.items()
        if name in attributes
    ]
    return {
        "name": value["name"],
        "bits": attributes["depth"] * attributes["width"] if "depth" in attributes else None,
        "operands": [_OPERAND_OF[name] for name in value["constraints"]["dataspace"]["keep"]],
        "serves": serves,
        "access_bits": attributes["width"],
        "ports": ports,
    }


def _precision(components: list[Table[str, Any]]) -> dict[str, int]:
    mac = next(each["attributes"] for each in components if each["class"] == "intmac")
    widest = max(each["attributes"]["datawidth"] for each in components if each["class"] != "intmac")
    operands = dict.fromkeys(("weight_bits", "input_bits"), int(mac["multiplier_width"]))
    return {**operands, "output_bits": int(widest), "accumulator_bits": int(mac["adder_width"])}


def _prices(path: Path) -> _Prices:
    """Energies of actions by component, without the place in the tree and the number of instances."""
    try:
        tables = read_yaml(path)["ERT"]["tables"]
        return {
            str(table["name"]).partition("[")[0].rpartition(".")[2]: {
                each["name"]: float(each["energy"]) for each in table["actions"]
            }
            for table in tables
        }
    except (KeyError, TypeError, ValueError) as error:
        raise DataError(f"{path}: no table of energies that netchip wrote ({error!r})") from None


class _TagsKept(yaml.SafeLoader):
    """Reads mappings with a tag of their own as `Tagged`."""


def _tagged(loader: yaml.SafeLoader, suffix: str, node: yaml.Node) -> Tagged:
    if not isinstance(node, yaml.MappingNode):
        raise yaml.YAMLError(f"!{suffix} is no mapping")
    return Tagged(f"!{suffix}", cast("dict[str, Any]", loader.construct_mapping(node, deep=True)))


_TagsKept.add_multi_constructor("!", _tagged)


def _read_tagged(path: Path) -> Any:
    try:
        return yaml.load(path.read_text(encoding="utf-8"), Loader=_TagsKept)
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise DataError(f"{path}: not readable as YAML ({error})") from None

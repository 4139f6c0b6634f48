"""`netchip inspect`: what a model computes, which of its channels belong together, and what each method can treat."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from netchip.cli.inspect_file import inspect_file
from netchip.cli.output import say, show_json, show_table
from netchip.errors import ConfigError
from netchip.units import format_bytes, format_count

_BYTES_PER_FLOAT = 4
_SHOWN_MEMBERS = 3


@dataclass(frozen=True)
class _Findings:
    """What inspection found, each part in plain values."""

    summary: dict[str, Any]
    layers: list[dict[str, Any]]
    groups: list[dict[str, Any]]
    left_alone: list[dict[str, Any]]
    methods: dict[str, dict[str, Any]]
    uncounted: list[str]


def command(
    model: Annotated[str, Parameter(name="MODEL")],
    /,
    *,
    input: str | None = None,
    classes: int | None = None,
    json: bool = False,
) -> None:
    """Show a model's layers, shapes and MACs, its coupled channels, and what each method can treat, and why not.

    Parameters
    ----------
    model
        A name from `netchip list`, timm:NAME, file.py:function, package.module:function, a run folder, or a file that
        `netchip compress` wrote: what is in it, and whether it is whole.
    input
        Shape of the input, batch first, such as 1,3,224,224; else the model's own.
    classes
        Classes that the model tells apart; else 10, or 1000 where it is made for 224 x 224.
    json
        Write JSON to stdout, nothing else.
    """
    if Path(model).is_file() and not model.endswith(".py"):
        _check_no_model_flags(model, input, classes)
        inspect_file(Path(model), json)
        return
    from netchip.cli.subject import find_subject

    subject = find_subject(model, input, classes)
    name, network = list(subject.models.items())[-1]
    found = _inspect(name, network, subject.example)
    if json:
        show_json(vars(found))
    else:
        _show(found)


def _check_no_model_flags(name: str, shape: str | None, classes: int | None) -> None:
    for flag, value in (("--input", shape), ("--classes", classes)):
        if value is not None:
            raise ConfigError(f"{flag} is for models; {name} is a file")


def _inspect(name: str, network: Any, example: Any) -> _Findings:
    import warnings

    from netchip.errors import NetchipWarning
    from netchip.graph.coupling import channel_groups
    from netchip.graph.to_workload import to_workload

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NetchipWarning)  # what is not counted is in the listing itself
        workload = to_workload(network, example)
    parameters = sum(parameter.numel() for parameter in network.parameters())
    coupling = channel_groups(network, example)
    return _Findings(
        summary={"model": name, "input": list(example.shape), "parameters": parameters, "macs": int(workload.macs)},
        layers=[_layer(layer) for layer in workload.layers],
        groups=[_group(group) for group in coupling.groups],
        left_alone=[
            {"name": left.name, "channels": left.channels, "reason": left.reason} for left in coupling.left_alone
        ],
        methods=dict(_treatments(network, example)),
        uncounted=list(workload.uncounted),
    )


def _layer(layer: Any) -> dict[str, Any]:
    shape = layer.shape
    return {
        "name": layer.name,
        "kind": _kind(shape),
        "batch": shape.batch,
        "groups": shape.groups,
        "in": [shape.total_in_channels, shape.in_height, shape.in_width],
        "out": [shape.total_out_channels, shape.out_height, shape.out_width],
        "kernel": [shape.kernel_height, shape.kernel_width],
        "stride": list(shape.stride),
        "macs": int(shape.macs),
    }


def _kind(shape: Any) -> str:
    """A convolution of one by one positions is what a linear layer is to the hardware, and is called so."""
    sides = (shape.in_height, shape.in_width, shape.kernel_height, shape.kernel_width)
    return "linear" if shape.kind == "conv" and set(sides) == {1} else shape.kind


def _group(group: Any) -> dict[str, Any]:
    return {
        "name": group.name,
        "units": group.units,
        "members": [f"{member.module}.{member.axis}" for member in group.members],
        "norms": list(group.norms),
    }


def _treatments(network: Any, example: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    """For each method: what it can treat, and why not the rest."""
    from netchip.methods import all_methods

    for method in all_methods():
        found = method.treatment(network, example)
        yield method.name, {"treats": list(found.treats), "channels": found.channels, "why_not": found.why_not}


def _show(found: _Findings) -> None:
    summary = found.summary
    size = format_bytes(summary["parameters"] * _BYTES_PER_FLOAT)
    shape = " x ".join(map(str, summary["input"]))
    say(f"{summary['model']}: {format_count(summary['parameters'])} parameters ({size} in float32), "
        f"{format_count(summary['macs'])} MACs on an input of {shape}")  # fmt: skip
    columns = ("layer", "what it does", ">in", ">out", ">MACs", ">share")
    show_table("Layers that multiply", columns, [_layer_row(layer, summary["macs"]) for layer in found.layers])
    if found.uncounted:
        say(f"\nNot counted (netchip does not know their MACs): {', '.join(found.uncounted)}")
    groups = [(group["name"], str(group["units"]), _shortened(group["members"])) for group in found.groups]
    show_table("Channels that can only be cut together", ("group", ">units", "where"), groups)
    if found.left_alone:
        rows = [(left["name"], str(left["channels"]), left["reason"]) for left in found.left_alone]
        show_table("Left alone", ("channels of", ">number", "why"), rows)
    rows = [_method_row(name, treatment) for name, treatment in found.methods.items()]
    show_table("What each method can treat", ("method", "treats", "not"), rows)


def _layer_row(layer: Mapping[str, Any], total: int) -> tuple[str, ...]:
    return (
        layer["name"],
        _operation(layer),
        "x".join(map(str, layer["in"])),
        "x".join(map(str, layer["out"])),
        format_count(layer["macs"]),
        f"{100 * layer['macs'] / max(total, 1):.1f} %",
    )


def _operation(layer: Mapping[str, Any]) -> str:
    """'conv 3x3 /2 g32': the kernel, the stride where it is not 1, the groups where there are several."""
    if layer["kind"] != "conv":
        return layer["kind"]
    words = ["conv", "x".join(map(str, layer["kernel"]))]
    if set(layer["stride"]) != {1}:
        words.append(f"/{'x'.join(map(str, dict.fromkeys(layer['stride'])))}")
    if layer["groups"] > 1:
        words.append(f"g{layer['groups']}")
    return " ".join(words)


def _shortened(members: list[str]) -> str:
    shown = ", ".join(members[:_SHOWN_MEMBERS])
    rest = len(members) - _SHOWN_MEMBERS
    return f"{shown}, {rest} more" if rest > 0 else shown


def _method_row(name: str, treatment: Mapping[str, Any]) -> tuple[str, str, str]:
    treats = (
        f"{len(treatment['treats'])} groups, {treatment['channels']} channels" if treatment["treats"] else "nothing"
    )
    return name, treats, treatment["why_not"] or "-"

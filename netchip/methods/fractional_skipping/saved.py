"""A gated network on disk, and the way back: what it was made with, as plain values, and its weights."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import nn

from netchip.errors import ConfigError
from netchip.graph.saved import save
from netchip.graph.surgery import CutPlan
from netchip.methods.fractional_skipping.blocks.arithmetic import MODES
from netchip.methods.fractional_skipping.gates.feed_forward import FeedForwardGate
from netchip.methods.fractional_skipping.gates.recurrent import RecurrentGate
from netchip.methods.fractional_skipping.gates.upfront import UpfrontGate
from netchip.methods.fractional_skipping.network import FractionalNetwork, make_fractional
from netchip.methods.fractional_skipping.options import OptionSet

_BY = "netchip.methods.fractional_skipping.saved:remade"
_KINDS = {"recurrent": RecurrentGate, "feed_forward": FeedForwardGate, "upfront": UpfrontGate}


def save_fractional(
    folder: str | Path,
    network: FractionalNetwork,
    *,
    source: Mapping[str, Any] | None,
    plans: tuple[CutPlan, ...] = (),
) -> Path:
    """Writes `network` into `folder` for `netchip.load`; `source` says how the plain one is built, a `ModelSpec` as JSON,
    and `plans` how it was cut before its blocks were gated.

    Raises `ConfigError` for a gate or an arithmetic of one's own, which plain values do not describe.
    """
    return save(folder, network, source=source, plans=plans, methods=[(_BY, settings_of(network))])


def settings_of(network: FractionalNetwork) -> dict[str, Any]:
    """What `remade` needs, as plain values."""
    options = network.options
    return {
        "options": list(options.names),
        "reference_bits": options.reference_bits,
        "blocks": [site.name for site in network.sites],
        "mode": _mode_of(network),
        "gate": _gate_settings(network.gate),
        "min_group": network.min_group,
    }


def remade(plain: nn.Module, settings: Mapping[str, Any]) -> FractionalNetwork:
    """The gated network of `plain` by `settings`, its weights still to be loaded."""
    gate = dict(settings["gate"])
    kind = _KINDS[gate.pop("kind")]
    made = make_fractional(
        plain,
        OptionSet.parse(settings["options"], settings["reference_bits"]),
        lambda channels, options: kind(channels, options, **gate),
        blocks=settings["blocks"],
        mode=settings["mode"],
        gate_first=True,
    )
    made.min_group = settings["min_group"]
    return made


def _mode_of(network: FractionalNetwork) -> str:
    own = network.blocks[0].arithmetic
    name = next((name for name, arithmetic in MODES.items() if arithmetic == own), None)
    if name is None:
        raise ConfigError(f"the arithmetic {own} has no name ({', '.join(MODES)}), so a file cannot say it")
    return name


def _gate_settings(gate: nn.Module) -> dict[str, Any]:
    if isinstance(gate, RecurrentGate):
        return {"kind": "recurrent", "embedding": gate.cell.input_size, "hidden": gate.cell.hidden_size}
    if isinstance(gate, FeedForwardGate):
        return {"kind": "feed_forward", "hidden": gate.hidden}
    if isinstance(gate, UpfrontGate):
        settings: dict[str, Any] = {"kind": "upfront", "source": gate.source, "hidden": gate.first.out_features}
        first = next((each for each in gate.eyes if isinstance(each, nn.Conv2d)), None)
        return settings | ({} if first is None else {"image_channels": first.in_channels, "width": first.out_channels})
    raise ConfigError(
        f"a gate of your own ({type(gate).__name__}) cannot be made anew from a file; save its weights apart"
    )

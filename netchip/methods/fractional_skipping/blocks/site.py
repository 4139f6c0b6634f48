"""Where a gated block lies in a network, by the network's own names. No torch."""

from collections.abc import Iterable
from dataclasses import dataclass

from netchip.errors import ConfigError
from netchip.workload.layer import Layer
from netchip.workload.network import Workload


@dataclass(frozen=True, kw_only=True)
class BlockSite:
    """One gated block: its name, and how it is skipped.

    `shortcut` is the name of the module that runs in its place ("layer2.0.downsample"), None where the input goes on
    as it is. Where nothing can be skipped, `why_not` says why, and the block always runs.
    """

    name: str
    shortcut: str | None = None
    why_not: str | None = None

    @property
    def skippable(self) -> bool:
        """Whether `Skip` may be chosen here."""
        return self.why_not is None


@dataclass(frozen=True)
class SiteLayers:
    """The layers of a workload that belong to one gated block; `shortcut` those that run where it is skipped."""

    site: BlockSite
    body: tuple[Layer, ...]
    shortcut: tuple[Layer, ...]

    @property
    def macs(self) -> float:
        """Multiply-accumulates of the block that runs, shortcut included."""
        return sum(layer.macs for layer in (*self.body, *self.shortcut))

    @property
    def shortcut_macs(self) -> float:
        """Those of the shortcut alone: what a skip costs."""
        return sum(layer.macs for layer in self.shortcut)


def layers_of(workload: Workload, sites: Iterable[BlockSite]) -> tuple[SiteLayers, ...]:
    """The layers of each block, found by name; raises `ConfigError` for a block that has none in `workload`."""
    return tuple(_layers_of(workload, site) for site in sites)


def _layers_of(workload: Workload, site: BlockSite) -> SiteLayers:
    own = [layer for layer in workload.layers if _within(layer.name, site.name)]
    if not own:
        first = ", ".join(layer.name for layer in workload.layers[:3])
        raise ConfigError(
            f"block {site.name!r} has no layer in this workload, whose layers are {first}, ...; "
            "make the workload from the network that the blocks were found in"
        )
    apart = [layer for layer in own if site.shortcut is not None and _within(layer.name, site.shortcut)]
    return SiteLayers(site, tuple(layer for layer in own if layer not in apart), tuple(apart))


def _within(layer: str, module: str) -> bool:
    """Whether a layer is `module` itself or lies in it; a second call is called "name#2"."""
    return layer == module or layer.startswith((f"{module}.", f"{module}#"))

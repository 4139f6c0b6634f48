"""The stage `dna`: the best accelerator for the network before it, within limits. The network stays as it is."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from netchip.compose.pipeline.context import Context
from netchip.compose.pipeline.order import DNA
from netchip.compose.pipeline.product import Product
from netchip.compose.pipeline.spec import StagePlan
from netchip.compose.pipeline.stage import Made, Stage
from netchip.errors import ConfigError, RequestError
from netchip.graph.to_workload import to_workload
from netchip.hardware.fpga.layer_table import LayerTable
from netchip.methods.dna.platform.building import platform_of
from netchip.methods.dna.platform.files import write_pair
from netchip.methods.dna.platform.limits import matched
from netchip.methods.dna.platform.platform import PairReport, Platform
from netchip.methods.dna.platform.spec import PlatformSpec
from netchip.methods.dna.space.layers import workload_with_bits
from netchip.models.build import build

_LEFT_OUT = ("_s", "_pj")


@dataclass(frozen=True)
class _Settings:
    platform: Platform
    bits: int


def _settings(plan: StagePlan, context: Context) -> _Settings:
    spec = PlatformSpec.parse(plan.settings, source=f"stage {plan.name}")
    settings = _Settings(platform_of(spec, seed=context.seed), max(spec.bits))
    try:
        LayerTable.of(to_workload(build(context.model).eval(), context.example).layers)
    except RequestError as error:
        raise ConfigError(f"stage {plan.name}: no accelerator runs all of {context.model.name}: {error}") from None
    return settings


def _make(settings: _Settings, context: Context, before: Sequence[Product], folder: Path) -> Made:
    given, platform = before[-1], settings.platform
    workload = workload_with_bits(given.workload, settings.bits)
    found = matched(platform, workload)
    write_pair(folder, platform, found.design, workload)
    stem = f"{platform.name.replace('-', '_')}_accelerator"
    return Made(
        modelled={f"{stem}_{name}": value for name, value in _figures(found.report).items()},
        simulated=(_in_words(given.name, found.report, settings.bits),),
        notes=(f"dna: {folder / 'accelerator.json'} and its breakdown; the network is as it was",),
    )


def _figures(report: PairReport) -> dict[str, float]:
    figures = {"fps": report.fps, "latency_s": report.latency_s}
    if report.energy_pj is not None:
        figures["energy_pj"] = report.energy_pj
    return figures | {name: used for name, used in report.usage.items() if not name.endswith(_LEFT_OUT)}


def _in_words(name: str, report: PairReport, bits: int) -> str:
    return (
        f"{name} on the accelerator found for it ({report.platform}, {bits} bits): {report.fps:,.4g} frames a second, bound by "
        f"{report.bound_by}."
    )


STAGE = Stage(DNA, _settings, _make)

"""What a gated network computes on average over inputs: one layer for each (layer, bits), with the share of inputs that runs it.

A method hands back workloads, never joules: any chip prices this one like any other. No torch.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from netchip.errors import ConfigError
from netchip.methods.fractional_skipping.blocks.site import BlockSite, layers_of
from netchip.methods.fractional_skipping.options import Bits, Option, OptionSet
from netchip.workload.encoding import Precision
from netchip.workload.layer import Layer
from netchip.workload.network import Workload


def rates_of(routes: Any, options: OptionSet) -> np.ndarray:
    """[L, K]: how often each block took each option on measured routes [B, L] of option indices.

    Raises `ConfigError` without a route or with an index that is no option.
    """
    measured = np.asarray(routes)
    if measured.ndim != 2 or not len(measured):
        raise ConfigError(f"routes of shape {measured.shape}: give [inputs, blocks], at least one input")
    if measured.min() < 0 or measured.max() >= len(options):
        raise ConfigError(
            f"routes hold {measured.min()} to {measured.max()}; option indices are 0 to {len(options) - 1}"
        )
    return np.stack([(measured == option).mean(0) for option in range(len(options))], 1)


def fractional_workload(
    plain: Workload,
    sites: Sequence[BlockSite],
    options: OptionSet,
    rates: Any,
    *,
    gate: Sequence[Layer] = (),
    full: Precision | None = None,
) -> Workload:
    """The workload of a gated network, from that of the `plain` one for one input and `rates` [L, K].

    A layer of a gated block becomes one for each option that was taken, "layer1.1.conv1@8", whose `execution_rate` is its
    share; the rates of a layer sum to 1 less the share of skips. Its outputs have the bits of its inputs. A shortcut also runs
    where its block is skipped, in full. What always runs, `gate` too, has the precision `full`; by default the reference's:
    32 bits, or 8. Edges run between layers of one option inside a block, and between all across.

    Raises `ConfigError` where the rates do not fit, or a block that cannot be skipped was.
    """
    shares = np.asarray(rates, dtype=float)
    _check(shares, sites, options)
    reference = options.reference_bits
    full = full or Precision(weight_bits=reference, input_bits=reference, output_bits=reference)
    made: dict[str, list[tuple[Layer, Option | None]]] = {
        layer.name: [(replace(layer, precision=full), None)] for layer in plain.layers
    }
    block_of: dict[str, int] = {}
    for index, found in enumerate(layers_of(plain, sites)):
        block_of |= {layer.name: index for layer in (*found.body, *found.shortcut)}
        made |= {layer.name: list(_taken(layer, options, shares[index], full, False)) for layer in found.body}
        made |= {layer.name: list(_taken(layer, options, shares[index], full, True)) for layer in found.shortcut}
    layers = [layer for each in plain.layers for layer, _ in made[each.name]]
    edges = [edge for start, end in plain.edges for edge in _edges(made[start], made[end], _same(block_of, start, end))]
    gates = [replace(layer, precision=full) for layer in gate]
    return Workload((*layers, *gates), tuple(edges), uncounted=plain.uncounted)


def _taken(
    layer: Layer, options: OptionSet, shares: np.ndarray, full: Precision, is_shortcut: bool
) -> Iterator[tuple[Layer, Option]]:
    """The layer under each option that some input took; a skip and the full option of a shortcut are one."""
    rates = dict(zip(options, shares.tolist(), strict=True))
    if options.skip is not None:
        skipped = rates.pop(options[options.skip])
        if is_shortcut:
            top = options[options.reference]
            rates[top] = rates[top] + skipped
    for option, rate in rates.items():
        if rate > 0:
            precision = _precision(option, full, option == options[options.reference])
            name = f"{layer.name}@{option.name}"
            yield replace(layer, name=name, precision=precision, execution_rate=min(rate, 1.0)), option


def _precision(option: Option, full: Precision, is_reference: bool) -> Precision:
    if is_reference or not isinstance(option, Bits):
        return full
    return replace(full, weight_bits=option.weight, input_bits=option.input_bits, output_bits=option.input_bits)


def _same(block_of: dict[str, int], start: str, end: str) -> bool:
    return start in block_of and block_of[start] == block_of.get(end)


def _edges(
    starts: Sequence[tuple[Layer, Option | None]], ends: Sequence[tuple[Layer, Option | None]], within: bool
) -> Iterator[tuple[str, str]]:
    for start, one in starts:
        for end, other in ends:
            if not within or one == other:
                yield start.name, end.name


def _check(rates: np.ndarray, sites: Sequence[BlockSite], options: OptionSet) -> None:
    if rates.shape != (len(sites), len(options)):
        raise ConfigError(f"rates of shape {rates.shape}: {len(sites)} blocks and {len(options)} options need one each")
    if not np.isfinite(rates).all() or (rates < 0).any() or not np.allclose(rates.sum(1), 1, atol=1e-6):
        raise ConfigError("rates are shares of the inputs: at least 0, and 1 in sum over the options of each block")
    if options.skip is not None:
        for site, rate in zip(sites, rates[:, options.skip], strict=True):
            if not site.skippable and rate > 0:
                raise ConfigError(
                    f"block {site.name!r} cannot be skipped ({site.why_not}), and its rate of skips is {rate:g}"
                )

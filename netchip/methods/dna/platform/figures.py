"""A pair drawn: its parts and layers as tables, layers under their roofs, who takes the DRAM. Values that `report` draws."""

from typing import Any

from netchip.methods.dna.platform.platform import LayerRow, PairReport
from netchip.units import BITS_PER_BYTE, format_count, format_energy_pj, share_to_percent

_SPAN = 1e3
"""How far a roof is drawn to the left of its ridge and to the right."""


def breakdown_figures(report: PairReport) -> dict[str, dict[str, Any]]:
    """Figures by name: "parts" and "layers" (tables), "roofline", "bandwidth", and "use" of what is limited."""
    return {
        "parts": parts_table(report),
        "layers": layers_table(report),
        "roofline": roofline(report),
        "bandwidth": bandwidth_shares(report),
        "use": use_of_limits(report),
    }


def parts_table(report: PairReport) -> dict[str, Any]:
    """A row a part: cycles of a frame, share of the frame time, of the DRAM, and what it is built of."""
    resources = sorted({name for part in report.parts for name in part.usage})
    rows = [
        [
            part.name,
            format_count(part.cycles),
            _percent(part.cycles / max(each.cycles for each in report.parts)),
            _percent(part.traffic_share),
            f"{part.macs_per_cycle:g}",
            *(f"{part.usage.get(name, 0):,.0f}" for name in resources),
        ]
        for part in report.parts
    ]
    heads = ["part", ">cycles", ">of the slowest", ">of the DRAM", ">MACs a cycle", *(f">{name}" for name in resources)]
    notes = [f"{report.platform}: {report.fps:,.4g} frames a second, bound by {report.bound_by}; modelled"]
    return {"kind": "table", "title": "Parts of the accelerator", "columns": heads, "rows": rows, "notes": notes}


def layers_table(report: PairReport) -> dict[str, Any]:
    """A row a layer: where it runs, its cycles, how busy the multipliers are, what sets its pace."""
    with_energy = report.energy_pj is not None
    rows = [
        [
            layer.name,
            layer.part,
            format_count(layer.macs),
            format_count(layer.cycles),
            _percent(layer.utilisation),
            format_count(layer.traffic_bits / BITS_PER_BYTE),
            layer.bound_by,
            *([format_energy_pj(layer.energy_pj or 0.0)] if with_energy else []),
        ]
        for layer in report.layers
    ]
    heads = [
        "layer",
        "part",
        ">MACs",
        ">cycles",
        ">busy",
        ">DRAM bytes",
        "bound by",
        *([">energy"] if with_energy else []),
    ]
    return {"kind": "table", "title": "Layers on the accelerator", "columns": heads, "rows": rows}


def roofline(report: PairReport) -> dict[str, Any]:
    """Layers by MACs a DRAM byte and MACs a cycle, a colour and a roof a part. All parts share the DRAM, so its slope is one."""
    bytes_per_cycle = report.dram_bits_per_cycle / BITS_PER_BYTE
    series, lines = [], []
    for part in report.parts:
        layers = [layer for layer in report.layers if layer.part == part.name and layer.cycles and layer.traffic_bits]
        series.append(
            {
                "name": part.name,
                "x": [_per_byte(layer) for layer in layers],
                "y": [layer.macs / layer.cycles for layer in layers],
                "labels": [],
            }
        )
        ridge = part.macs_per_cycle / bytes_per_cycle
        x = [ridge / _SPAN, ridge, ridge * _SPAN]
        y = [part.macs_per_cycle / _SPAN, part.macs_per_cycle, part.macs_per_cycle]
        lines.append({"name": f"roof of {part.name}", "x": x, "y": y})
    return {
        "kind": "scatter",
        "title": f"{report.platform}: layers under their roofs",
        "x_label": "MACs a byte of DRAM",
        "y_label": "MACs a cycle",
        "series": series,
        "lines": lines,
    }


def bandwidth_shares(report: PairReport) -> dict[str, Any]:
    """Share of the DRAM traffic that each part has, and how much of what the DRAM moves in a frame is used, in percent."""
    bits = sum(layer.traffic_bits for layer in report.layers)
    frame_cycles = max(bits / report.dram_bits_per_cycle, *(part.cycles for part in report.parts), 0.0)
    full = report.dram_bits_per_cycle * frame_cycles
    names = [part.name for part in report.parts]
    return {
        "kind": "bars",
        "title": f"Use of the DRAM: {share_to_percent(bits / full):.3g} % of what it moves in a frame",
        "y_label": "% of the bandwidth",
        "categories": names,
        "series": [
            {
                "name": "bandwidth",
                "values": [share_to_percent(part.traffic_share * bits / full) for part in report.parts],
            }
        ],
    }


def use_of_limits(report: PairReport) -> dict[str, Any]:
    """What is used of each limit, in percent; limits of nothing are left out."""
    limits = {name: limit for name, limit in report.limits.items() if limit > 0}
    return {
        "kind": "bars",
        "title": f"{report.platform}: what is used of each limit",
        "y_label": "% of the limit",
        "categories": list(limits),
        "series": [
            {"name": "used", "values": [share_to_percent(report.usage[name] / limit) for name, limit in limits.items()]}
        ],
    }


def _per_byte(layer: LayerRow) -> float:
    return layer.macs * BITS_PER_BYTE / layer.traffic_bits


def _percent(share: float) -> str:
    return f"{share_to_percent(share):.3g} %"

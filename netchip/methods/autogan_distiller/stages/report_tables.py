"""The tables of a run's report: students of equal cost side by side, and the layers of teacher and student."""

from collections.abc import Mapping, Sequence
from statistics import median
from typing import Any

from netchip.hardware.cost_report import CostReport
from netchip.methods.method import Arm
from netchip.units import format_count, format_energy_pj, format_percent
from netchip.workload.network import Workload

_PSNR, _SSIM = "psnr_to_teacher_db", "ssim_to_teacher"


def equal_cost(arms: Sequence[Arm]) -> dict[str, Any]:
    """Median and best of the random networks, the other controls and the student, each of no more than the student's cost."""
    random = [arm for arm in arms if arm.name.startswith("random")]
    others = [arm for arm in arms if arm not in random and arm.name != "teacher"]
    rows = [_arm_row(arm) for arm in others]
    if random:
        best = max(random, key=lambda arm: arm.measured[_PSNR])
        rows.insert(
            1, _row(f"random, median of {len(random)}", *(_median(random, name) for name in ("macs", _PSNR, _SSIM)))
        )
        rows.insert(2, [f"random, best of {len(random)}", *_arm_row(best)[1:]])
    return {
        "kind": "table",
        "title": "Students of equal cost, trained alike, on the test pictures",
        "columns": ["network", ">MACs", ">PSNR to the teacher", ">SSIM to the teacher"],
        "rows": rows,
    }


def before_after(
    workloads: Mapping[str, Workload], student: str, modelled: Mapping[str, Mapping[str, CostReport]]
) -> dict[str, Any]:
    """Each layer of the teacher, then each of the student: MACs, their share, weights, and energy on each chip."""
    chips = list(modelled.get(student, {}))
    rows: list[list[str]] = []
    for name in ("teacher", student):
        workload, reports = workloads[name], modelled.get(name, {})
        for index, layer in enumerate(workload.layers):
            share = format_percent(100 * layer.macs / workload.macs)
            row = [name, layer.name, format_count(layer.macs), share, format_count(layer.shape.weights)]
            energy = [
                format_energy_pj(reports[chip].layers[index].cost.energy_pj) if chip in reports else ""
                for chip in chips
            ]
            rows.append([*row, *energy])
    return {
        "kind": "table",
        "title": "Cost layer by layer, before and after",
        "columns": ["network", "layer", ">MACs", ">share", ">weights", *(f">energy on {chip}" for chip in chips)],
        "rows": rows,
        "notes": ["energy is modelled at 8 bits"] if chips else [],
    }


def _arm_row(arm: Arm) -> list[str]:
    return _row(arm.name, arm.counted["macs"], arm.measured[_PSNR], arm.measured[_SSIM])


def _row(name: str, macs: float, psnr_db: float, ssim: float) -> list[str]:
    return [name, format_count(macs), f"{psnr_db:.2f} dB", f"{ssim:.4f}"]


def _median(arms: Sequence[Arm], name: str) -> float:
    return median(arm.counted[name] if name == "macs" else arm.measured[name] for arm in arms)

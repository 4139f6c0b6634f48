"""What a run is judged by: its chosen network and baseline, the figure that says how good a network is, and what it costs."""

from collections.abc import Iterable, Mapping
from typing import Any

from netchip.report.record import ArmRecord, RunRecord

Column = tuple[str, str]
"""(measured | counted | modelled, name of the figure)."""
_QUALITIES = ("test_accuracy_percent", "psnr_to_truth_db")
_QUALITY_ENDS = ("accuracy_percent", "_db")
_COSTS: tuple[Column, ...] = (
    ("counted", "macs"),
    ("counted", "gated_cost_percent"),
    ("measured", "file_bytes"),
    ("measured", "latency_batch1_ms"),
)
_MODELLED_ENDS = ("energy_pj", "latency_s")


def chosen_arm(run: RunRecord) -> ArmRecord | None:
    """The network that the run is about: the one its metrics call `own_arm`, else the last of the role "ours"."""
    named = run.result.metrics.get("own_arm")
    ours = [arm for arm in run.result.arms if arm.name == named or (named is None and arm.role == "ours")]
    return ours[-1] if ours else None


def baseline_arm(run: RunRecord) -> ArmRecord | None:
    """The network it is compared with: the first of the role "baseline"."""
    return next((arm for arm in run.result.arms if arm.role == "baseline"), None)


def quality_of(arms: Iterable[ArmRecord]) -> Column | None:
    """The measured figure that says how good these networks are; the higher the better."""
    keys = list(dict.fromkeys(key for arm in arms for key in arm.measured))
    found = [key for key in _QUALITIES if key in keys] or [key for key in keys if key.endswith(_QUALITY_ENDS)]
    return ("measured", found[0]) if found else None


def costs_of(arms: Iterable[ArmRecord]) -> list[Column]:
    """The figures that say what these networks cost, as far as they have them; the lower the better."""
    arms = list(arms)
    known = [(section, key) for section, key in _COSTS if any(key in getattr(arm, section) for arm in arms)]
    modelled = dict.fromkeys(key for arm in arms for key in arm.modelled if key.endswith(_MODELLED_ENDS))
    return known + [("modelled", key) for key in modelled]


def figure_of(arm: ArmRecord, column: Column) -> float | None:
    """The value of a figure; None where the network has none."""
    return getattr(arm, column[0]).get(column[1])


def task_of(run: RunRecord) -> str:
    """What networks have to share to be compared, in words: 'digits, 16 px', 'photos, ×2'."""
    data = next((found for name in ("data", "images") if isinstance(found := run.config.get(name), Mapping)), {})
    words = [str(data.get("name") or run.result.experiment)]
    if (size := data.get("image_size")) is not None:
        words.append(f"{size} px")
    if (scale := data.get("scale")) is not None:
        words.append(f"×{scale}")
    return ", ".join(words)


def device_of(run: RunRecord) -> str:
    """Where the run was measured, in a few words; seconds of two devices have no place on one axis."""
    found: Mapping[str, Any] = run.result.measured_on
    name = found.get("name") or found.get("device") or "an unknown device"
    threads = found.get("latency_threads", found.get("threads"))
    return f"{name}, {threads} thread{'s' * (threads != 1)}" if isinstance(threads, int) else str(name)

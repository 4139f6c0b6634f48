"""LOMA's best mappings on two machines and 12 layers, as recorded in shared/hw_reference, as values of netchip."""

import importlib.util
import json
import sys
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from netchip.hardware.accelerator import Accelerator
from netchip.workload.layer import Layer

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT.parent / "shared" / "hw_reference" / "zigzag"
MACHINES = {"eyeriss_like": "from_package/hardware__eyeriss_like.yaml", "r3_shared": "hw_r3_shared.yaml"}
"""The machines whose searches on the 12-layer workload are recorded, and their files."""


@dataclass(frozen=True)
class Recorded:
    """One layer of a recorded search: its fixed unrolling, and the energy in pJ of the best mapping LOMA found."""

    layer: Layer
    spatial: dict[str, dict[str, int]]
    energy_pj: float


def machine(name: str) -> Accelerator:
    """A machine of `MACHINES`."""
    return _readers().zigzag_accelerator(FOLDER / "inputs" / MACHINES[name])


def recorded(name: str) -> list[Recorded]:
    """The 12 layers of the search for least energy on a machine."""
    run: dict[str, Any] = json.loads((FOLDER / "search" / f"ref12_{name}_minenergy_lpf5.json").read_text())
    layers: dict[str, Layer] = _readers().zigzag_layers(FOLDER / "inputs" / "workload_ref12.yaml")
    return [
        Recorded(
            layers[each["layer"]],
            each["layer_def"]["user_spatial_mapping"],
            each["energy"]["energy_total"],
        )
        for each in run["layers"]
    ]


def loma_seconds(name: str) -> float:
    """CPU seconds that LOMA took for all 12 layers, as recorded."""
    runs = json.loads((FOLDER / "search" / "timing.json").read_text())
    return next(run["cpu_seconds"] for run in runs if name in run["hw"] and "ref12" in run["wl"])


def _readers() -> ModuleType:
    """The readers of recorded files that the tests use."""
    spec = importlib.util.spec_from_file_location("hardware_recorded", ROOT / "tests" / "hardware" / "recorded.py")
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules.get("hardware_recorded") or importlib.util.module_from_spec(spec)
    if "hardware_recorded" not in sys.modules:
        sys.modules["hardware_recorded"] = module
        spec.loader.exec_module(module)
    return module

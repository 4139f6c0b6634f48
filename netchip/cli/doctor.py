"""`netchip doctor`: what is installed and found here, and the command that adds what is missing."""

import os
import platform
import re
import sys
from importlib import metadata
from pathlib import Path
from typing import Any

from netchip.cli.output import say, show_json, show_table
from netchip.units import format_bytes
from netchip.version import __version__

_REQUIREMENT = re.compile(r"^([A-Za-z0-9._-]+)[^;]*(?:;.*extra\s*==\s*[\"']([\w-]+)[\"'])?")


def command(*, json: bool = False) -> None:
    """Show versions, devices, threads, missing extras, data folders and the cache.

    Parameters
    ----------
    json
        Write JSON to stdout, nothing else.
    """
    findings = {
        "system": _system(),
        "torch": _torch(),
        "packages": _packages(),
        "extras": _extras(),
        "places": _places(),
    }
    if json:
        show_json(findings)
        return
    show_table("System", ("what", "found"), [*findings["system"].items(), *findings["torch"].items()])
    show_table("Core packages", ("package", "version"), list(findings["packages"].items()))
    show_table("Extras", ("extra", "state", "adds it"), [_extra_row(*each) for each in findings["extras"].items()])
    show_table("Places", ("what", "found"), list(findings["places"].items()))
    missing = [name for name, version in findings["packages"].items() if version == "missing"]
    say(
        "\nEverything that netchip itself needs is here."
        if not missing
        else f"\nMissing: pip install {' '.join(missing)}"
    )


def _system() -> dict[str, str]:
    return {
        "netchip": __version__,
        "python": f"{platform.python_version()} ({sys.executable})",
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "processors": f"{len(os.sched_getaffinity(0)) if hasattr(os, 'sched_getaffinity') else os.cpu_count()}",
    }


def _torch() -> dict[str, str]:
    """Versions and devices of torch, and whether their energy can be measured; or why torch cannot be used."""
    try:
        import torch

        from netchip.measure.device import device_description
        from netchip.measure.energy import energy_unavailable
    except (ImportError, OSError) as error:
        return {"torch": f"cannot be imported: {error}"}
    found = {
        "torch": f"{torch.__version__} (CUDA {torch.version.cuda})"
        if torch.version.cuda
        else f"{torch.__version__} (no CUDA)",
        "torch threads": str(torch.get_num_threads()),
        "device cpu": device_description("cpu").name,
    }
    found |= {f"device cuda:{index}": torch.cuda.get_device_name(index) for index in range(torch.cuda.device_count())}
    found |= {"device mps": "Apple GPU"} if torch.backends.mps.is_available() else {}
    gpus = [name.removeprefix("device ") for name in found if name.startswith("device cuda")]
    return found | {"energy": "; ".join(_energy(gpu, energy_unavailable(gpu)) for gpu in gpus or ["cpu"])}


def _energy(device: str, why_not: str) -> str:
    """'cuda:0: can be measured', or why it cannot."""
    return f"{device}: {why_not.removeprefix(f'{device}: ') or 'can be measured'}"


def _requirements() -> list[tuple[str, str]]:
    """(package, extra or "") as the installed netchip declares them; empty when it runs from a source tree."""
    try:
        lines = metadata.requires("netchip") or []
    except metadata.PackageNotFoundError:
        return []
    found = (_REQUIREMENT.match(line) for line in lines)
    return [(match[1], match[2] or "") for match in found if match]


def _packages() -> dict[str, str]:
    return {package: _version(package) or "missing" for package, extra in _requirements() if not extra}


def _extras() -> dict[str, dict[str, Any]]:
    extras: dict[str, list[str]] = {}
    for package, extra in _requirements():
        if extra:
            extras.setdefault(extra, []).append(package)
    return {
        extra: {
            "missing": [package for package in packages if _version(package) is None],
            "command": f"pip install 'netchip[{extra}]'",
        }
        for extra, packages in sorted(extras.items())
    }


def _extra_row(extra: str, state: dict[str, Any]) -> tuple[str, str, str]:
    if not state["missing"]:
        return extra, "installed", ""
    return extra, f"missing: {', '.join(state['missing'])}", state["command"]


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def _places() -> dict[str, str]:
    data = os.environ.get("NETCHIP_DATA")
    cache = os.environ.get("NETCHIP_CACHE")
    folder = Path(cache or "runs/.cache")
    return {
        "NETCHIP_DATA": _contents(Path(data)) if data else "not set; cifar10 then needs --data.folder",
        f"cache ({'NETCHIP_CACHE' if cache else 'default'})": f"{folder}: {_size(folder)}",
    }


def _contents(folder: Path) -> str:
    if not folder.is_dir():
        return f"{folder}: no such folder"
    names = sorted(entry.name for entry in folder.iterdir())
    return f"{folder}: {', '.join(names[:6]) or 'empty'}{' ...' if len(names) > 6 else ''}"


def _size(folder: Path) -> str:
    if not folder.is_dir():
        return "nothing cached yet"
    files = [path for path in folder.rglob("*") if path.is_file()]
    return f"{len(files)} files, {format_bytes(sum(path.stat().st_size for path in files))}"

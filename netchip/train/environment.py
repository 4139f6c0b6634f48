"""What a run was made with: versions and devices, for environment.json and the caption of measured figures."""

import os
import platform
import sys
from importlib import metadata
from pathlib import Path
from typing import Any

from netchip.version import __version__

_PACKAGES = ("torch", "numpy", "accelerate", "safetensors", "torch-pruning", "pydantic")


def describe_environment() -> dict[str, Any]:
    """Versions of Python, netchip and what it computes with; operating system, processor, cores and GPUs. No user or
    path names.
    """
    return {
        "format": 1,
        "netchip": __version__,
        "python": sys.version.split()[0],
        "packages": {name: version for name in _PACKAGES if (version := _version(name)) is not None},
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "processor": _processor(),
        "cores": _cores(),
        "omp_num_threads": os.environ.get("OMP_NUM_THREADS"),
        "processes": int(os.environ.get("WORLD_SIZE", "1")),
        "gpus": _gpus(),
    }


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    models = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return models[0] if models else platform.processor()


def _cores() -> int:
    """Cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _gpus() -> list[str]:
    """Names of the CUDA devices, asked of torch only if it is loaded already."""
    torch: Any = sys.modules.get("torch")
    if torch is None or not torch.cuda.is_available():
        return []
    return [torch.cuda.get_device_name(index) for index in range(torch.cuda.device_count())]

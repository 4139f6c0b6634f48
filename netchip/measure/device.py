"""The device that measurements were made on, named well enough to compare two result files."""

import platform
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from netchip.cores import available_cores
from netchip.errors import RequestError, first_line

_CPU_INFO = Path("/proc/cpuinfo")


@dataclass(frozen=True)
class DeviceDescription:
    """A device, and the software that drives it.

    `name` is the processor's or accelerator's model; `cores` the logical cores this process may use; `threads` torch's
    threads; `cuda` the CUDA version torch was built with, None without.
    """

    device: str
    name: str
    cores: int
    threads: int
    torch: str
    python: str
    system: str
    cuda: str | None

    def to_json(self) -> dict[str, Any]:
        """Plain values for result files."""
        return asdict(self)


def device_description(device: str | torch.device = "cpu") -> DeviceDescription:
    """Describes `device` ("cpu", "cuda", "cuda:1", "mps"); raises `RequestError` where torch cannot use it."""
    place = usable_device(device)
    return DeviceDescription(
        device=str(place),
        name=_name(place),
        cores=available_cores(),
        threads=torch.get_num_threads(),
        torch=torch.__version__,
        python=platform.python_version(),
        system=f"{platform.system()} {platform.machine()}",
        cuda=torch.version.cuda,
    )


def usable_device(device: str | torch.device) -> torch.device:
    """`device` as torch's own value; raises `RequestError` where it is unknown or not there."""
    try:
        place = torch.device(device)
        torch.empty(0, device=place)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        raise RequestError(
            f"device {str(device)!r} cannot be used here ({first_line(error).rstrip('.')}); use 'cpu'"
        ) from None
    return place


def _name(place: torch.device) -> str:
    if place.type == "cuda":
        return torch.cuda.get_device_name(place)
    if place.type == "cpu":
        return _cpu_name()
    return place.type


def _cpu_name() -> str:
    if _CPU_INFO.is_file():
        for line in _CPU_INFO.read_text(errors="replace").splitlines():
            key, _, value = line.partition(":")
            if key.strip() == "model name" and value.strip():
                return value.strip()
    return platform.processor() or platform.machine()

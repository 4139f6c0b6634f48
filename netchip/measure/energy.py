"""Measured energy: the joules a GPU has used, read from the counter that its driver keeps (NVML, Volta and later).

Nothing here raises for a device that cannot be measured: there is no counter then, and a line that says why.
"""

from collections.abc import Callable
from typing import Any

import torch

from netchip.errors import RunError
from netchip.train.distributed import process_count
from netchip.units import millijoules_to_joules


def energy_counter(device: str | torch.device) -> Callable[[], float] | None:
    """A function that returns the joules `device` has used so far; None where that cannot be measured.

        counter = energy_counter("cuda")
        result = fit(phase, loader, epochs=20, folder=folder, energy_counter=counter)

    Only differences mean something: the driver counts from when it was loaded, for the whole board, in millijoules,
    whichever program keeps it busy, idle time included. NVML does not promise how often the driver refreshes the count,
    so that of a short stretch is coarse. "cuda" without an index is this process's own GPU, also under `torchrun`. The
    function raises `RunError` when the driver stops counting or starts anew.
    """
    found = _counter(device)
    return None if isinstance(found, str) else found


def energy_unavailable(device: str | torch.device) -> str:
    """Why `energy_counter(device)` is None, in one line; empty where it is not."""
    found = _counter(device)
    return found if isinstance(found, str) else ""


def _counter(device: str | torch.device) -> "Callable[[], float] | str":
    """The counter of `device`, or why there is none."""
    try:
        place = torch.device(device)
    except RuntimeError:
        return f"{device}: no such device"
    if place.type != "cuda":
        return f"{place.type}: no energy counter"
    if torch.version.hip is not None:
        return "not an NVIDIA GPU: no energy counter"
    try:
        uuid = _uuid(place)
    except (RuntimeError, AssertionError):  # torch without CUDA, or without this index, raises either
        return f"{place}: no such device"
    return _of_gpu(uuid)


def _uuid(place: torch.device) -> str:
    """What names a GPU to torch and to NVML alike; their indices differ under CUDA_VISIBLE_DEVICES."""
    if place.index is None:
        process_count()  # joins the launcher's group, which makes this process's GPU the current one
    return str(torch.cuda.get_device_properties(place).uuid)


def _of_gpu(uuid: str) -> "Callable[[], float] | str":
    try:
        import pynvml
    except ImportError:
        return "nvidia-ml-py is not installed; pip install 'netchip[energy]'"
    nvml: Any = pynvml
    if not hasattr(nvml, "nvmlDeviceGetMigMode"):  # nvidia-ml-py3, of 2017, has the same module name
        return "the installed pynvml is too old; pip install --upgrade 'netchip[energy]'"
    try:
        nvml.nvmlInit()  # and never shut down: the counter is read as long as the process lives
        return _of_board(nvml, uuid)
    except nvml.NVMLError as error:
        return f"NVML cannot be used ({error})"


def _of_board(nvml: Any, uuid: str) -> "Callable[[], float] | str":
    handle = _handle(nvml, f"GPU-{uuid}")
    if handle is None and _handle(nvml, f"MIG-{uuid}") is None:
        return f"NVML knows no GPU-{uuid}"
    if handle is None or _is_split(nvml, handle):
        return "this GPU is split (MIG), and its energy counter is of the whole"
    try:
        return _Counter(nvml, handle)
    except nvml.NVMLError_NotSupported:
        return "this GPU has no total energy counter"


def _handle(nvml: Any, uuid: str) -> Any:
    try:
        return nvml.nvmlDeviceGetHandleByUUID(uuid)
    except (nvml.NVMLError_NotFound, nvml.NVMLError_InvalidArgument):
        return None


def _is_split(nvml: Any, handle: Any) -> bool:
    try:
        return nvml.nvmlDeviceGetMigMode(handle)[0] == nvml.NVML_DEVICE_MIG_ENABLE
    except (nvml.NVMLError_NotSupported, nvml.NVMLError_FunctionNotFound):
        return False  # a GPU, or a driver, that cannot split


class _Counter:
    """Reads one board's counter; the first time at once, so that a board without one is known before work."""

    def __init__(self, nvml: Any, handle: Any) -> None:
        self._nvml, self._handle = nvml, handle
        self._last_mj = int(nvml.nvmlDeviceGetTotalEnergyConsumption(handle))

    def __call__(self) -> float:
        before_mj, now_mj = self._last_mj, self._read_mj()
        if now_mj < before_mj:
            raise RunError(
                f"the GPU's energy counter went back from {before_mj} mJ to {now_mj} mJ, as when its driver is loaded "
                "anew; leave this stretch out"
            )
        return millijoules_to_joules(now_mj)

    def _read_mj(self) -> int:
        try:
            self._last_mj = int(self._nvml.nvmlDeviceGetTotalEnergyConsumption(self._handle))
        except self._nvml.NVMLError as error:
            raise RunError(f"the GPU's energy counter cannot be read any more ({error})") from None
        return self._last_mj

"""The energy counter, against a simulated NVML and simulated GPUs: no figure in here comes from a device.

Only the last tests use the real `nvidia-ml-py`, for the names it has and for what it says without a driver.
"""

import sys
from types import ModuleType, SimpleNamespace

import pynvml
import pytest
import torch

from netchip.errors import RunError
from netchip.measure import energy
from netchip.measure.energy import energy_counter, energy_unavailable

FIRST, SECOND = "11111111-aaaa-bbbb-cccc-000000000001", "22222222-aaaa-bbbb-cccc-000000000002"


class SimulatedBoard:
    """What the simulated NVML says of one board. `readings_mj` are handed out in turn, the last again and again."""

    def __init__(self, *readings_mj, counts=True, split=None):
        self.readings_mj, self.counts, self.split = list(readings_mj), counts, split


class SimulatedNvml(ModuleType):
    """The part of `pynvml` that is used, over boards by their NVML name, in the order of NVML's own index."""

    NVML_DEVICE_MIG_ENABLE = 1

    class NVMLError(Exception):
        pass

    class NVMLError_NotFound(NVMLError):
        pass

    class NVMLError_InvalidArgument(NVMLError):
        pass

    class NVMLError_NotSupported(NVMLError):
        pass

    class NVMLError_FunctionNotFound(NVMLError):
        pass

    def __init__(self, boards):
        super().__init__("pynvml")
        self.boards, self.usable, self.lost = boards, True, False

    def nvmlInit(self):
        if not self.usable:
            raise self.NVMLError("Driver Not Loaded")

    def nvmlDeviceGetHandleByUUID(self, uuid):
        if uuid not in self.boards:
            raise self.NVMLError_NotFound("Not Found")
        return self.boards[uuid]

    def nvmlDeviceGetMigMode(self, board):
        if board.split is None:
            raise self.NVMLError_NotSupported("Not Supported")
        return [int(board.split), 0]

    def nvmlDeviceGetTotalEnergyConsumption(self, board):
        if self.lost:
            raise self.NVMLError("GPU is lost")
        if not board.counts:
            raise self.NVMLError_NotSupported("Not Supported")
        return board.readings_mj.pop(0) if len(board.readings_mj) > 1 else board.readings_mj[0]


@pytest.fixture
def simulate(monkeypatch):
    """Puts a simulated NVML with `boards` in place of pynvml, and simulated GPUs with `uuids` in place of torch's."""

    def put(boards, uuids=(FIRST,)):
        nvml = SimulatedNvml(boards)
        current = SimpleNamespace(index=0)

        def properties(place):
            index = current.index if place.index is None else place.index
            if index >= len(uuids):
                raise AssertionError("Invalid device id")
            return SimpleNamespace(uuid=uuids[index])

        monkeypatch.setitem(sys.modules, "pynvml", nvml)
        monkeypatch.setattr(torch.version, "hip", None)
        monkeypatch.setattr(torch.cuda, "get_device_properties", properties)
        nvml.current = current
        return nvml

    return put


def test_simulated_joules_are_millijoules_over_a_thousand(simulate):
    simulate({f"GPU-{FIRST}": SimulatedBoard(5_000, 5_000, 7_250)})
    counter = energy_counter("cuda:0")
    assert [counter(), counter()] == [5.0, 7.25]


def test_a_simulated_gpu_that_counts_needs_no_excuse(simulate):
    simulate({f"GPU-{FIRST}": SimulatedBoard(1, split=False)})
    assert energy_unavailable(torch.device("cuda", 0)) == ""
    assert energy_counter(torch.device("cuda", 0)) is not None


def test_two_simulated_gpus_in_another_order_are_found_by_their_uuid(simulate):
    simulate({f"GPU-{FIRST}": SimulatedBoard(1_000), f"GPU-{SECOND}": SimulatedBoard(2_000)}, uuids=(SECOND, FIRST))
    assert [energy_counter(f"cuda:{index}")() for index in (0, 1)] == [2.0, 1.0]


def test_cuda_without_an_index_is_the_gpu_that_the_launcher_gave_this_simulated_process(simulate, monkeypatch):
    boards = {f"GPU-{FIRST}": SimulatedBoard(1_000), f"GPU-{SECOND}": SimulatedBoard(2_000)}
    nvml = simulate(boards, uuids=(FIRST, SECOND))

    def join():
        nvml.current.index = 1
        return 2

    monkeypatch.setattr(energy, "process_count", join)
    assert energy_counter("cuda")() == 2.0


def test_a_simulated_counter_that_starts_anew_raises_and_goes_on_from_there(simulate):
    simulate({f"GPU-{FIRST}": SimulatedBoard(900, 1_000, 40, 50)})
    counter = energy_counter("cuda:0")
    assert counter() == 1.0
    with pytest.raises(RunError, match="went back from 1000 mJ to 40 mJ, as when its driver is loaded anew; leave"):
        counter()
    assert counter() == 0.05


def test_a_simulated_gpu_that_is_lost_raises_an_error_of_netchip(simulate):
    nvml = simulate({f"GPU-{FIRST}": SimulatedBoard(900)})
    counter = energy_counter("cuda:0")
    nvml.lost = True
    with pytest.raises(RunError, match=r"cannot be read any more \(GPU is lost\)"):
        counter()


@pytest.mark.parametrize(
    ("boards", "reason"),
    [
        ({f"GPU-{FIRST}": SimulatedBoard(1, counts=False)}, "this GPU has no total energy counter"),
        (
            {f"GPU-{FIRST}": SimulatedBoard(1, split=True)},
            "this GPU is split (MIG), and its energy counter is of the whole",
        ),
        ({f"MIG-{FIRST}": SimulatedBoard(1)}, "this GPU is split (MIG), and its energy counter is of the whole"),
        ({f"GPU-{SECOND}": SimulatedBoard(1)}, f"NVML knows no GPU-{FIRST}"),
    ],
    ids=["unsupported", "split", "part", "unknown"],
)
def test_a_simulated_gpu_without_a_counter_of_its_own_says_why(simulate, boards, reason):
    simulate(boards)
    assert energy_counter("cuda:0") is None
    assert energy_unavailable("cuda:0") == reason


def test_a_simulated_driver_that_is_not_loaded_is_named(simulate):
    simulate({}).usable = False
    assert energy_counter("cuda:0") is None
    assert energy_unavailable("cuda:0") == "NVML cannot be used (Driver Not Loaded)"


def test_a_missing_package_comes_with_the_command_that_adds_it(simulate, monkeypatch):
    simulate({})
    monkeypatch.setitem(sys.modules, "pynvml", None)  # importing it raises ImportError
    assert energy_counter("cuda:0") is None
    assert energy_unavailable("cuda:0") == "nvidia-ml-py is not installed; pip install 'netchip[energy]'"


def test_an_old_module_of_the_same_name_is_not_used(simulate, monkeypatch):
    simulate({})
    monkeypatch.setitem(sys.modules, "pynvml", ModuleType("pynvml"))
    assert energy_counter("cuda:0") is None
    assert energy_unavailable("cuda:0") == "the installed pynvml is too old; pip install --upgrade 'netchip[energy]'"


@pytest.mark.parametrize(
    ("device", "reason"),
    [
        ("cpu", "cpu: no energy counter"),
        ("mps", "mps: no energy counter"),
        ("cuda:3", "cuda:3: no such device"),
        ("abacus", "abacus: no such device"),
    ],
)
def test_a_device_that_is_no_simulated_gpu_says_so(simulate, device, reason):
    simulate({f"GPU-{FIRST}": SimulatedBoard(1)})
    assert energy_counter(device) is None
    assert energy_unavailable(device) == reason


def test_a_gpu_of_another_maker_is_not_asked(simulate, monkeypatch):
    simulate({f"GPU-{FIRST}": SimulatedBoard(1)})
    monkeypatch.setattr(torch.version, "hip", "6.3")
    assert energy_unavailable("cuda:0") == "not an NVIDIA GPU: no energy counter"


def test_the_real_package_has_every_name_that_is_used():
    used = [name for name in vars(SimulatedNvml) if name.lower().startswith("nvml")]
    assert len(used) == 10
    assert [name for name in used if not hasattr(pynvml, name)] == []
    errors = [getattr(pynvml, name) for name in used if name.startswith("NVMLError")]
    assert all(issubclass(error, pynvml.NVMLError) for error in errors)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
def test_the_real_package_without_a_driver_says_so(monkeypatch):
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda place: SimpleNamespace(uuid=FIRST))
    assert energy_counter("cuda:0") is None
    assert energy_unavailable("cuda:0").startswith("NVML cannot be used (")


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
def test_torch_without_a_gpu_has_nothing_to_measure():
    assert energy_unavailable("cuda") == "cuda: no such device"


@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device")
def test_a_real_counter_does_not_go_back():
    counter = energy_counter("cuda")
    if counter is None:
        pytest.skip(energy_unavailable("cuda"))
    first = counter()
    assert 0 < first <= counter()

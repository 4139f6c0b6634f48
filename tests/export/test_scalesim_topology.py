"""SCALE-Sim's topologies in both forms, the sizes SCALE-Sim makes of them, and faults with their lines."""

import csv
from collections.abc import Callable
from pathlib import Path

import pytest

from netchip.errors import DataError
from netchip.export.scalesim_topology import read_scalesim_topology
from netchip.workload.encoding import Precision
from netchip.workload.network import Workload

_REFERENCE = Path(__file__).resolve().parents[2].parent / "shared" / "hw_reference" / "scalesim"
_CONV = "Layer name, IFMAP Height, IFMAP Width, Filter Height, Filter Width, Channels, Num Filter, Strides,\n"
_GEMM = "Layer, M, N, K,\n"


@pytest.fixture
def read(tmp_path: Path) -> Callable[..., Workload]:
    def write_and_read(text: str, precision: Precision | None = None) -> Workload:
        (tmp_path / "net.csv").write_text(text, encoding="utf-8")
        return read_scalesim_topology(tmp_path / "net.csv", precision)

    return write_and_read


def test_convolutions_and_products_are_read(read: Callable[..., Workload]) -> None:
    found = read(_CONV + "\nconv1,227,31,11,5,3,96,4,\n fc , 1,1,1,1,512,1000,1\n", Precision(weight_bits=4))
    conv, fc = found.layers
    assert (conv.name, fc.name, conv.precision.weight_bits) == ("conv1", "fc", 4)
    assert conv.shape.loop_bounds == {"B": 1, "G": 1, "K": 96, "C": 3, "OY": 55, "OX": 8, "FY": 11, "FX": 5}
    assert fc.shape.macs == 512_000
    product = read(_GEMM + "mm,7,3,5,\n").layers[0].shape
    assert product.loop_bounds == {"B": 1, "G": 1, "K": 3, "C": 5, "OY": 1, "OX": 7, "FY": 1, "FX": 1}


def test_a_name_with_dp_is_a_depthwise_convolution(read: Callable[..., Workload]) -> None:
    shape = read(_CONV + "Conv_DP1,10,10,3,3,32,1,1,\n").layers[0].shape
    assert (shape.groups, shape.out_channels, shape.in_channels, shape.macs) == (32, 1, 1, 8 * 8 * 9 * 32)


def test_a_stride_of_its_own_along_the_width(read: Callable[..., Workload]) -> None:
    header = _CONV.replace("Strides", "Stride height, Stride width")
    shape = read(header + "c,9,9,3,3,1,1,2,3,\n").layers[0].shape
    assert (shape.stride, shape.out_height, shape.out_width) == ((2, 3), 4, 3)


def test_a_stride_that_does_not_divide_adds_a_window(read: Callable[..., Workload]) -> None:
    shape = read(_CONV + "c,224,223,7,7,3,64,2,\n").layers[0].shape
    assert (shape.out_height, shape.out_width) == (110, 109)
    assert (shape.in_height, shape.in_width) == (225, 223)


def test_a_dense_sparsity_is_taken_and_another_refused(read: Callable[..., Workload]) -> None:
    header = _CONV.replace("Strides,", "Strides, Sparsity,")
    assert read(header + "c,9,9,3,3,1,1,2,4:4,\n").layers[0].shape.stride == (2, 2)
    with pytest.raises(DataError, match=r"net\.csv, line 2: sparsity '1:4' is not read; write the dense layer"):
        read(header + "c,9,9,3,3,1,1,2,1:4,\n")


def test_the_recorded_topology_has_the_windows_scalesim_counted() -> None:
    topology = _REFERENCE / "inputs" / "ref16.csv"
    if not topology.exists():
        pytest.skip("recorded outputs of other tools (scalesim) are not beside the project")
    workload = read_scalesim_topology(topology)
    report = list(csv.reader((_REFERENCE / "results" / "ws_COMPUTE_REPORT.csv").read_text().splitlines()))
    cycles = [int(row[2]) for row in report[1:]]
    assert len(cycles) == 16
    for layer, counted in zip(workload.layers, cycles, strict=True):
        bounds = layer.shape.loop_bounds
        folds = -(-bounds["FY"] * bounds["FX"] * bounds["C"] // 32) * -(-bounds["K"] // 32)
        assert folds * (bounds["OY"] * bounds["OX"] + 2 * 32 + 32 - 2) - 1 == counted


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", r"net\.csv: empty; write a header"),
        ("\n , ,\n", r"net\.csv: empty; write a header"),
        (_CONV, r"net\.csv: no layer below the header"),
        (
            "conv1,227,227,11,11,3,96,4,\n",
            r"net\.csv, line 1: not a header of SCALE-Sim; write 'Layer name, IFMAP Height",
        ),
        ("Layer, M, K, N,\nmm,1,2,3,\n", r"net\.csv, line 1: not a header"),
        (
            _CONV + "\n\nc,9,9,3,3,1,\n",
            r"net\.csv, line 4: Num Filter, Strides missing; write a number for each of IFMAP",
        ),
        (_GEMM + "mm,7,3,\n", r"net\.csv, line 2: K missing"),
        (_CONV + "c,9,nine,3,3,1,1,1,\n", r"net\.csv, line 2: IFMAP Width = 'nine': give a whole number of at least 1"),
        (_CONV + "c,9,9,3,3,0,1,1,\n", r"net\.csv, line 2: Channels = '0': give a whole number"),
        (_CONV + "c,9,9,3,3,1,1,2,x,\n", r"net\.csv, line 2: Stride Width = 'x': give a whole number"),
        (_CONV + "c,9,,3,3,1,1,1,\n", r"net\.csv, line 2: IFMAP Width = '': give a whole number"),
        (_CONV + "c,2,9,3,3,1,1,1,\n", r"net\.csv, line 2: c: Filter Height = 3 is larger than the IFMAP's 2; pad"),
        (_CONV + ",9,9,3,3,1,1,1,\n", r"net\.csv, line 2: a layer needs a name"),
        (_GEMM + "mm,7,3,5,\nmm,7,3,5,\n", r"net\.csv, line 3: a second layer is called 'mm'; give each its own name"),
    ],
)
def test_a_fault_is_told_with_its_line(read: Callable[..., Workload], text: str, message: str) -> None:
    with pytest.raises(DataError, match=message) as caught:
        read(text)
    assert "\n" not in str(caught.value)


def test_a_missing_file_and_one_that_is_no_text_are_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"nowhere\.csv: no such file"):
        read_scalesim_topology(tmp_path / "nowhere.csv")
    (tmp_path / "a.csv").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(DataError, match=r"a\.csv: not readable as text"):
        read_scalesim_topology(tmp_path / "a.csv")

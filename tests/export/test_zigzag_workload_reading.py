"""ZigZag's workload files are read: our own come back, those of ZigZag's making too, and faults are told with the entry."""

import copy
from pathlib import Path
from typing import Any

import pytest
import yaml

from netchip.errors import ConfigError, DataError
from netchip.export.zigzag_workload import zigzag_workload
from netchip.export.zigzag_workload_reading import read_zigzag_workload
from netchip.workload.layer import Layer
from netchip.workload.network import Workload
from netchip.workload.shape import LayerShape

_REFERENCE = Path(__file__).resolve().parents[2].parent / "shared" / "hw_reference" / "zigzag" / "inputs"
_PLAIN: dict[str, Any] = {
    "id": 7,
    "operator_type": "Conv",
    "equation": "O[b][k][oy][ox]+=W[k][c][fy][fx]*I[b][c][iy][ix]",
    "dimension_relations": ["ix=2*ox+1*fx", "iy=oy+3*fy"],
    "loop_dims": ["K", "C", "OY", "OX", "FY", "FX"],
    "loop_sizes": [4, 3, 5, 6, 3, 2],
    "operand_precision": {"W": 4, "I": 8, "O": 16},
}


def read(folder: Path, *entries: Any) -> Workload:
    (folder / "net.yaml").write_text(yaml.safe_dump(list(entries)))
    return read_zigzag_workload(folder / "net.yaml")


def test_what_we_write_comes_back(tmp_path: Path, network: Workload) -> None:
    (tmp_path / "net.yaml").write_text(zigzag_workload(network))
    found = read_zigzag_workload(tmp_path / "net.yaml")
    assert found.layers == network.layers
    assert set(found.edges) == {
        ("stem", "depthwise"),
        ("depthwise", "shortcut"),
        ("shortcut", "queries"),
        ("queries", "scores"),
        ("scores", "values"),
    }


def test_a_product_that_nothing_feeds_stays_one(tmp_path: Path) -> None:
    alone = Workload((Layer("scores", LayerShape.matmul(batch=2, rows=3, inner=4, columns=5)),))
    (tmp_path / "net.yaml").write_text(zigzag_workload(alone))
    assert read_zigzag_workload(tmp_path / "net.yaml").layers == alone.layers


def test_what_is_not_stated_is_one(tmp_path: Path) -> None:
    [layer] = read(tmp_path, _PLAIN).layers
    shape = layer.shape
    assert layer.name == "layer7"
    assert (shape.batch, shape.groups, shape.stride, shape.dilation, shape.padding) == (1, 1, (1, 2), (3, 1), (0, 0))
    assert (shape.in_height, shape.in_width) == (4 + 2 * 3 + 1, 5 * 2 + 1 + 1)
    bits = layer.precision
    assert (bits.weight_bits, bits.input_bits, bits.output_bits, bits.accumulator_bits) == (4, 8, 16, 16)


def test_padding_is_taken_off_the_input_and_counts_as_input_where_its_ends_differ(tmp_path: Path) -> None:
    sides = {"pr_loop_dims": ["IX", "IY"], "padding": [[1, 1], [2, 0]]}
    [layer] = read(tmp_path, _PLAIN | sides).layers
    assert (layer.shape.in_height, layer.shape.in_width, layer.shape.padding) == (11, 10, (0, 1))
    [stated] = read(tmp_path, _PLAIN | sides | {"pr_loop_sizes": [10, 9]}).layers
    assert stated.shape == layer.shape


def test_a_file_of_zigzags_grammar_that_states_no_input_size() -> None:
    file = _REFERENCE / "workload_ref12.yaml"
    if not file.exists():
        pytest.skip("recorded inputs of other tools are not beside the project")
    found = read_zigzag_workload(file)
    assert len(found.layers) == 12
    assert found.layers[0].macs == 96 * 3 * 55 * 55 * 11 * 11
    assert found.layers[0].shape.in_height == 54 * 4 + 11


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"loop_sizes": [4, 3]}, r"net.yaml, entry 0: .*loop_dims names 6 and loop_sizes holds 2; give one for each"),
        ({"dimension_relations": ["ix=ox"]}, r"'ix=ox' is not read; write one such as 'ix=2\*ox\+1\*fx'"),
        ({"loop_dims": ["M"], "loop_sizes": [1]}, "net.yaml, entry 0: .*loop_dims"),
        ({"operand_precision": {"W": 0}}, "net.yaml, entry 0: operand_precision"),
    ],
)
def test_faults_are_told_with_the_entry(change: dict[str, Any], message: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=message):
        read(tmp_path, copy.deepcopy(_PLAIN) | change)


def test_what_is_no_workload(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"net.yaml: entry 1 is no layer but int"):
        read(tmp_path, _PLAIN, 3)
    with pytest.raises(DataError, match=r"net.yaml: a workload of ZigZag is a list of layers; found list"):
        read(tmp_path)
    with pytest.raises(DataError, match=r"net.yaml: layer7: out_width = 6, but in_width = 3 with kernel 2"):
        read(tmp_path, _PLAIN | {"pr_loop_dims": ["IX", "IY"], "pr_loop_sizes": [3, 11]})
    with pytest.raises(DataError, match=r"net.yaml: two layers are called 'layer7'"):
        read(tmp_path, _PLAIN, _PLAIN)

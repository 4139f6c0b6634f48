"""The section of a chip: its tables, pictures and sentence; a broken record is refused with the file and the fault."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from netchip.errors import DataError
from netchip.report.chip_page import chip_tables, chip_view, write_chip_page
from netchip.report.chip_record import read_chip
from netchip.report.page import build_report


def record(**others: Any) -> dict[str, Any]:
    chunk = {
        "name": "conv <script>", "module": "conv", "engine": "tree", "multipliers": 4, "bits": [8, 8, 8], "port_bits": 64,
        "shared_port": False, "predicted_cycles": 300.0,
        "layers": [
            {"name": "a", "shape": "1->4, 3x3 on 8x8", "predicted_cycles": 100.0, "simulated_cycles": 99},
            {"name": "b", "shape": "4->2, 1x1 on 1x1", "predicted_cycles": 200.0, "simulated_cycles": 200},
        ],
        "predicted": {"dsp": 6.0, "bram18": 2.0, "lut": 1000.0, "ff": 500.0},
        "synthesised": {"dsp": 6, "bram18": 2, "lut": 1100, "ff": 480},
    }  # fmt: skip
    return {
        "format": 1, "network": "a net", "board": "pynq-z2", "frequency_hz": 1e8, "limits": {"dsp": 176.0},
        "predicted_cycles_per_image": 300.0, "bound_by": "conv", "chunks": [chunk, {**chunk, "name": "deep", "synthesised": None}],
        "host": [{"name": "add", "what": "a sum of maps"}],
        "accuracy": {"images": 10, "float_percent": 90.0, "integer_percent": 80.0},
        "simulation": {"simulator": "Verilator", "images": 2, "rounds": 3, "cycles": 897, "cycles_per_image": 299},
        "waveform": {"layer": "a", "signals": {"multiplying": "0110"}}, **others,
    }  # fmt: skip


def saved(folder: Path, **others: Any) -> Path:
    path = folder / "chip" / "chip.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(record(**others)))
    return path


def test_predicted_simulated_and_synthesised_stand_side_by_side(tmp_path: Path) -> None:
    chunks, layers = chip_tables(read_chip(saved(tmp_path)))
    assert chunks.rows[0] == (
        "conv <script>", "tree", "4", "8/8/8", "300", "299", "6", "6", "2", "2", "1,000", "1,100", "500", "480",
    )  # fmt: skip
    assert chunks.rows[2][4:] == ("300", "299", "12", "–", "4", "–", "2,000", "–", "1,000", "–")
    assert layers.rows[0] == ("a", "1->4, 3x3 on 8x8", "conv <script>", "100", "99")
    assert chunks.ends_in_total
    assert [len(row) for row in chunks.rows] == [len(chunks.columns)] * 3


def test_what_was_not_simulated_is_left_open(tmp_path: Path) -> None:
    chip = read_chip(saved(tmp_path, simulation=None, waveform=None, accuracy={}, host=[]))
    view = chip_view(chip)
    assert [figure.title for figure in view.figures] == ["Blocks"]
    assert view.sentence == "a net on pynq-z2, 2 chunks; 300 cycles an image predicted."
    assert view.host == ()


def test_the_page_escapes_names_and_holds_both_pictures(tmp_path: Path) -> None:
    page = write_chip_page(saved(tmp_path), tmp_path / "chip.html").read_text()
    assert "conv <script>" not in page
    assert page.count('role="img"') == 2
    assert "80.00 % of 10 test images right on whole numbers, 90.00 % in floats" in page
    assert "every output of 2 images the reference&#39;s" in page
    assert "add runs on the host beside the chip: a sum of maps." in page


def test_the_page_of_a_run_shows_its_chip(write_run: Callable[..., Path], tmp_path: Path) -> None:
    folder = write_run(tmp_path / "run")
    without = build_report([folder])
    saved(folder)
    assert "A tile of a, 4 cycles" not in without
    assert "A tile of a, 4 cycles" in build_report([folder])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"format": 2}, "format"),
        ({"chunks": []}, "chunks"),
        ({"waveform": {"layer": "a", "signals": {"x": "01<"}}}, "waveform"),
        ({"frequency_hz": 0}, "frequency_hz"),
    ],
)
def test_a_broken_record_names_the_file_and_the_fault(tmp_path: Path, change: dict[str, Any], message: str) -> None:
    with pytest.raises(DataError, match=rf"chip\.json: {message}"):
        read_chip(saved(tmp_path, **change))

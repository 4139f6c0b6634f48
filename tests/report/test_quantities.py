"""Names and values as a reader sees them."""

import pytest

from netchip.report.quantities import compared, label, ratio, written


@pytest.mark.parametrize(
    ("name", "value", "words", "text"),
    [
        ("macs", 10_200_000, "MACs", "10.2 M"),
        ("training_macs", 3.1e12, "training MACs", "3.10 T"),
        ("parameters", 270_000, "parameters", "270 k"),
        ("test_accuracy_percent", 97.216, "test accuracy", "97.22 %"),
        ("training_seconds", 200.0, "training time", "3 min 20 s"),
        ("file_bytes", 3_145_728, "file size", "3.00 MiB"),
        ("weight_bits", 65_536, "weight bits", "65.5 k"),
        ("latency_batch1_ms", 3.2, "latency, batch 1", "3.20 ms"),
        ("latency_batch64_ms", 1500.0, "latency, batch 64", "1.50 s"),
        ("latency_batch128_ms", 0.5, "latency, batch 128", "500 us"),
        ("energy_pj", 5.0e6, "energy", "5 µJ"),
        ("energy_pj", 12.0, "energy", "12 pJ"),
        ("training_energy_j", 12.34, "training energy", "12.3 J"),
        ("training_energy_j", 4_560.0, "training energy", "4.56 kJ"),
        ("training_energy_j", 1.2e6, "training energy", "1.20 MJ"),
        ("training_energy_j", None, "training energy", "–"),
        ("edp_pj_s", 1.1777e6, "EDP", "1.18 µJ s"),
        ("power_w", 0.4567, "power", "0.457 W"),
        ("area_mm2", 1.234, "area", "1.23 mm²"),
        ("drawn_epoch", None, "drawn epoch", "–"),
        ("detector", "paper", "detector", "paper"),
    ],
)
def test_label_and_value(name: str, value: float | str | None, words: str, text: str) -> None:
    assert (label(name), written(name, value)) == (words, text)


@pytest.mark.parametrize(
    ("value", "base", "text"),
    [
        (4.7, 10.0, "×0.47"),
        (10.0, 10.0, "×1.00"),
        (250.0, 10.0, "×25"),
        (1.0, 0.0, ""),
        (None, 1.0, ""),
        (1.0, None, ""),
    ],
)
def test_ratio(value: float | None, base: float | None, text: str) -> None:
    assert ratio(value, base) == text


def test_decibels_are_written_and_compared_as_such() -> None:
    assert (label("psnr_to_truth_db"), written("psnr_to_truth_db", 30.657)) == ("PSNR to truth", "30.66 dB")
    assert compared("psnr_to_truth_db", 30.0, 30.5) == "-0.50 dB"
    assert compared("psnr_to_truth_db", None, 30.5) == ""

"""Layers are written as lines that SCALE-Sim counts alike, or refused by name."""

from dataclasses import replace
from pathlib import Path

import pytest

from netchip.errors import RequestError, RunError
from netchip.export import scalesim_writing
from netchip.export.scalesim_topology import read_scalesim_topology
from netchip.export.scalesim_writing import scalesim_topology, write_scalesim
from netchip.workload.encoding import StatedWeights
from netchip.workload.layer import Layer
from netchip.workload.network import Workload
from netchip.workload.shape import LayerShape


def conv(**more: object) -> LayerShape:
    return LayerShape.conv(**({"in_channels": 4, "out_channels": 8, "in_size": (9, 7), "kernel": (3, 3)} | more))  # type: ignore[arg-type]


def lines(*layers: Layer) -> list[str]:
    return scalesim_topology(Workload(layers)).splitlines()[1:]


def test_padding_is_input_and_rows_that_no_window_reaches_are_left_out() -> None:
    assert lines(Layer("stem", conv(padding=(1, 1), stride=(2, 2)))) == ["stem, 11, 9, 3, 3, 4, 8, 2,"]
    assert lines(Layer("stem", conv(in_size=(10, 8), padding=(1, 1), stride=(2, 2)))) == ["stem, 11, 9, 3, 3, 4, 8, 2,"]


def test_products_are_convolutions_of_one_by_one() -> None:
    linear = LayerShape.linear(in_features=6, out_features=5, positions=3)
    scores = LayerShape.matmul(batch=2, rows=3, inner=6, columns=4)
    assert lines(Layer("a,b", linear), Layer("scores", scores)) == [
        "a;b, 1, 3, 1, 1, 6, 5, 1,",
        "scores#g0, 1, 3, 1, 1, 6, 4, 1,",
        "scores#g1, 1, 3, 1, 1, 6, 4, 1,",
    ]


def test_groups_are_lines_and_depthwise_has_a_word() -> None:
    named = Layer("DPN", conv())
    depthwise = Layer("dw", conv(groups=4))
    grouped = Layer("g", conv(groups=2))
    assert lines(named, depthwise, grouped) == [
        "D_PN, 9, 7, 3, 3, 4, 8, 1,",
        "dw_DP, 9, 7, 3, 3, 4, 2, 1,",
        "g#g0, 9, 7, 3, 3, 2, 4, 1,",
        "g#g1, 9, 7, 3, 3, 2, 4, 1,",
    ]


def test_strides_that_differ_have_two_columns(tmp_path: Path) -> None:
    workload = Workload((Layer("a", conv(stride=(2, 1))), Layer("b", conv())), uncounted=("lstm (aten.lstm)",))
    checked = write_scalesim(workload, tmp_path / "net.csv")
    text = (tmp_path / "net.csv").read_text().splitlines()
    assert text[0].endswith("Num Filter, Stride Height, Stride Width,")
    assert text[1:] == ["a, 9, 7, 3, 3, 4, 8, 2, 1,", "b, 9, 7, 3, 3, 4, 8, 1, 1,"]
    assert read_scalesim_topology(tmp_path / "net.csv").macs == workload.macs
    assert checked.left_out[-1] == "lstm (aten.lstm)"


def test_what_has_no_word_is_refused_by_name() -> None:
    plain = Layer("c", conv())
    for wrong, message in (
        (Layer("c", conv(batch=2)), "c: SCALE-Sim's topology has no word for a batch of 2; give one input at a time"),
        (Layer("c", conv(dilation=(2, 2))), "no word for dilated"),
        (Layer("c", conv(transposed=True)), "no word for transposed"),
        (replace(plain, execution_rate=0.5), r"no word for execution_rate = 0\.5"),
        (replace(plain, weights=StatedWeights(8)), "no word for weights of StatedWeights"),
    ):
        with pytest.raises(RequestError, match=message):
            lines(wrong)


def test_nothing_is_written_where_the_macs_read_back_differently(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = scalesim_topology(Workload((Layer("a", conv(in_channels=5)),)))
    monkeypatch.setattr(scalesim_writing, "scalesim_topology", lambda _: text)
    with pytest.raises(RunError, match=r"net.csv: the layers do not read back with their MACs; nothing was written"):
        write_scalesim(Workload((Layer("a", conv()),)), tmp_path / "net.csv")
    assert not list(tmp_path.iterdir())

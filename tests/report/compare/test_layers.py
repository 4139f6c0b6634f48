"""Layers before and after, counted by hand."""

from netchip.report.compare.layers import layer_tables
from netchip.workload.encoding import Precision
from netchip.workload.layer import Layer
from netchip.workload.network import Workload
from netchip.workload.shape import LayerShape


def conv(name: str, channels: int, *, bits: int = 8, rate: float = 1.0) -> Layer:
    shape = LayerShape.conv(in_channels=3, out_channels=channels, in_size=(8, 8), kernel=(3, 3), padding=(1, 1))
    return Layer(name, shape, precision=Precision(weight_bits=bits, input_bits=bits), execution_rate=rate)


def test_layers_of_one_name_share_a_row_with_what_is_left_of_them() -> None:
    (table,) = layer_tables(Workload((conv("a", 16), conv("gone", 2))), Workload((conv("a", 4),)))
    # 8 x 8 places x 3 x 3 x 3 inputs x 16 channels = 27,648 MACs; 3 x 3 x 3 x 16 x 8 bits = 3,456
    assert table.rows[0] == ("a", "3x3", "3→16 to 3→4", "27.6 k", "6.91 k", "×0.25", "3.46 k", "864", "×0.25", "8/8")
    assert table.rows[1] == ("gone", "3x3", "3→2 to –", "3.46 k", "–", "–", "432", "–", "–", "8/8")
    assert table.title.endswith("counted")


def test_a_layer_that_runs_at_several_bits_is_one_row() -> None:
    split = Workload((conv("a@4", 16, bits=4, rate=0.25), conv("a@8", 16, rate=0.5)))
    (table,) = layer_tables(Workload((conv("a", 16),)), split)
    name, _, channels, before, after, share, *bits, told = table.rows[0]
    assert (name, channels, before, after, share) == ("a", "3→16", "27.6 k", "20.7 k", "×0.75")
    assert bits == ["3.46 k", "3.46 k", "×1.00"]  # both round the same weights; memory holds the wider
    assert told == "4/4 25%, 8/8 50%"


def test_networks_without_a_common_layer_have_a_table_each() -> None:
    before, after = layer_tables(Workload((conv("a", 16),)), Workload((conv("b", 4),), uncounted=("lstm",)))
    assert (before.title, after.title) == ("Layers before: counted", "Layers after: counted")
    assert after.notes == ("Not counted: lstm.",)
    assert after.rows == (("b", "3x3", "3→4", "6.91 k", "864", "8/8"),)
    assert [table.title for table in layer_tables(None, Workload((conv("b", 4),)))] == ["Layers after: counted"]
    assert layer_tables(None, None) == layer_tables(Workload(()), None) == ()


def test_odd_shapes_are_told() -> None:
    wide = LayerShape.conv(
        in_channels=4,
        out_channels=4,
        in_size=(8, 8),
        kernel=(3, 1),
        stride=(2, 2),
        padding=(1, 0),
        groups=4,
        transposed=True,
    )
    product = LayerShape.matmul(batch=1, rows=2, inner=3, columns=4)
    (table,) = layer_tables(Workload((Layer("up", wide), Layer("qk", product))), None)
    assert [row[1] for row in table.rows] == ["3x1, stride 2, transposed, 4 groups", "two inputs"]

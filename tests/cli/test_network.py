"""Networks named for `netchip cost`, and the bits they are costed at."""

from dataclasses import replace
from pathlib import Path

import pytest

from netchip.cli.network import Network, at_bits, find_network
from netchip.errors import ConfigError, DataError
from netchip.export.zigzag_workload import zigzag_workload
from netchip.workload.encoding import Precision, StatedWeights
from netchip.workload.layer import Layer
from netchip.workload.network import Workload
from netchip.workload.shape import LayerShape

SIXTEEN = Precision(weight_bits=16, input_bits=16, output_bits=16, accumulator_bits=24)
MIXED = Precision(weight_bits=4, input_bits=8, output_bits=8, accumulator_bits=20)
FC = LayerShape.linear(batch=3, in_features=4, out_features=2)
TOPOLOGY = (
    "Layer name, IFMAP Height, IFMAP Width, Filter Height, Filter Width, Channels, Num Filter, Strides,\n"
    "one, 8, 8, 3, 3, 4, 5, 1,\n"
)


def workload(**precisions: Precision) -> Workload:
    return Workload(tuple(Layer(name, FC, precision=each) for name, each in precisions.items()))


def test_a_model_is_taken_with_its_input() -> None:
    network = find_network("resnet8", "2,1,16,16", 7)
    assert network.inputs == 2
    assert network.workload.layers[0].shape.batch == 2
    assert network.workload.layers[-1].shape.out_channels == 7
    assert not network.states_bits


def test_what_is_not_counted_is_no_warning(tmp_path: Path) -> None:
    (tmp_path / "own.py").write_text("import torch\ndef net():\n    return torch.nn.LSTM(4, 5, batch_first=True)\n")
    network = find_network(f"{tmp_path}/own.py:net", "1,3,4")
    assert len(network.workload.uncounted) == 1


def test_files_of_layers_are_taken_by_their_ending(tmp_path: Path) -> None:
    workload(a=MIXED).save(tmp_path / "net.json")
    network = find_network(str(tmp_path / "net.json"))
    assert (network.inputs, network.states_bits) == (3, True)
    (tmp_path / "net.CSV").write_text(TOPOLOGY)
    network = find_network(str(tmp_path / "net.CSV"))
    assert network.workload.macs == 6 * 6 * 5 * 4 * 9
    assert not network.states_bits


def test_layers_of_zigzag_state_their_bits(tmp_path: Path) -> None:
    (tmp_path / "net.yaml").write_text(zigzag_workload(workload(a=MIXED)))
    network = find_network(str(tmp_path / "net.yaml"))
    assert (network.workload, network.inputs, network.states_bits) == (workload(a=MIXED), 3, True)


@pytest.mark.parametrize("flags", [("1,3,8,8", None), (None, 10)])
@pytest.mark.parametrize("name", ["net.json", "net.csv", "net.yaml"])
def test_sizes_of_a_file_are_fixed(name: str, flags: tuple[str | None, int | None]) -> None:
    with pytest.raises(ConfigError, match=rf"--(input|classes) is for models; {name} holds layers"):
        find_network(name, *flags)


def test_a_network_that_never_runs_is_refused(tmp_path: Path) -> None:
    layers = tuple(Layer(name, FC, execution_rate=0.0) for name in ("a", "b"))
    Workload(layers).save(tmp_path / "net.json")
    with pytest.raises(
        ConfigError, match=r"net.json: no input runs any layer \(execution_rate = 0\), so there is nothing"
    ):
        find_network(str(tmp_path / "net.json"))
    Workload((layers[0], Layer("c", FC))).save(tmp_path / "net.json")
    assert find_network(str(tmp_path / "net.json")).workload.macs == FC.macs


@pytest.mark.parametrize("name", ["nothing.json", "nothing.csv"])
def test_a_file_that_is_not_there(name: str) -> None:
    with pytest.raises(DataError, match=f"{name}: no such file"):
        find_network(name)


def test_an_onnx_model_takes_a_shape_where_it_has_one_input(tmp_path: Path) -> None:
    onnx = pytest.importorskip("onnx")
    sizes = ["batch", 4]
    helper, kind = onnx.helper, onnx.TensorProto.FLOAT
    weights = helper.make_tensor("w", kind, [4, 2], [0.0] * 8)

    def save(name: str, inputs: list[str], node: list[str]) -> str:
        given = [helper.make_tensor_value_info(each, kind, sizes) for each in inputs]
        result = helper.make_tensor_value_info("y", kind, None)
        graph = helper.make_graph([helper.make_node("MatMul", node, ["y"])], "g", given, [result], [weights])
        onnx.save(helper.make_model(graph), str(tmp_path / name))
        return str(tmp_path / name)

    one = find_network(save("one.onnx", ["x"], ["x", "w"]), "5,4")
    assert (one.inputs, one.workload.macs) == (5, 5 * 4 * 2)
    with pytest.raises(ConfigError, match="--input gives one shape, but the model has the inputs x, z"):
        find_network(save("two.onnx", ["x", "z"], ["x", "w"]), "5,4")


def test_without_bits_each_chip_has_its_own_and_a_file_what_it_states() -> None:
    model = Network("net", workload(a=Precision(), b=Precision()), 1)
    costed, words = at_bits(model, SIXTEEN, None)
    assert {layer.precision for layer in costed.layers} == {SIXTEEN}
    assert words == "16/16/16/24"
    stated = replace(model, workload=workload(a=MIXED, b=MIXED), states_bits=True)
    assert at_bits(stated, SIXTEEN, None) == (stated.workload, "4/8/8/20")
    several = replace(model, workload=workload(a=MIXED, b=Precision()), states_bits=True)
    assert at_bits(several, SIXTEEN, None)[1] == "each layer's own"


@pytest.mark.parametrize(("bits", "words"), [("8", "8/8/8/24"), ("24", "24/24/24/24"), ("32", "32/32/32/32")])
@pytest.mark.parametrize("stated", [False, True])
def test_given_bits_hold_for_all_but_sums(bits: str, words: str, stated: bool) -> None:
    costed, found = at_bits(Network("net", workload(a=MIXED), 1, stated), SIXTEEN, bits)
    assert found == words
    assert costed.layers[0].precision.accumulator_bits == max(int(bits), 24)


def test_each_width_may_be_given() -> None:
    costed, found = at_bits(Network("net", workload(a=MIXED), 1), SIXTEEN, "4/8/6/16")
    assert found == "4/8/6/16"
    assert costed.layers[0].precision == Precision(weight_bits=4, input_bits=8, output_bits=6, accumulator_bits=16)


@pytest.mark.parametrize("bits", ["0", "-8", "eight", "", "8/8", "8/8/8/16/2", "8/8/0/16", "8.5"])
def test_bits_that_cannot_be_are_refused(bits: str) -> None:
    with pytest.raises(ConfigError, match=f"--bits {bits}: give at least 1, as in 8, or weights/inputs/outputs/sums"):
        at_bits(Network("net", workload(a=MIXED), 1), SIXTEEN, bits)


def test_bits_of_encoded_weights_are_stated_once() -> None:
    encoded = Workload((Layer("a", FC, weights=StatedWeights(8)),))
    with pytest.raises(ConfigError, match="a states how many bits memory holds for its weights, so --bits"):
        at_bits(Network("net.json", encoded, 1, states_bits=True), SIXTEEN, "8")

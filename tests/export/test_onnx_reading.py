"""ONNX models are read into their layers and edges; what is not counted is named; faults are one line."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from netchip.errors import DataError, MissingExtra, NetchipWarning, RequestError
from netchip.export.onnx_reading import read_onnx
from netchip.workload.encoding import Precision
from netchip.workload.network import Workload

INPUTS = Path(__file__).resolve().parents[2].parent / "shared" / "hw_reference" / "zigzag" / "inputs" / "from_package"
Read = Callable[..., Workload]


@pytest.fixture
def onnx() -> Any:
    return pytest.importorskip("onnx", reason="onnx is not installed (pip install 'netchip[export]')")


@pytest.fixture
def read(onnx: Any, tmp_path: Path) -> Read:
    """Writes a model of some nodes, with weights by name and size, and reads it."""

    def write_and_read(
        nodes: list[Any],
        weights: dict[str, tuple[int, ...]],
        sizes: Any = (1, 3, 8, 8),
        functions: Any = (),
        **more: Any,
    ) -> Workload:
        helper, tensor = onnx.helper, onnx.TensorProto
        held = [
            helper.make_tensor(name, tensor.FLOAT, dims, b"\0" * 4 * _count(dims), raw=True)
            for name, dims in weights.items()
        ]
        graph = helper.make_graph(
            nodes,
            "g",
            [helper.make_tensor_value_info("x", tensor.FLOAT, sizes)],
            [helper.make_tensor_value_info(nodes[-1].output[0], tensor.FLOAT, None)],
            held,
        )
        opsets = [helper.make_opsetid("", 20), helper.make_opsetid("own", 1)]
        model = helper.make_model(graph, opset_imports=opsets, functions=list(functions), ir_version=9)
        onnx.save(model, tmp_path / "net.onnx")
        return read_onnx(tmp_path / "net.onnx", **more)

    return write_and_read


def _count(dims: tuple[int, ...]) -> int:
    count = 1
    for dim in dims:
        count *= dim
    return count


@pytest.fixture
def node(onnx: Any) -> Callable[..., Any]:
    """A node from "Conv x w -> y" and its attributes; its name is that of its first output."""

    def make(text: str, domain: str = "", **attributes: Any) -> Any:
        head, _, outputs = text.partition(" -> ")
        operator, *inputs = head.split()
        names = outputs.split()
        return onnx.helper.make_node(operator, inputs, names, name=f"n_{names[0]}", domain=domain, **attributes)

    return make


def test_layers_and_edges_pass_through_what_is_not_counted(read: Read, node: Callable[..., Any]) -> None:
    nodes = [
        node("Conv x w1 -> a", pads=[1, 1, 1, 1]),
        node("Relu a -> b"),
        node("Conv b w2 -> c", group=4, strides=[2, 2]),
        node("ConvTranspose c w3 -> d", strides=[2, 2]),
        node("Conv x w4 -> e", strides=[2, 2]),
        node("GlobalAveragePool d -> f"),
        node("GlobalAveragePool e -> h"),
        node("Concat f h -> i", axis=1),
        node("Flatten i -> j"),
        node("Gemm j w5 bias -> k", transB=1),
    ]
    weights = {
        "w1": (4, 3, 3, 3), "w2": (4, 1, 2, 2), "w3": (4, 5, 2, 2), "w4": (7, 3, 1, 1), "w5": (9, 12), "bias": (9,),
    }  # fmt: skip
    found = read(nodes, weights, precision=Precision(weight_bits=4))
    assert [layer.name for layer in found.layers] == ["n_a", "n_c", "n_d", "n_e", "n_k"]
    assert [layer.macs for layer in found.layers] == [8 * 8 * 4 * 27, 16 * 4 * 4, 16 * 4 * 5 * 4, 16 * 7 * 3, 9 * 12]
    assert found.edges == (("n_a", "n_c"), ("n_c", "n_d"), ("n_d", "n_k"), ("n_e", "n_k"))
    assert (found.layers[1].shape.groups, found.layers[2].shape.transposed) == (4, True)
    assert found.layers[0].precision.weight_bits == 4
    assert found.uncounted == ()


def test_attention_by_hand_is_products_of_activations(read: Read, node: Callable[..., Any]) -> None:
    nodes = [
        node("MatMul x wq -> q"),
        node("MatMul x wk -> k"),
        node("Transpose k -> kt", perm=[0, 2, 1]),
        node("MatMul q kt -> s"),
        node("Softmax s -> p"),
        node("MatMul p x -> o"),
    ]
    found = read(nodes, {"wq": (8, 4), "wk": (8, 4)}, sizes=(2, 6, 8))
    assert [layer.shape.kind for layer in found.layers] == ["conv", "conv", "matmul", "matmul"]
    assert [layer.macs for layer in found.layers] == [2 * 6 * 8 * 4] * 2 + [2 * 6 * 4 * 6, 2 * 6 * 6 * 8]
    assert found.edges == (("n_q", "n_s"), ("n_k", "n_s"), ("n_s", "n_o"))


def test_weights_made_by_nodes_are_weights_and_count_nothing(read: Read, node: Callable[..., Any]) -> None:
    nodes = [
        node("MatMul u v -> w"),
        node("Transpose w -> wt"),
        node("MatMul x wt -> y"),
    ]
    found = read(nodes, {"u": (4, 2), "v": (2, 8)}, sizes=(3, 8))
    assert [(layer.name, layer.shape.kind, layer.macs) for layer in found.layers] == [("n_y", "conv", 3 * 8 * 4)]


def test_quantised_operators_are_counted(read: Read, node: Callable[..., Any], onnx: Any) -> None:
    nodes = [
        node("Cast x -> xi", to=onnx.TensorProto.UINT8),
        node("Cast w -> wi", to=onnx.TensorProto.UINT8),
        node("ConvInteger xi wi -> y"),
    ]
    assert read(nodes, {"w": (2, 3, 3, 3)}).macs == 36 * 2 * 27


def test_what_is_not_known_is_named_once(read: Read, node: Callable[..., Any]) -> None:
    nodes = [
        node("Conv x w -> a"),
        node("Reshape a shape -> b"),
        node("Fancy b -> c", domain="own"),
        node("Einsum a a -> d", equation="nchw,nchw->n"),
        node("MatMul c v -> y"),
    ]
    message = (
        r"net\.onnx: not counted, since netchip does not know their multiply-accumulates: n_c \(Fancy, of own\), n_d \(Einsum\), "
        r"n_y \(MatMul, 'c' has a size that shape inference does not find\); the workload's MACs are without them"
    )
    nodes.insert(1, node("Shape a -> shape"))
    with pytest.warns(NetchipWarning, match=message):
        found = read(nodes, {"w": (2, 3, 1, 1), "v": (8, 8)})
    assert [layer.name for layer in found.layers] == ["n_a"]
    assert len(found.uncounted) == 3
    with pytest.raises(DataError, match=r"Fancy.*; replace them, or leave strict out"):
        read(nodes, {"w": (2, 3, 1, 1), "v": (8, 8)}, strict=True)


def test_a_convolution_in_three_dimensions_is_named_with_its_reason(read: Read, node: Callable[..., Any]) -> None:
    with pytest.warns(NetchipWarning, match=r"n_y \(Conv, 3-dimensional\)"):
        assert read([node("Conv x w -> y")], {"w": (2, 3, 2, 2, 2)}, sizes=(1, 3, 4, 4, 4)).layers == ()


def test_graphs_inside_a_node_are_looked_into(read: Read, node: Callable[..., Any], onnx: Any) -> None:
    def branch(name: str, text: str) -> Any:
        made = node(text)
        value = onnx.helper.make_tensor_value_info(made.output[0], onnx.TensorProto.FLOAT, None)
        return onnx.helper.make_graph([made], name, [], [value])

    def model(text: str) -> list[Any]:
        then, other = branch("t", text), branch("e", "Relu a -> no")
        return [
            node("Conv x w -> a"),
            node("ReduceMax a -> m", keepdims=0),
            node("Cast m -> c", to=onnx.TensorProto.BOOL),
            node("If c -> b", then_branch=then, else_branch=other),
            node("Identity b -> i"),
            node("Conv i w2 -> y"),
        ]

    weights = {"w": (4, 3, 1, 1), "w2": (4, 4, 1, 1)}
    assert read(model("Abs a -> yes"), weights).edges == (("n_a", "n_y"),)
    with pytest.warns(NetchipWarning, match=r"n_b \(If\)"):
        assert len(read(model("Conv a w2 -> yes"), weights).layers) == 2


def test_functions_of_the_model_are_opened(read: Read, node: Callable[..., Any], onnx: Any) -> None:
    function = onnx.helper.make_function(
        "own",
        "Block",
        ["p", "q"],
        ["r"],
        [node("Conv p q -> s"), node("Relu s -> r")],
        [onnx.helper.make_opsetid("", 20)],
    )
    found = read([node("Block x w -> y", domain="own")], {"w": (2, 3, 3, 3)}, functions=[function])
    assert found.macs == 36 * 2 * 27


def test_layers_of_one_name_are_told_apart(read: Read, node: Callable[..., Any]) -> None:
    nodes = [node("Conv x w -> a"), node("Conv a v -> y")]
    nodes[1].name = nodes[0].name
    found = read(nodes, {"w": (3, 3, 1, 1), "v": (3, 3, 1, 1)})
    assert [layer.name for layer in found.layers] == ["n_a", "n_a_2"]
    nodes[0].name = nodes[1].name = ""
    assert [layer.name for layer in read(nodes, {"w": (3, 3, 1, 1), "v": (3, 3, 1, 1)}).layers] == ["a", "y"]


def test_open_sizes_are_the_callers(read: Read, node: Callable[..., Any]) -> None:
    nodes, weights = [node("Conv x w -> y")], {"w": (2, 3, 3, 3)}
    with pytest.raises(
        RequestError, match=r"net\.onnx: input 'x' has the open shape \(batch, 3, 8, \?\); give it as inputs="
    ):
        read(nodes, weights, sizes=("batch", 3, 8, None))
    assert read(nodes, weights, sizes=("batch", 3, 8, None), inputs={"x": (4, 3, 8, 8)}).macs == 4 * 36 * 2 * 27
    assert read(nodes, weights, inputs={"x": (1, 3, 10, 8)}).macs == 48 * 2 * 27
    with pytest.raises(RequestError, match=r"no input is called 'y'; the model has x"):
        read(nodes, weights, inputs={"y": (1, 3, 8, 8)})
    for wrong in ((1, 3, 8), (1, 3, 8, 0), (1, 3, 8, 8.0)):
        with pytest.raises(
            RequestError, match=r"input 'x' cannot have the shape .*; give 4 whole numbers of at least 1"
        ):
            read(nodes, weights, inputs={"x": wrong})


def test_sizes_that_do_not_fit_are_told_in_one_line(read: Read, node: Callable[..., Any]) -> None:
    message = r"net\.onnx: node 'n_y' \(MatMul\) cannot take sizes \(1, 2, 8, 8\) and \(5, 5\); export the model again"
    with pytest.raises(DataError, match=message):
        read([node("Conv x w -> a"), node("MatMul a v -> y")], {"w": (2, 3, 1, 1), "v": (5, 5)})


def test_a_model_without_opset_is_told_in_one_line(onnx: Any, tmp_path: Path, node: Callable[..., Any]) -> None:
    value = onnx.helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, (1, 2))
    model = onnx.helper.make_model(onnx.helper.make_graph([node("Relu x -> y")], "g", [value], []))
    del model.opset_import[:]
    (tmp_path / "net.onnx").write_bytes(model.SerializeToString())
    with pytest.raises(DataError, match=r"net\.onnx: its shapes cannot be inferred \(.*No opset import") as caught:
        read_onnx(tmp_path / "net.onnx")
    assert "\n" not in str(caught.value)


def test_nodes_out_of_order_are_named(read: Read, node: Callable[..., Any]) -> None:
    with pytest.raises(DataError, match=r"node 'n_y' reads 'a', which nothing before it makes; put the nodes in order"):
        read([node("Relu a -> y"), node("Conv x w -> a"), node("Relu a -> z")], {"w": (2, 3, 1, 1)})


@pytest.mark.usefixtures("onnx")
@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"name: a\nlayers: []\n", "not readable as ONNX"),
        (b"", "holds no ONNX graph"),
        (b"\x08\x09", "holds no ONNX graph"),
    ],
)
def test_a_file_that_is_no_model_is_refused(tmp_path: Path, content: bytes, message: str) -> None:
    (tmp_path / "a.onnx").write_bytes(content)
    with pytest.raises(DataError, match=rf"a\.onnx: {message}") as caught:
        read_onnx(tmp_path / "a.onnx")
    assert "\n" not in str(caught.value)


@pytest.mark.usefixtures("onnx")
def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"nowhere\.onnx: no such file"):
        read_onnx(tmp_path / "nowhere.onnx")


@pytest.mark.usefixtures("onnx")
def test_published_networks_have_their_published_macs() -> None:
    """Their weights lie in files that are not there, and are not needed."""
    if not (INPUTS / "workload__resnet18.onnx").exists():
        pytest.skip("recorded inputs of other tools are not beside the project")
    resnet = read_onnx(INPUTS / "workload__resnet18.onnx")
    assert (len(resnet.layers), resnet.macs, resnet.weight_count) == (21, 1_814_073_344, 11_678_912)
    assert ("/layer1/layer1.0/conv1/Conv", "/layer1/layer1.0/conv2/Conv") in resnet.edges
    assert len(read_onnx(INPUTS / "workload__alexnet.onnx").layers) == 8


def test_without_onnx_the_extra_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "onnx", None)
    monkeypatch.setitem(sys.modules, "onnx.inliner", None)
    with pytest.raises(
        MissingExtra, match=r"reading an ONNX file needs the package 'onnx'.*pip install 'netchip\[export\]'"
    ):
        read_onnx(tmp_path / "a.onnx")

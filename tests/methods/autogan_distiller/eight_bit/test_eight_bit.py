"""The 8-bit forms of a network: grids by hand, stored equal to trained bit for bit, files, and other runtimes."""

import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from netchip.errors import CheckpointMismatch, ConfigError, DataError, MissingExtra, ModelError
from netchip.methods.autogan_distiller.eight_bit.exporting import run_onnx, to_float_onnx, to_onnx, to_program
from netchip.methods.autogan_distiller.eight_bit.files import load_eight_bit, save_eight_bit
from netchip.methods.autogan_distiller.eight_bit.layers import StoredConvolution, TrainedConvolution
from netchip.methods.autogan_distiller.eight_bit.network import calibrate, in_floats, to_store, to_train
from netchip.methods.autogan_distiller.eight_bit.timing import onnx_times
from netchip.methods.autogan_distiller.space.architecture import Architecture
from netchip.methods.autogan_distiller.space.presets import super_resolution, translation
from netchip.methods.autogan_distiller.space.space import INPUT, Space
from netchip.methods.autogan_distiller.students import save_student
from netchip.train.saving import load_state


def trained_8_bit(
    space: Space, choose: Callable[[tuple[str, ...]], str] | None = None, signed: bool = False
) -> nn.Module:
    """A network of `space` with weights that are not zero anywhere, calibrated."""
    torch.manual_seed(0)
    network = space.derive(_architecture(space, choose or (lambda names: names[0])))
    with torch.no_grad():
        for weights in network.parameters():
            weights.add_(0.05 * torch.randn_like(weights))
    made = to_train(network)
    calibrate(made, images(4, signed=signed))
    return made


def _architecture(space: Space, choose: Callable[[tuple[str, ...]], str]) -> Architecture:
    operators = {layer.name: choose(tuple(each.name for each in layer.choices)) for layer in space.layers}
    widths = {name: options[-1] for name, options in space.variables.items() if name != INPUT}
    return Architecture(space.name, operators, widths)


def images(count: int, size: int = 12, *, signed: bool = False) -> Tensor:
    made = torch.rand(count, 3, size, size, generator=torch.Generator().manual_seed(1))
    return 2 * made - 1 if signed else made


def with_transposed(names: tuple[str, ...]) -> str:
    return next((name for name in names if "transposed" in name), names[0])


SPACES = {
    "super-resolution": (lambda: super_resolution(2, width=16, cells=1, layers=2), None, False),
    "transposed": (lambda: super_resolution(2, width=16, cells=1, layers=1), with_transposed, False),
    "translation": (lambda: translation(width=16, blocks=1), None, True),
}


@pytest.fixture(params=SPACES, scope="module")
def made(request: pytest.FixtureRequest) -> tuple[nn.Module, Tensor]:
    make, choose, signed = SPACES[request.param]
    return trained_8_bit(make(), choose, signed), images(2, 16, signed=signed)


def test_weights_lie_on_a_grid_for_each_output_channel_by_hand() -> None:
    """Largest weights 1.27 and 0.254: steps 0.01 and 0.002, along the second dimension of a transposed weight."""
    layer = nn.ConvTranspose2d(2, 2, 1, bias=False)
    with torch.no_grad():
        layer.weight.copy_(torch.tensor([[1.27, 0.0031], [0.004, -0.254]])[..., None, None])
    trained = TrainedConvolution(layer)
    maps = torch.eye(2)[..., None, None]
    trained.train()(maps)
    stored = StoredConvolution.taken(trained)
    assert stored.levels[..., 0, 0].tolist() == [[127, 2], [0, -127]]
    assert torch.allclose(stored.scale.flatten(), torch.tensor([0.01, 0.002]))
    assert torch.allclose(stored(maps)[..., 0, 0], torch.tensor([[1.27, 0.004], [0.0, -0.254]]), atol=1e-6)


def test_gradients_reach_the_weights_and_leave_the_steps() -> None:
    layer = TrainedConvolution(nn.Conv2d(3, 4, 3, padding=1)).train()
    layer(images(2)).square().mean().backward()
    assert float(layer.convolution.weight.grad.abs().sum()) > 0  # type: ignore[union-attr]
    assert layer.inputs.step.grad is None


def test_stored_equals_trained_bit_for_bit(made: tuple[nn.Module, Tensor]) -> None:
    network, inputs = made
    stored = to_store(network)
    with torch.no_grad():
        assert torch.equal(stored(inputs), network.eval()(inputs))
        maps_rounded = (in_floats(stored)(inputs) - stored(inputs)).abs().mean()
        assert 0 < float(maps_rounded) < 0.1 * float(stored(inputs).std())
    assert not any(isinstance(each, TrainedConvolution) for each in stored.modules())


def test_a_file_holds_a_byte_a_weight_and_gives_the_same_network(
    made: tuple[nn.Module, Tensor], tmp_path: Path
) -> None:
    network, inputs = made
    stored = to_store(network)
    path = save_eight_bit(tmp_path, stored)
    state = load_state(path)
    levels = [value for name, value in state.items() if name.endswith(".levels")]
    assert {each.dtype for each in levels} == {torch.int8}
    weights = sum(each.numel() for each in levels)
    assert weights == sum(
        each.convolution.weight.numel() for each in network.modules() if isinstance(each, TrainedConvolution)
    )
    rest = sum(value.nbytes for name, value in state.items() if not name.endswith(".levels"))
    assert path.stat().st_size < weights + rest + 600 * len(levels) + 100
    again = load_eight_bit(tmp_path)
    with torch.no_grad():
        assert torch.equal(again(inputs), stored(inputs))


def test_onnx_gives_what_the_network_gives(made: tuple[nn.Module, Tensor], tmp_path: Path) -> None:
    """Sums are added up in another order, so a value at the edge of two levels may fall on the other one: rare and one step."""
    onnx = pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")
    network, inputs = made
    stored = to_store(network)
    path = to_onnx(stored, inputs[:1], tmp_path / "student.onnx")
    for size in (16, 20):  # a size that it was not exported with
        given = images(3, size, signed=bool(inputs.amin() < 0))
        with torch.no_grad():
            difference = (run_onnx(path, given) - stored(given)).abs()
        assert float(difference.median()) < 1e-4
        assert float(difference.mean()) < 1e-3
        assert float(difference.max()) < 0.05
    graph = onnx.load(str(path)).graph
    held = {each.name: each.data_type for each in graph.initializer}
    convolutions = [node for node in graph.node if node.op_type in ("Conv", "ConvTranspose")]
    assert all(node.input[1].endswith(".weight.value") for node in convolutions)
    assert sum(node.op_type == "QuantizeLinear" for node in graph.node) == len(convolutions)
    assert all(kind == onnx.TensorProto.INT8 for name, kind in held.items() if name.endswith(".weight.levels"))
    assert not [name for name in held if name.endswith(".conv.weight")]
    assert not any(node.metadata_props for node in graph.node)


def test_both_files_are_timed_and_integer_convolutions_are_counted(tmp_path: Path) -> None:
    """In a chain every convolution but the last is quantised on both sides; the float file gives what the network gives."""
    pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")
    torch.manual_seed(0)
    chain = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.ReLU(), nn.Conv2d(8, 8, 3, padding=1), nn.ReLU())
    chain.extend([nn.Conv2d(8, 3, 3, padding=1)])
    trained = to_train(chain)
    calibrate(trained, images(4))
    small = to_onnx(to_store(trained), images(1), tmp_path / "small.onnx")
    large = to_float_onnx(chain, images(1), tmp_path / "large.onnx")
    with torch.no_grad():
        assert torch.allclose(run_onnx(large, images(2)), chain(images(2)), atol=1e-5)
    times = onnx_times(large, small, images(1), repeats=3)
    assert min(times.float_ms, times.eight_bit_ms) > 0
    assert (times.on_integers, times.convolutions) == (2, 3)
    assert "it runs 2 of 3 convolutions on integers" in times.written


def test_an_exported_program_gives_the_same_bits(made: tuple[nn.Module, Tensor]) -> None:
    network, inputs = made
    stored = to_store(network)
    program = to_program(stored, inputs)
    with torch.no_grad():
        assert torch.equal(program.module()(inputs), stored(inputs))
    assert any(value.dtype == torch.int8 for value in program.state_dict.values())


def test_what_cannot_be_done_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ModelError, match="a Identity has no convolution inside it to run at 8 bits"):
        to_train(nn.Identity())
    with pytest.raises(ConfigError, match="were never calibrated; train a batch at 8 bits, or calibrate"):
        to_store(to_train(nn.Sequential(nn.Conv2d(3, 3, 1))))
    reflecting = to_train(nn.Sequential(nn.Conv2d(3, 3, 3, padding=1, padding_mode="reflect")))
    with pytest.raises(ModelError, match="reflect padding has no 8-bit form here; pad by zeros"):
        calibrate(reflecting, images(1))
    with pytest.raises(DataError, match="a student is a network of its space, not a Sequential"):
        save_eight_bit(tmp_path, nn.Sequential())
    stored = to_store(trained_8_bit(super_resolution(2, width=16, cells=1, layers=1)))
    save_eight_bit(tmp_path, stored)
    save_student(tmp_path, super_resolution(2, width=16, cells=1, layers=1).derive(stored.architecture))  # type: ignore[arg-type]
    with pytest.raises(CheckpointMismatch):
        load_eight_bit(tmp_path)  # floats lie where levels were
    monkeypatch.setitem(sys.modules, "onnxscript", None)
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(MissingExtra, match="writing an ONNX file"):
        to_onnx(stored, images(1), tmp_path / "x.onnx")
    with pytest.raises(MissingExtra, match="running an ONNX file"):
        run_onnx(tmp_path / "x.onnx", images(1))

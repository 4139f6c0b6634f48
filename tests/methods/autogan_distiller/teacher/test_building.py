from pathlib import Path

import pytest
import torch

from netchip.errors import CheckpointMismatch, ConfigError, DataError
from netchip.methods.autogan_distiller.spec import TeacherSpec
from netchip.methods.autogan_distiller.teacher.building import as_teacher, build_generator, example_of, shape_of
from netchip.train.saving import save_model


@pytest.mark.parametrize(("name", "scale", "low"), [("srgan", 2, 0.0), ("resnet", 1, -1.0), ("imdn", 2, 0.0)])
def test_a_teacher_is_built_with_its_weights_or_without(tmp_path: Path, name: str, scale: int, low: float) -> None:
    spec = TeacherSpec(name=name, channels=4, blocks=2, low=low)
    network = build_generator(spec, scale)
    path = save_model(network, tmp_path / "t.safetensors")
    again = build_generator(spec.changed(weights=path), scale)
    example = example_of(16, spec)
    assert low <= float(example.min()) < float(example.max()) <= 1.0
    teacher = as_teacher(spec, again, example)
    assert (teacher.scale, teacher.low) == (scale, low)
    assert torch.equal(teacher(example), network.eval()(example))


def test_the_data_folder_is_looked_at_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spec = TeacherSpec(channels=4, blocks=2, weights=Path("weights/t.safetensors"))
    with pytest.raises(DataError, match=r"weights/t\.safetensors: no such file \(looked at weights/t\.safetensors\)"):
        build_generator(spec, 2)
    save_model(shape_of(spec, 2, 4), tmp_path / "weights" / "t.safetensors")
    build_generator(spec, 2, tmp_path)
    monkeypatch.setenv("NETCHIP_DATA", str(tmp_path))
    build_generator(spec, 2)


def test_weights_of_another_network_are_refused(tmp_path: Path) -> None:
    spec = TeacherSpec(name="resnet", channels=4, blocks=2)
    path = save_model(shape_of(spec, 1, 8), tmp_path / "t.safetensors")
    with pytest.raises(CheckpointMismatch, match="they do not belong together"):
        build_generator(spec.changed(weights=path), 1)


def test_an_unknown_name_is_refused() -> None:
    with pytest.raises(ConfigError, match="there are srgan, resnet and imdn, and module:function for your own"):
        TeacherSpec.parse({"name": "esrgan"})
    with pytest.raises(ConfigError, match=r"low = 1\.0 must be below high = 1\.0"):
        TeacherSpec.parse({"low": 1.0})


def test_a_generator_of_the_users_own_is_called(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text("from torch import nn\n\n\ndef make():\n    return nn.Upsample(scale_factor=2)\n")
    network = build_generator(TeacherSpec(name=f"{tmp_path / 'mine.py'}:make"), 2)
    assert network(torch.zeros(1, 3, 4, 4)).shape == (1, 3, 8, 8)

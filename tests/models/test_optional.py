"""timm, where the extra is installed, also beside a CPU torch; and one clear message where it is not."""

import importlib
import importlib.util
import sys

import pytest

from netchip.errors import MissingExtra, ModelError
from netchip.models.build import build, example_input
from netchip.models.optional import ensure_torchvision, import_timm
from netchip.models.spec import ModelSpec

needs_timm = pytest.mark.skipif(importlib.util.find_spec("timm") is None, reason="the extra 'vision' is not installed")


@needs_timm
def test_a_timm_model_with_our_classes_and_channels() -> None:
    spec = ModelSpec(name="timm:mobilenetv3_small_050", classes=5, in_channels=1, image_size=32)
    assert build(spec).eval()(example_input(spec, batch=2)).shape == (2, 5)


@needs_timm
def test_an_unknown_timm_name_suggests_others() -> None:
    with pytest.raises(ModelError, match=r"timm has no model 'resnet19'; did you mean .*resnet18"):
        build(ModelSpec(name="timm:resnet19"))


def test_without_timm_the_message_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "timm", None)
    with pytest.raises(MissingExtra, match=r"pip install 'netchip\[vision\]'"):
        build(ModelSpec(name="timm:resnet18"))


@needs_timm
def test_a_transformer_takes_the_image_size_and_its_own_is_known() -> None:
    spec = ModelSpec(name="timm:vit_tiny_patch16_224", classes=3, image_size=32)
    assert build(spec).eval()(example_input(spec)).shape == (1, 3)
    assert example_input(spec.changed(image_size=None)).shape == (1, 3, 224, 224)
    assert example_input(ModelSpec(name="timm:vit_tiny_patch16_384")).shape == (1, 3, 384, 384)


@needs_timm
def test_timm_has_no_widths() -> None:
    with pytest.raises(ModelError, match=r"timm:resnet18: width = 0\.5 cannot be had"):
        build(ModelSpec(name="timm:resnet18", width=0.5))


@needs_timm
def test_what_timm_cannot_make_says_what_was_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("image too small")

    monkeypatch.setattr(import_timm(), "create_model", refuse)
    with pytest.raises(ModelError, match="with classes = 10, in_channels = 3, image_size = 8: image too small"):
        build(ModelSpec(name="timm:resnet18", image_size=8))


@needs_timm
def test_torchvision_is_importable_afterwards_however_often_it_is_asked() -> None:
    found = {ensure_torchvision() for _ in range(3)}
    assert found <= {"native", "shimmed"}
    assert importlib.import_module("torchvision.models").resnet18

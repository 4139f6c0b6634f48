"""Named runs. Each is a function that returns a config; the first line of its docstring is what `netchip list` shows."""

from pathlib import Path

from netchip.methods.autogan_distiller.config import AutoganDistillerConfig
from netchip.methods.autogan_distiller.images.spec import ImagesSpec
from netchip.methods.autogan_distiller.spec import (
    BackboneSpec,
    EightBitSpec,
    FinalSpec,
    SearchSpec,
    SpaceSpec,
    TeacherSpec,
)
from netchip.train.spec import OptimizerSpec

_SRGAN = Path("weights/srgan_x4_generator.safetensors")
_SQUEEZENET = Path("weights/squeezenet1_0_imagenet.safetensors")
_ADAM = OptimizerSpec(
    name="adam", learning_rate=3e-3, momentum=0.9, weight_decay=0.0, schedule="cosine", warmup_epochs=1.0
)
_LOGITS = OptimizerSpec(name="adam", learning_rate=3e-2, momentum=0.5, weight_decay=0.0)


def photos_x2() -> AutoganDistillerConfig:
    """Photos that are embedded, x2: a small teacher trained here, distilled at a tenth of its MACs; two minutes on one core."""
    return AutoganDistillerConfig(
        images=ImagesSpec(name="photos", scale=2, crop=16, crops=64, batch_size=4, augment="dihedral"),
        teacher=TeacherSpec(name="imdn", channels=8, blocks=2, epochs=6, optimizer=_ADAM),
        space=SpaceSpec(name="super_resolution", width=24, cells=2, layers=2),
        budget="10%",
        cost_size=64,
        search=SearchSpec(pretrain_epochs=8, epochs=4, optimizer=_ADAM, architecture=_LOGITS, drawn=10),
        final=FinalSpec(epochs=8, optimizer=_ADAM),
        eight_bit=EightBitSpec(epochs=3),
        controls=("uniform", "hand-made"),
    )


def demo() -> AutoganDistillerConfig:
    """As photos-x2 with fewer and shorter trainings; under a minute on one core."""
    return photos_x2().changed(
        images={"crops": 32},
        teacher={"channels": 6, "epochs": 8},
        search={"pretrain_epochs": 6, "epochs": 3, "drawn": 6, "neighbours": 3, "finalists": 2},
        final={"epochs": 10},
        eight_bit={"epochs": 2},
        controls=("uniform",),
    )


def smoke() -> AutoganDistillerConfig:
    """Seconds: the whole path on embedded photos with tiny networks, every control, to see that everything works."""
    return photos_x2().changed(
        images={"crop": 16, "crops": 4, "batch_size": 4},
        teacher={"channels": 6, "epochs": 1},
        space={"width": 16, "cells": 1},
        search={"pretrain_epochs": 1, "epochs": 1, "drawn": 2, "neighbours": 1, "finalists": 1, "finalist_epochs": 2},
        final={"epochs": 1},
        eight_bit={"epochs": 1},
        controls=("random", "uniform", "slimmed", "hand-made"),
        random_networks=2,
    )


def srgan_x4() -> AutoganDistillerConfig:
    """The trained SRGAN x4 on DIV2K crops at under 10 % of its MACs, tested on Set5 and Set14; NETCHIP_DATA; an hour on a CPU."""
    return AutoganDistillerConfig(
        images=ImagesSpec(name="div2k-lr", crop=24, crops=6, batch_size=4, augment="dihedral"),
        teacher=TeacherSpec(name="srgan", weights=_SRGAN),
        space=SpaceSpec(name="super_resolution", width=64, cells=4, layers=3),
        budget="9.9%",
        cost_size=128,
        backbone=BackboneSpec(weights=_SQUEEZENET),
        search=SearchSpec(
            pretrain_epochs=20,
            epochs=5,
            optimizer=_ADAM.changed(learning_rate=1e-3),
            architecture=_LOGITS.changed(learning_rate=1e-2),
            audition_epochs=2,
            finalists=5,
            finalist_epochs=5,
        ),
        final=FinalSpec(epochs=20, optimizer=_ADAM.changed(learning_rate=2e-3)),
    )


def facades() -> AutoganDistillerConfig:
    """Label maps to photos at 64x64: a ResNet teacher trained here, distilled at a tenth of its MACs; needs NETCHIP_DATA."""
    return AutoganDistillerConfig(
        images=ImagesSpec(name="facades", image_size=64, crop=64, crops=1, batch_size=8, augment="flip"),
        teacher=TeacherSpec(
            name="resnet",
            channels=24,
            blocks=4,
            epochs=15,
            low=-1.0,
            optimizer=OptimizerSpec(name="adam", learning_rate=5e-4, momentum=0.5, weight_decay=0.0, schedule="cosine"),
        ),
        space=SpaceSpec(name="translation", width=24, cells=4),
        budget="10%",
        cost_size=64,
        search=SearchSpec(
            pretrain_epochs=8,
            epochs=6,
            optimizer=_ADAM.changed(learning_rate=1e-3),
            architecture=_LOGITS,
            drawn=8,
            audition_epochs=2,
            finalists=4,
            finalist_epochs=15,
        ),
        final=FinalSpec(epochs=15, optimizer=_ADAM.changed(learning_rate=2e-3)),
    )


def facades_256() -> AutoganDistillerConfig:
    """The same at 256x256 with a teacher of the paper's size and the paper's kind of objective over SqueezeNet. Needs a GPU."""
    style = {
        "pixel": 1.0,
        "perceptual": 0.1,
        "gram": 1e3,
        "perceptual_layers": ("fire4",),
        "gram_layers": ("relu1", "fire3", "fire4"),
    }
    return facades().changed(
        images={"image_size": 256, "crop": 256},
        teacher={"channels": 64, "blocks": 9, "epochs": 100},
        space={"width": 64, "cells": 9},
        cost_size=256,
        backbone={"weights": _SQUEEZENET},
        search={"pretrain_epochs": 50, "epochs": 50, "objective": style},
        final={"epochs": 200, "objective": style},
    )

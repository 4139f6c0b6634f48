"""Named runs. Each is a function that returns a config; the first line of its docstring is what `netchip list` shows."""

from netchip.data.spec import DatasetSpec
from netchip.methods.dna.config import DnaConfig
from netchip.methods.dna.platform.spec import PlatformSpec
from netchip.methods.dna.spec import FinalSpec, SearchSpec, SpaceSpec
from netchip.train.spec import OptimizerSpec

_ALL = ("sequential", "random", "published")
_FEW = ("k3_e1", "k3_e3", "k3_e6", "k5_e1", "k5_e3", "skip")
_LOGITS = OptimizerSpec(name="adam", learning_rate=0.1, momentum=0.5, weight_decay=0.0)
_WEIGHTS = OptimizerSpec(learning_rate=0.05, momentum=0.9, weight_decay=1e-4, schedule="cosine")


def digits() -> DnaConfig:
    """Real handwritten digits at 16x16 on a PYNQ-Z2, all three controls at the same pace: under two minutes on one core."""
    return DnaConfig(
        data=DatasetSpec(name="digits", image_size=16, batch_size=32),
        space=SpaceSpec(name="small", width=0.5, options=_FEW),
        platform=PlatformSpec(board="pynq-z2", bounds=(8,), fps=25_000),
        search=SearchSpec(
            pretrain_epochs=15,
            epochs=12,
            paths=2,
            kernels="shared",
            proportional=5.0,
            optimizer=_WEIGHTS.changed(learning_rate=0.1),
            architecture=_LOGITS,
            resolve_epochs=4,
            least_use=0.85,
            drawn=16,
            neighbours=8,
            audition_epochs=3,
            finalists=4,
            finalist_epochs=8,
        ),
        final=FinalSpec(epochs=20, optimizer=_WEIGHTS),
        controls=_ALL,
        random_networks=3,
    )


def smoke() -> DnaConfig:
    """Seconds: the whole path on 8x8 digits with a tiny space, every control, to see that everything works."""
    return digits().changed(
        data={"image_size": 8},
        space={"options": ("k3_e1", "k5_e3", "skip")},
        platform={"bounds": (4,), "fps": 30_000},
        search={
            "pretrain_epochs": 1,
            "epochs": 1,
            "resolve_epochs": 1,
            "drawn": 1,
            "neighbours": 1,
            "audition_epochs": 1,
            "finalists": 1,
            "finalist_epochs": 2,
        },
        final={"epochs": 1},
        random_networks=2,
    )


def cifar10_small() -> DnaConfig:
    """10,000 CIFAR-10 images, six positions, 1,600 frames a second, which half of the space reaches, and all controls."""
    return DnaConfig(
        data=DatasetSpec(name="cifar10-small", batch_size=64, augment="crop-flip"),
        space=SpaceSpec(name="small", options=_FEW),
        platform=PlatformSpec(board="pynq-z2", fps=1_600),
        search=SearchSpec(
            pretrain_epochs=3,
            epochs=3,
            paths=2,
            kernels="shared",
            proportional=5.0,
            optimizer=_WEIGHTS.changed(learning_rate=0.1),
            architecture=_LOGITS,
            drawn=7,
            neighbours=4,
            audition_epochs=1,
            finalists=3,
            finalist_epochs=3,
        ),
        final=FinalSpec(epochs=10, optimizer=_WEIGHTS),
        controls=_ALL,
    )


def cifar10() -> DnaConfig:
    """The released settings for CIFAR-10: 22 positions, 30 + 90 epochs, 600 to train, on a ZC706. Needs a GPU."""
    return DnaConfig(
        data=DatasetSpec(name="cifar10", batch_size=64, augment="crop-flip"),
        space=SpaceSpec(name="cifar"),
        platform=PlatformSpec(board="zc706", fps=100),
        final=FinalSpec(epochs=600, optimizer=OptimizerSpec(learning_rate=0.01, weight_decay=5e-4, schedule="cosine")),
    )


def imagenet() -> DnaConfig:
    """The released settings for ImageNet: 22 positions, 45 + 75 epochs, 180 to train, class folders in imagenet/. Needs a GPU."""
    rate = OptimizerSpec(learning_rate=0.1, momentum=0.9, weight_decay=5e-4, schedule="cosine")
    return DnaConfig(
        data=DatasetSpec(name="folder:imagenet", image_size=224, batch_size=192, augment="flip"),
        space=SpaceSpec(name="imagenet"),
        platform=PlatformSpec(board="zc706", bounds=(28,), fps=40),
        search=SearchSpec(pretrain_epochs=45, epochs=75, optimizer=rate),
        final=FinalSpec(
            epochs=180, optimizer=OptimizerSpec(learning_rate=0.2, momentum=0.9, weight_decay=4e-5, schedule="cosine")
        ),
    )


def digits_edp() -> DnaConfig:
    """Digits at 16x16 on a generic hierarchy (40 nm) within an energy-delay product: under two minutes on one core."""
    return digits().changed(platform=PlatformSpec(kind="hierarchy", edp_uj_s=8e-6), controls=("sequential", "random"))


def smoke_edp() -> DnaConfig:
    """Seconds: the whole path on 8x8 digits within an energy-delay product on a generic hierarchy, no control."""
    return smoke().changed(platform=PlatformSpec(kind="hierarchy", edp_uj_s=5e-6, calls=200), controls=())

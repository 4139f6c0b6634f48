"""From a `TeacherSpec` to a generator, its weights read from a file or still to be trained."""

import os
from pathlib import Path

import torch
from torch import Tensor, nn

from netchip.errors import DataError
from netchip.graph.saved import load_weights
from netchip.methods.autogan_distiller.baselines.imdn import SmallIMDN
from netchip.methods.autogan_distiller.spec import TeacherSpec
from netchip.methods.autogan_distiller.teacher.teacher import Teacher
from netchip.models.reference import referenced
from netchip.models.resnet_generator import ResNetGenerator
from netchip.models.spec import ModelSpec
from netchip.models.srgan import SRGANGenerator, load_srgan
from netchip.train.saving import load_state


def build_generator(spec: TeacherSpec, scale: int, folder: Path | None = None) -> nn.Module:
    """The generator that `spec` names, enlarging by `scale` where that is its to say, with its weights where there are any.

    Raises `DataError` for a file that is not there, `ModelError` and `CheckpointMismatch` for weights that do not fit.
    """
    path = None if spec.weights is None else data_file(spec.weights, folder)
    if spec.name == "srgan" and path is not None:
        return load_srgan(path)
    network = shape_of(spec, scale, spec.channels)
    if path is not None:
        load_weights(network, load_state(path))
    return network


def shape_of(spec: TeacherSpec, scale: int, channels: int) -> nn.Module:
    """A network of the teacher's kind and depth, `channels` wide, with fresh weights."""
    if spec.name == "srgan":
        return SRGANGenerator(scale, channels=channels, blocks=spec.blocks)
    if spec.name == "resnet":
        return ResNetGenerator(width=channels, blocks=spec.blocks)
    if spec.name == "imdn":
        return SmallIMDN(scale, channels=channels, blocks=spec.blocks, signed=spec.low < 0)
    return referenced(ModelSpec(name=spec.name))


def as_teacher(spec: TeacherSpec, generator: nn.Module, example: Tensor) -> Teacher:
    """`generator` as a teacher in the range of values that `spec` says."""
    return Teacher(generator, example, low=spec.low, high=spec.high)


def data_file(path: Path, folder: Path | None) -> Path:
    """`path` itself where it is absolute or there, else inside the data folder (`folder`, else NETCHIP_DATA)."""
    place = folder or (Path(found) if (found := os.environ.get("NETCHIP_DATA")) else None)
    candidates = [path, *([place / path] if place is not None else [])]
    for candidate in candidates:
        if candidate.is_file():
            return candidate
    looked = " and ".join(str(each) for each in candidates)
    raise DataError(
        f"{path}: no such file (looked at {looked}); set images.folder, or NETCHIP_DATA, or give an absolute path"
    )


def example_of(image_size: int, spec: TeacherSpec) -> Tensor:
    """An input [1, 3, size, size] in the teacher's range, always the same."""
    noise = torch.rand(1, 3, image_size, image_size, generator=torch.Generator().manual_seed(0))
    return spec.low + (spec.high - spec.low) * noise

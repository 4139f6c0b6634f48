"""From a `BackboneSpec` to a backbone."""

from pathlib import Path

from netchip.methods.autogan_distiller.objective.backbone import Backbone
from netchip.methods.autogan_distiller.objective.squeezenet import SqueezeNet
from netchip.methods.autogan_distiller.objective.vgg import VGG
from netchip.methods.autogan_distiller.spec import BackboneSpec


def build_backbone(spec: BackboneSpec, weights: Path) -> Backbone:
    """The network that `spec` names with the weights in the file `weights`, frozen."""
    if spec.name == "squeezenet":
        return SqueezeNet.from_file(weights)
    return VGG.from_file(weights, 16 if spec.name == "vgg16" else 19, normalized=spec.normalized)

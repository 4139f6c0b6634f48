import torch
from torch import nn

from netchip.methods.autogan_distiller.treatment import treatment
from netchip.models.srgan import SRGANGenerator


def test_a_generator_is_treated_as_a_whole_and_left_as_it_was() -> None:
    network = SRGANGenerator(2, channels=4, blocks=1).train()
    found = treatment(network, torch.rand(1, 3, 8, 8))
    assert "block1.0" in found.treats
    assert found.channels == 4 * 4 + 16 + 3
    assert found.why_not == "as a whole, by a student that enlarges by 2"
    assert all(weights.requires_grad for weights in network.parameters())
    assert all(module.training for module in network.modules())


def test_a_classifier_is_no_teacher() -> None:
    classifier = nn.Sequential(nn.Flatten(), nn.Linear(192, 10))
    assert "it must give images [B, C, H, W]" in treatment(classifier, torch.rand(1, 3, 8, 8)).why_not
    assert "one tensor of images" in treatment(classifier, {"images": 1}).why_not

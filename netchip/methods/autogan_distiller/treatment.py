"""What a distillation could do with a network: anything that turns pictures into pictures a whole number of times as large."""

from typing import Any

import torch
from torch import nn

from netchip.errors import NetchipError
from netchip.methods.autogan_distiller.teacher.teacher import Teacher
from netchip.methods.method import Treatment


def treatment(model: nn.Module, example: Any) -> Treatment:
    """The convolutions of a generator, all of which the student replaces; for another network the reason why it is no teacher."""
    if not isinstance(example, torch.Tensor):
        return Treatment((), 0, "a generator is asked with one tensor of images")
    trained = [(each, each.requires_grad) for each in model.parameters()]
    modes = [(module, module.training) for module in model.modules()]
    try:
        teacher = Teacher(model, example)
    except NetchipError as error:
        return Treatment((), 0, str(error))
    finally:
        for parameter, learns in trained:
            parameter.requires_grad_(learns)
        for module, training in modes:
            module.training = training
    convolutions = {
        name: module.out_channels
        for name, module in model.named_modules()
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d)
    }
    return Treatment(
        tuple(convolutions), sum(convolutions.values()), f"as a whole, by a student that enlarges by {teacher.scale}"
    )

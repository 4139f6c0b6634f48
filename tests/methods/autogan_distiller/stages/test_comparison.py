"""What is said of a network beside the run itself, which tests/methods/autogan_distiller/test_run.py goes through."""

import numpy as np
import pytest
import torch
from torch import nn

from netchip.methods.autogan_distiller.images.pictures import Picture
from netchip.methods.autogan_distiller.quality.protocol import Protocol
from netchip.methods.autogan_distiller.stages.comparison import on_further_sets


class Brighter(nn.Module):
    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return images + 10 / 255


def test_other_test_sets_are_judged_apart_under_their_names() -> None:
    """Ten of 255 levels brighter in every channel are 219/255 of that in luma: 20 log10(255 / 8.588) dB."""
    grey = np.full((3, 16, 16), 100, dtype=np.uint8)
    protocol = Protocol(border=0)
    answered = protocol.answered(nn.Identity(), [Picture("grey", grey, grey)])
    assert on_further_sets(protocol, Brighter(), {}) == {}
    found = on_further_sets(protocol, Brighter(), {"set14": answered})
    assert set(found) == {f"set14_{name}" for name in protocol.judge(Brighter(), answered)}
    assert found["set14_psnr_to_teacher_db"] == pytest.approx(20 * np.log10(255 / (10 * 219 / 255)), abs=0.2)
    assert found["set14_psnr_to_truth_db"] == found["set14_psnr_to_teacher_db"]

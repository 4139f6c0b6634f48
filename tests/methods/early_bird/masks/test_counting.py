"""From scores to masks, for several targets at once and as the released code counts."""

import numpy as np
import pytest
import torch
from torch import nn

from netchip.errors import ConfigError
from netchip.methods.early_bird.masks.counting import Exact, Official
from netchip.methods.early_bird.masks.ranking import PruneSpace
from netchip.methods.early_bird.masks.targets import Share

SPACE = PruneSpace((8, 12), 0.1)


def test_one_vector_of_scores_gives_the_mask_of_every_target() -> None:
    counting = Exact(SPACE, [Share(SPACE, 0.3), Share(SPACE, 0.5)])
    large, small = counting.masks(np.arange(20.0), nn.Identity())
    assert (int(large.sum()), int(small.sum())) == (14, 10)
    assert (small <= large).all()
    assert counting.labels == ("0.3", "0.5")
    assert np.array_equal(counting.units(1, np.arange(20.0), nn.Identity()), small)


def test_official_masks_run_over_norms_that_no_group_has(network: nn.Sequential) -> None:
    """A last BatchNorm whose channels are never cut still counts: 8 + 12 + 3 scales, threshold at index 11."""
    network.append(nn.BatchNorm1d(3))
    with torch.no_grad():
        network[1].weight.copy_(torch.arange(1.0, 9))
        network[4].weight.copy_(torch.arange(11.0, 23))
        network[9].weight.copy_(torch.tensor([100.0, 101.0, 102.0]))
    official = Official(SPACE, network, (0.5,))
    scores = np.concatenate([np.arange(1.0, 9), np.arange(11.0, 23)])
    [mask] = official.masks(scores, network)
    assert official.sizes == (8, 12, 3)
    assert int(mask.sum()) == 23 - 11 - 1
    units = official.units(0, scores, network)
    assert units.tolist() == [False] * 7 + [True] + [False] * 4 + [True] * 8, "and the emptied layer keeps its best"


def test_a_ratio_that_no_network_allows(network: nn.Sequential) -> None:
    with pytest.raises(ConfigError, match=r"ratio = 0\.95 would keep 1 of 20 channels"):
        Official(SPACE, network, (0.5, 0.95))

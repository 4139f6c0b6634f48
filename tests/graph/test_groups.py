"""The values that coupling hands out."""

import numpy as np
import pytest

from netchip.errors import GraphError
from netchip.graph.groups import ChannelGroup, Coupling, LeftAlone, Member


def test_a_group_is_found_by_name():
    group = ChannelGroup("conv", 2, (Member("conv", "out", np.array([[0], [1]])),), ())
    coupling = Coupling((group,), (LeftAlone("fc", 3, "reach the model's output"),), {("conv", "out"): 2}, {})
    assert coupling.group("conv") is group
    with pytest.raises(GraphError, match="there is no channel group 'fc'; there are conv"):
        coupling.group("fc")
    assert "lengths" not in repr(coupling)

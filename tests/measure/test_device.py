"""The description of the device at hand."""

import json
import os

import pytest
import torch

from netchip.errors import RequestError
from netchip.measure.device import device_description, usable_device


def test_the_cpu_is_described_by_what_it_is():
    found = device_description()
    assert found.device == "cpu"
    assert found.name
    assert 1 <= found.cores <= (os.cpu_count() or 1)
    assert found.threads == torch.get_num_threads()
    assert found.torch == torch.__version__
    assert json.loads(json.dumps(found.to_json()))["name"] == found.name


def test_an_unknown_device_is_refused():
    with pytest.raises(RequestError, match=r"device 'abacus' cannot be used here .*; use 'cpu'"):
        device_description("abacus")


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
def test_an_absent_device_is_refused():
    with pytest.raises(RequestError, match="device 'cuda' cannot be used here"):
        usable_device("cuda")

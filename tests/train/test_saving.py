import os
import subprocess
import sys

import pytest
import torch
from safetensors.torch import load_file
from torch import nn

from netchip.errors import DataError, ModelError
from netchip.train.saving import aliases_in, aliases_of, load_state, noted_aliases, save_model, save_state


class Tied(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed = nn.Embedding(5, 3)
        self.head = nn.Linear(3, 5, bias=False)
        self.head.weight = self.embed.weight
        self.norm = nn.BatchNorm1d(3)
        self.strided = nn.Parameter(torch.arange(6.0).view(2, 3).t())


def test_round_trip_with_tied_and_strided_tensors(tmp_path):
    model = Tied()
    state = load_state(save_model(model, tmp_path / "model.safetensors"))
    assert state.keys() == model.state_dict().keys()
    assert all(torch.equal(state[name], value) for name, value in model.state_dict().items())
    assert state["head.weight"] is state["embed.weight"]
    assert len(load_file(tmp_path / "model.safetensors")) == len(state) - 1  # written once


def test_overlapping_views_that_are_not_the_same_tensor_are_both_whole(tmp_path):
    base = torch.arange(10.0)
    save_state({"a": base[:6], "b": base[4:], "t": base.view(2, 5).t(), "empty": base[:0]}, tmp_path / "x")
    state = load_state(tmp_path / "x")
    assert [state[name].tolist() for name in ("a", "b", "t", "empty")] == [
        base[:6].tolist(),
        base[4:].tolist(),
        base.view(2, 5).t().tolist(),
        [],
    ]


def test_bytes_depend_on_the_weights_alone(tmp_path):
    torch.manual_seed(0)
    model = Tied()
    save_model(model, tmp_path / "first")
    torch.save(model.state_dict(), tmp_path / "state.pt")
    code = f"""
import torch
from netchip.train.saving import save_state
state = torch.load({str(tmp_path / "state.pt")!r}, weights_only=True)
save_state(dict(reversed(state.items())), {str(tmp_path / "second")!r})
"""
    subprocess.run([sys.executable, "-c", code], check=True, env={**os.environ, "PYTHONHASHSEED": "7"})
    assert (tmp_path / "first").read_bytes() == (tmp_path / "second").read_bytes()


def test_further_names_are_noted_and_read_whatever_the_metadata_hold():
    x = torch.ones(3)
    aliases = aliases_of({"b": x, "a": x, "c": torch.ones(3)})
    assert aliases == {"b": "a"}
    assert aliases_in(noted_aliases(aliases)) == aliases
    for foreign in ("no JSON", "[]", "3", '{"aliases": 3}', '{"aliases": {"b": 3}}', "{}", "[" * 100_000):
        assert aliases_in({"netchip": foreign}) == {}
    assert aliases_in({"format": "pt"}) == {}


def test_an_entry_that_is_no_tensor_is_named(tmp_path):
    with pytest.raises(ModelError, match=r"'extra' is a dict, and safetensors holds tensors only"):
        save_state({"extra": {}}, tmp_path / "x")


@pytest.mark.parametrize("content", [b"", b"short", b"\xff" * 100, b'{"a": 1}' * 10, None])
def test_a_cut_or_foreign_file_is_refused(tmp_path, content):
    file = save_state({"a": torch.ones(100)}, tmp_path / "x")
    file.write_bytes(file.read_bytes()[:-9] if content is None else content)
    with pytest.raises(DataError, match="not a whole safetensors file"):
        load_state(file)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(DataError, match="nothing-here: no such file"):
        load_state(tmp_path / "nothing-here")

"""Files that are damaged, altered, newer or made up: each is refused with a message, before anything is allocated."""

import json
import resource
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import safe_open

from netchip.errors import CheckpointMismatch, DataError, NetchipError
from netchip.methods.smart_exchange.file.container import write_container
from netchip.methods.smart_exchange.file.hashing import stored_hash
from netchip.methods.smart_exchange.file.reading import is_compressed, read
from netchip.methods.smart_exchange.file.writing import Written

Tensors = dict[str, torch.Tensor]
Remake = Callable[..., Path]


@pytest.fixture
def remade(written: Written) -> Remake:
    """The file again, with its document or its tensors changed and the hash of what is stored made right."""

    def remake(
        change: Callable[[dict[str, Any], Tensors], Any] = lambda document, tensors: None, text: str | None = None
    ) -> Path:
        with safe_open(written.path, framework="pt") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            document = json.loads(file.metadata()["smart_exchange"])
        change(document, tensors)
        text = json.dumps(document) if text is None else text
        metadata = {"smart_exchange": text, "smart_exchange_sha256": stored_hash(text, tensors, tensors.__getitem__)}
        write_container(written.path, tensors, metadata)
        return written.path

    return remake


def in_entry(name: str, **values: Any) -> Callable[[dict[str, Any], Tensors], None]:
    return lambda document, tensors: document["packed"][name].update(values)


def put(name: str, tensor: torch.Tensor) -> Callable[[dict[str, Any], Tensors], None]:
    return lambda document, tensors: tensors.update({name: tensor})


def test_remade_as_it_was_is_accepted(remade: Remake) -> None:
    assert len(read(remade()).state_dict()) == 12


@pytest.mark.parametrize("kept", [0, 7, 8, 100, -1])
def test_cut_short(written: Written, kept: int) -> None:
    written.path.write_bytes(written.path.read_bytes()[:kept])
    with pytest.raises(DataError, match=r"net\.safetensors: not a whole safetensors file .*fetch another copy"):
        read(written.path)


def test_tensors_that_overlap_or_leave_gaps(written: Written) -> None:
    content = written.path.read_bytes()
    length = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + length])
    begin, end = header["conv.weight:codes"]["data_offsets"]
    for offsets in ([begin - 1, end - 1], [begin, end + 1], [begin, 2**63], [end, begin], [-1, end]):
        header["conv.weight:codes"]["data_offsets"] = offsets
        text = json.dumps(header).encode()
        written.path.write_bytes(len(text).to_bytes(8, "little") + text + content[8 + length :])
        with pytest.raises(DataError, match=r"net\.safetensors: not a whole safetensors file"):
            read(written.path)


def test_one_bit_of_a_tensor(written: Written) -> None:
    content = bytearray(written.path.read_bytes())
    content[-1] ^= 1
    written.path.write_bytes(content)
    with pytest.raises(DataError, match=r"net\.safetensors: was altered or damaged"):
        read(written.path)


def test_no_file_and_no_compressed_file(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="nowhere: no such file"):
        read(tmp_path / "nowhere")
    (tmp_path / "text").write_text("hello, this is not it")
    with pytest.raises(DataError, match="text: not a whole safetensors file"):
        read(tmp_path / "text")
    write_container(tmp_path / "plain", {"w": torch.ones(2)}, {"format": "pt"})
    with pytest.raises(DataError, match="plain: holds no packed weights: it was not written by `netchip compress`"):
        read(tmp_path / "plain")
    assert not any(is_compressed(tmp_path / name) for name in ("nowhere", "text", "plain"))


def test_a_newer_version(remade: Remake) -> None:
    path = remade(lambda document, tensors: document.update(version=2, packed={"other": "things"}))
    with pytest.raises(CheckpointMismatch, match=r"net\.safetensors: written in version 2 .* use a newer netchip"):
        read(path)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "no JSON"),
        ("[" * 100_000, "no JSON"),
        ('{"format": NaN}', "NaN is no number"),
        ('{"format": 1, "format": 1}', "a name stands there twice"),
        ('{"version": ' + "9" * 5000 + "}", "no JSON"),
        ("[]", "no JSON object"),
        ("{}", "not of the format 'netchip SmartExchange'"),
        ('{"format": "netchip SmartExchange", "version": true}', "not of the format"),
        ('{"format": "netchip SmartExchange", "version": 1}', "not packed is no whole number"),
        ('{"format": "netchip SmartExchange", "version": 1, "dense": -1}', "not packed is no whole number"),
        ('{"format": "netchip SmartExchange", "version": 1, "dense": 0}', "packed weights is no JSON object"),
        ('{"format": "netchip SmartExchange", "version": 1, "dense": 7, "packed": {"a": 1}}', "'a': .* no JSON object"),
        (
            '{"format": "netchip SmartExchange", "version": 1, "dense": 0, "packed": {}, "source": {"a": 1}}',
            "something that is no text",
        ),
        (" " * (1 << 25) + "{}", "characters; 33554432 is the most"),
    ],
)
def test_documents_that_are_none(remade: Remake, text: str, message: str) -> None:
    with pytest.raises(DataError, match=message):
        read(remade(text=text))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (in_entry("fc.weight", shape=[3, 10**9]), "'fc.weight'.*more|its rows are U8"),
        (in_entry("fc.weight", shape=[2**39, 2]), "fc.weight: its rows are U8"),
        (in_entry("fc.weight", shape=[2**40, 2]), "more than the format allows"),
        (in_entry("fc.weight", shape=[10**30, 2]), "a size is no whole number up to"),
        (in_entry("fc.weight", shape=[3.0, 100]), "a size is no whole number up to"),
        (in_entry("fc.weight", shape=[1] * 9), "no list of at most 8 sizes"),
        (in_entry("fc.weight", shape=[300]), "two or more dimensions"),
        (in_entry("fc.weight", shape=[0, 3]), "at least 1"),
        (in_entry("fc.weight", width=17), "rows of 17 weights"),
        (in_entry("fc.weight", width=True), "a size is no whole number"),
        (in_entry("fc.weight", slices=2**30), "a filter has 34 rows"),
        (in_entry("fc.weight", bits=9), "a coefficient takes 2 to 8 bits"),
        (in_entry("fc.weight", top=10**9), "top = 1000000000"),
        (in_entry("fc.weight", scale=-1.0), "basis_scale = -1.0"),
        (in_entry("fc.weight", scale=1), "basis_scale = 1:"),
        (in_entry("fc.weight", dtype="I64"), "dtype = 'I64' is not known"),
        (in_entry("fc.weight", zeros="other"), "zeros = 'other' is not known"),
        (
            in_entry("fc.weight", coding="python:os.system"),
            "coding = 'python:os.system' is not known; there are plain, zlib",
        ),
        (in_entry("fc.weight", sha256="00"), "no hash of 64"),
        (in_entry("fc.weight", more=1), r"\['more'\] is not known"),
        (lambda document, tensors: document["packed"]["fc.weight"].pop("top"), r"lacks \['top'\]"),
        (lambda document, tensors: document["packed"].update({"fc.weight": 3}), "no JSON object"),
        (lambda document, tensors: document["packed"].pop("fc.weight"), "it holds 11 tensors .* but declares 7"),
        (lambda document, tensors: tensors.pop("fc.weight:rows"), "'fc.weight:rows' is missing"),
        (lambda document, tensors: tensors.pop("odd"), "it holds 6 tensors .* but declares 7"),
        (put("more", torch.ones(1)), "it holds 8 tensors .* but declares 7"),
        (put("fc.weight", torch.ones(1)), "'fc.weight' is stored beside a packed weight, whose name it takes"),
        (put("gone.weight:elements", torch.ones(1)), "'gone.weight:elements' is stored beside a packed weight"),
        (put("fc.weight:rows", torch.zeros(2, dtype=torch.uint8)), "its rows are U8"),
        (put("fc.weight:codes", torch.zeros(9999, dtype=torch.uint8)), "its codes are U8 .* at most"),
        (put("fc.weight:codes", torch.zeros(9, dtype=torch.int8)), "its codes are I8"),
        (put("fc.weight:basis", torch.zeros(4, 3, 3, dtype=torch.int8)), "its basis are I8"),
        (put("fc.weight:basis", torch.zeros(9, dtype=torch.int8)), "its basis are I8"),
        (put("fc.weight:elements", torch.zeros(999, dtype=torch.uint8)), "its elements are U8"),
    ],
)
def test_what_is_declared_is_not_there(remade: Remake, change: Any, message: str) -> None:
    path = remade(change)
    with pytest.raises(DataError, match=message) as caught:
        read(path)
    assert str(caught.value).startswith(str(path))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (put("conv.weight:codes", torch.zeros(3, dtype=torch.uint8)), "conv.weight: the codes is"),
        (put("conv.weight:rows", torch.full((16,), 255, dtype=torch.uint8)), "conv.weight: "),
        (in_entry("conv.weight", coding="zlib"), "no zlib stream"),
        (in_entry("conv.weight", top=3), "is not the weight that was packed: its hash differs"),
        (in_entry("conv.weight", scale=0.5), "is not the weight that was packed"),
        (in_entry("conv.weight", shape=[6, 7, 1, 9]), "is not the weight that was packed"),
        (in_entry("conv.weight", dtype="F16"), "is not the weight that was packed"),
    ],
)
def test_a_wrong_weight_is_refused_when_it_is_read(remade: Remake, change: Any, message: str) -> None:
    file = read(remade(change))
    with pytest.raises(DataError, match=rf"net\.safetensors: .*{message}"):
        file.weight("conv.weight")
    assert file.weight("fc.weight").shape == (3, 100)


def test_two_weights_that_change_places(remade: Remake) -> None:
    def swap(document: dict[str, Any], tensors: Tensors) -> None:
        document["packed"]["gone.weight"], document["packed"]["conv.weight"] = (
            document["packed"]["conv.weight"],
            document["packed"]["gone.weight"],
        )
        for part in ("codes", "rows", "basis"):
            one, other = f"gone.weight:{part}", f"conv.weight:{part}"
            tensors[one], tensors[other] = tensors[other], tensors[one]

    with pytest.raises(DataError, match=r"'gone\.weight' is not the weight that was packed"):
        read(remade(swap)).weight("gone.weight")


def test_a_zlib_stream_never_grows_beyond_what_is_declared(remade: Remake) -> None:
    bomb = torch.frombuffer(bytearray(zlib.compress(bytes(1 << 26), 9)), dtype=torch.uint8)[:60].clone()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(NetchipError, match="does not hold exactly the"):
        read(
            remade(lambda d, t: (in_entry("conv.weight", coding="zlib")(d, t), put("conv.weight:codes", bomb)(d, t)))
        ).weight("conv.weight")
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 32 * 1024  # KiB

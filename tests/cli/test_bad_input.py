"""What every verb of the command line says to bad input: one line, the house's exit code, never a traceback."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from netchip.cli.main import _VERBS, main

NOT_WRITTEN = "cannot be written, since"
"""A file lies where a folder should."""
DISK = "could not be written (Not a directory)"
OLD_MODEL = "old/model.json: not of format 1"
NO_NETWORK = "no network is called 'resnte20'; did you mean 'resnet20'?"
NEITHER = "empty: holds neither model.json nor ticket.json"
HEADER = "not a whole safetensors file"

TABLE: tuple[tuple[str, int, str], ...] = (
    ("lst", 2, 'Unknown command "lst". Did you mean "list"?'),
    ("list --jsn", 2, "Did you mean --json?"),
    ("list extra", 2, "not expected here: extra"),
    # run
    ("run early-brd smoke", 2, "did you mean 'early-bird'?"),
    ("run early-bird smok", 2, "(did you mean 'smoke'?)"),
    ("run early-bird smoke --epochs many", 2, 'unable to convert "many" into int'),
    ("run early-bird smoke --epohcs 3", 2, "Did you mean --epochs?"),
    ("run early-bird smoke --seed -1", 2, "seed = -1"),
    ("run early-bird smoke --config nothing.yaml", 2, "nothing.yaml: no such file"),
    ("run early-bird --config broken.yaml", 2, "broken.yaml:1: not YAML"),
    ("run early-bird --config list.yaml", 2, "expected settings as `name: value`, found list"),
    ("run early-bird --config unknown.yaml", 2, "unknown key 'epohcs' (did you mean 'epochs'?)"),
    ("run early-bird smoke --model.name resnte20", 2, NO_NETWORK),
    ("run early-bird smoke --data.name digts", 2, "no data source (did you mean 'digits'?)"),
    ("run early-bird smoke --data.name folder:nothing", 2, "the folder nothing does not exist"),
    ("run early-bird smoke --quiet --out blocker/runs", 1, DISK),
    # resume
    ("resume", 2, "requires an argument"),
    ("resume nothing", 2, "nothing/config.json: no such file"),
    ("resume blocker", 2, "blocker/config.json: no such file"),
    ("resume empty", 2, "empty/config.json: no such file"),
    ("resume old", 2, "has format 99, this version of netchip reads 1"),
    # sweep
    ("sweep", 2, "methods: Field required"),
    ("sweep early-brd/smoke", 2, "did you mean 'early-bird'?"),
    ("sweep early-bird/smok", 2, "did you mean 'smoke'?"),
    ("sweep early-bird/smoke --seeds one", 2, 'unable to convert "one" into int'),
    ("sweep early-bird/smoke --set epohcs=3", 2, "did you mean 'epochs'?"),
    ("sweep early-bird/smoke --chips eyeris", 2, "did you mean 'eyeriss'?"),
    ("sweep early-bird/smoke --workers 0", 2, "--workers 0: give a whole number of at least 1"),
    ("sweep --config nothing.yaml", 2, "nothing.yaml: no such file"),
    ("sweep --config broken.yaml", 2, "broken.yaml:1: not YAML"),
    ("sweep early-bird/smoke --out blocker/runs --quiet", 1, DISK),
    # chip
    ("chip", 2, "requires an argument"),
    ("chip nothing", 2, "nothing: holds no accelerator.json"),
    ("chip empty", 2, "name the folder of a finished run of dna"),
    ("chip empty --images 0", 2, "--images 0: give at least 1"),
    ("chip blocker", 2, "blocker is a file; name another place"),
    # pipeline
    ("pipeline", 2, "requires an argument"),
    ("pipeline nothing.yaml", 2, "nothing.yaml: no such file"),
    ("pipeline empty", 2, "empty: not readable"),
    ("pipeline broken.yaml", 2, "broken.yaml:1: not YAML"),
    ("pipeline list.yaml", 2, "expected settings as `name: value`, found list"),
    ("pipeline unknown.yaml", 2, "unknown key 'epohcs'"),
    # inspect
    ("inspect resnte20", 2, NO_NETWORK),
    (
        "inspect nothing.safetensors",
        2,
        "no network is called 'nothing.safetensors', and there is no such file or folder",
    ),
    ("inspect nothing/here", 2, "and there is no such file or folder"),
    ("inspect broken.safetensors", 2, HEADER),
    ("inspect broken.py:net", 2, "importing broken.py failed with SyntaxError"),
    ("inspect empty", 2, NEITHER),
    ("inspect old", 2, OLD_MODEL),
    ("inspect resnet8 --input five", 2, "expected whole numbers above 0"),
    ("inspect resnet8 --classes many", 2, 'unable to convert "many" into int'),
    # compress
    ("compress resnet8", 2, "--output requires an argument"),
    ("compress resnte20 -o out", 2, NO_NETWORK),
    ("compress nothing.safetensors -o out", 2, "nothing.safetensors: no such file"),
    ("compress broken.safetensors -o out", 2, HEADER),
    ("compress broken.pt -o out", 2, "no checkpoint of tensors only"),
    ("compress empty -o out", 2, NEITHER),
    ("compress old -o out", 2, OLD_MODEL),
    ("compress resnet8 -o out --target huge", 2, "target = 'huge': write"),
    ("compress resnet8 -o out --bits 99", 2, "a coefficient takes 2 to 8 bits"),
    ("compress resnet8 -o out --coding huffmann", 2, "there are plain, zlib"),
    ("compress resnet8 -o empty", 2, "empty: is a folder; name a file"),
    ("compress resnet8 -o blocker/out", 2, NOT_WRITTEN),
    # expand
    ("expand nothing.safetensors -o out", 2, "nothing.safetensors: no such file"),
    ("expand broken.safetensors -o out", 2, HEADER),
    ("expand list.json -o out", 2, HEADER),
    ("expand list.json -o blocker", 2, "blocker: exists already"),
    ("expand list.json -o blocker/out", 2, NOT_WRITTEN),
    # engines
    ("engines resnte20", 2, NO_NETWORK),
    ("engines nothing.safetensors", 2, "and there is no such file or folder"),
    ("engines broken.safetensors", 2, HEADER),
    ("engines empty", 2, NEITHER),
    ("engines old", 2, OLD_MODEL),
    ("engines resnet8 --count 0", 2, "--count 0: give a whole number of at least 1"),
    ("engines resnet8 --baseline-weights onw", 2, "there are own, same_sparsified"),
    ("engines resnet8 -o blocker/page.html", 2, NOT_WRITTEN),
    # cost
    ("cost resnet8", 2, "name a chip: --chip NAME"),
    ("cost resnte20 --chip eyeriss", 2, NO_NETWORK),
    ("cost resnet8 --chip eyeris", 2, "did you mean 'eyeriss'?"),
    ("cost resnet8 --chip nothing.yaml", 2, "nothing.yaml: no such file"),
    ("cost resnet8 --chip broken.yaml", 2, "broken.yaml, line 1: not readable as YAML"),
    ("cost resnet8 --chip list.yaml", 2, "holds list, not keys with values"),
    ("cost resnet8 --chip unknown.yaml", 2, "unknown key 'epohcs'"),
    ("cost nothing.json --chip eyeriss", 2, "nothing.json: no such file"),
    ("cost broken.json --chip eyeriss", 2, "not readable as JSON"),
    ("cost list.json --chip eyeriss", 2, "this is not a workload, but list"),
    ("cost future.json --chip eyeriss", 2, "format 99; this version of netchip reads format 1"),
    ("cost nothing.csv --chip eyeriss", 2, "nothing.csv: no such file"),
    ("cost broken.csv --chip eyeriss", 2, "not a header of SCALE-Sim"),
    ("cost empty --chip eyeriss", 2, NEITHER),
    ("cost old --chip eyeriss", 2, OLD_MODEL),
    ("cost resnet8 --chip eyeriss --objective speed", 2, "no objective is called 'speed'"),
    ("cost resnet8 --chip eyeriss --budget enrgy=1mJ", 2, "'enrgy' is nothing to limit"),
    ("cost resnet8 --chip eyeriss --mappings 0", 2, "--mappings 0: give a whole number"),
    ("cost resnet8 --chip eyeriss -o empty", 2, "empty: is a folder; name a file"),
    ("cost resnet8 --chip eyeriss -o blocker/page.html", 2, NOT_WRITTEN),
    # bench
    ("bench resnte20", 2, NO_NETWORK),
    ("bench nothing.py:net", 2, "there is no file nothing.py"),
    ("bench empty", 2, NEITHER),
    ("bench old", 2, OLD_MODEL),
    ("bench resnet8 --batch none", 2, "--batch 'none': expected whole numbers"),
    ("bench resnet8 --threads 0", 2, "threads = 0: must be 1 or more"),
    ("bench resnet8 --device quantum", 2, "device 'quantum' cannot be used here"),
    # export
    ("export resnet8", 2, "--output requires an argument"),
    ("export resnte20 --to onnx -o out", 2, NO_NETWORK),
    ("export resnet8 --to onxn -o out", 2, "did you mean 'onnx'?"),
    ("export resnet8 --to zigzag --chip eyeris -o out", 2, "did you mean 'eyeriss'?"),
    ("export empty -o out", 2, NEITHER),
    ("export old -o out", 2, OLD_MODEL),
    ("export resnet8 --to safetensors -o blocker/out", 2, NOT_WRITTEN),
    # report
    ("report", 2, "name at least one run folder"),
    ("report nothing", 2, "nothing: no such folder"),
    ("report blocker", 2, "blocker: not a folder"),
    ("report empty", 2, "no run is in there"),
    ("report old", 2, "written in format 99, this netchip reads format 1"),
    ("report old --jsn", 2, "Did you mean --json?"),
    ("report old -o blocker/page.html", 2, NOT_WRITTEN),
    ("report old --csv blocker/runs.csv", 2, NOT_WRITTEN),
    # demo, doctor
    ("demo --freshh", 2, "Did you mean --fresh?"),
    ("demo nonsense", 2, "not expected here: nonsense"),
    ("demo --out blocker/runs --quiet", 1, DISK),
    ("doctor --jsn", 2, "Did you mean --json?"),
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty folder, a run of another version, a file where folders should be, and files that hold something else."""
    place = tmp_path_factory.mktemp("bad")
    (place / "empty").mkdir()
    (place / "blocker").write_text("x")
    (place / "list.json").write_text("[]")
    (place / "list.yaml").write_text("- 1\n- 2\n")
    (place / "unknown.yaml").write_text("epohcs: 3\n")
    (place / "future.json").write_text('{"format": 99}')
    for ending in ("json", "yaml", "safetensors", "pt", "csv", "py"):
        (place / f"broken.{ending}").write_text("{[ this is : nothing")
    old = place / "old"
    old.mkdir()
    names = {"method": "early-bird", "experiment": "smoke", "version": "9.9", "seed": 1, "config_hash": "00000000"}
    (old / "config.json").write_text(json.dumps({"format": 99, **names, "config": {}}))
    for name in ("result.json", "model.json"):
        (old / name).write_text('{"format": 99}')
    return place


@pytest.fixture(autouse=True)
def _there(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Every case starts from the same folder, and leaves nothing in it but a run that was not begun."""
    monkeypatch.chdir(folder)
    before = sorted(folder.rglob("*"))
    yield
    shutil.rmtree(folder / "runs", ignore_errors=True)
    assert sorted(folder.rglob("*")) == before


@pytest.mark.parametrize(("words", "code", "message"), TABLE, ids=[words for words, _, _ in TABLE])
def test_bad_input_is_refused_in_one_line(
    words: str, code: int, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(words.split()) == code
    captured = capsys.readouterr()
    refusal = captured.err.strip().splitlines()[-1]
    assert refusal.startswith("netchip: ")
    assert message in refusal
    assert captured.err.count("netchip: ") == 1
    assert "Traceback" not in captured.err
    assert "fault in netchip" not in captured.err
    assert captured.out == ""


def test_every_verb_is_in_the_table() -> None:
    assert {words.split()[0] for words, _, _ in TABLE} - {"lst"} == {verb for verb, _ in _VERBS}

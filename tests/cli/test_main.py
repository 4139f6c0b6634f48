"""The command as a user meets it: help, endings, exit codes, what goes to stdout and what to stderr."""

import subprocess
import sys

import pytest

from netchip.cli.main import main


def test_help_and_version_need_no_torch() -> None:
    script = (
        "import sys; from netchip.cli.main import main\n"
        "for words in ('--help', 'list --help', 'run --help', 'run early-bird --help', 'resume --help',\n"
        "              'inspect --help', 'cost --help', 'bench --help', 'report --help', 'demo --help', 'doctor --help',\n"
        "              '--version', 'list', 'rnu'):\n"
        "    code = main(words.split())\n"
        "    assert code == (2 if words == 'rnu' else 0), words\n"
        "    loaded = {'torch', 'sklearn', 'matplotlib', 'accelerate', 'PIL'} & set(sys.modules)\n"
        "    assert not loaded, (words, loaded)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert "--optimizer.learning-rate FLOAT" in done.stdout
    assert "[default: 0.5]" in done.stdout
    assert "netchip 0." in done.stdout
    assert "did you mean" in done.stderr.lower()


def test_python_m_netchip_is_the_command() -> None:
    done = subprocess.run([sys.executable, "-m", "netchip", "run", "tyo"], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("netchip: no method is called 'tyo'")


def test_a_reader_that_leaves_early_gets_no_traceback() -> None:
    command = [sys.executable, "-m", "netchip", "run", "early-bird", "--help"]
    started = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert started.stdout is not None
    assert started.stderr is not None
    started.stdout.close()
    assert started.stderr.read() == ""
    assert started.wait(timeout=30) == 1


@pytest.mark.parametrize(
    ("fail", "code", "message"),
    [
        ("diverged", 1, "netchip: the loss is NaN at step 3"),
        ("budget", 3, "netchip: 60% cannot be met"),
        ("interrupted", 130, "netchip: saved; netchip resume DIR goes on"),
        ("ctrl-c", 130, "netchip: interrupted"),
        ("bug", 1, "netchip: unexpected ZeroDivisionError: division by zero"),
    ],
)
@pytest.mark.usefixtures("toy")
def test_endings(fail: str, code: int, message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "toy", "quick", "--fail", fail]) == code
    captured = capsys.readouterr()
    assert message in captured.err
    assert "Traceback" not in captured.err
    assert captured.out == ""


@pytest.mark.usefixtures("toy")
@pytest.mark.filterwarnings("default::netchip.errors.NetchipWarning")
def test_a_warning_of_netchip_is_one_line_without_a_path(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "toy", "quick", "--fail", "warning"]) == 0
    assert "netchip: warning: mind the gap\n" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("rnu", 'Unknown command "rnu". Did you mean "run"?'),
        ("run", "name a method: netchip run METHOD [EXPERIMENT]; there are: toy"),
        ("run tyo", "no method is called 'tyo'; did you mean 'toy'?"),
        ("run other quick --epochs 3", "no method is called 'other'; there are: toy"),
        ("run toy", "name an experiment: netchip run toy quick"),
        ("run toy slow", "toy has no experiment 'slow'"),
        ("run toy quick --epohcs 3", "Unknown option: --epohcs. Did you mean --epochs?"),
        ("run toy quick --epochs many", 'unable to convert "many" into int'),
        ("run toy quick more", "not expected here: more"),
        ("run toy quick --config nothing.yaml", "nothing.yaml: no such file"),
        ("resume nothing", "nothing/config.json: no such file"),
        ("resume", "requires an argument"),
        ("report", "name at least one run folder"),
        ("report nothing", "nothing: no such folder"),
    ],
)
@pytest.mark.usefixtures("toy")
def test_refusals_are_one_line_and_exit_2(words: str, message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(words.split()) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("netchip: ")
    assert captured.err.count("\n") == 1
    assert message in captured.err


@pytest.mark.usefixtures("toy")
def test_debug_shows_the_traceback(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("NETCHIP_DEBUG", "1")
    assert main(["run", "toy", "quick", "--fail", "bug"]) == 1
    assert "Traceback" in capsys.readouterr().err

import io

from rich.console import Console

from netchip.train.progress import Display, describe

FIGURES = {"loss": 0.51234, "validation_accuracy_percent": 91.246, "note": "text"}


def shown(style, *, terminal=False):
    out = io.StringIO()
    console = Console(file=out, force_terminal=terminal, width=160, highlight=False, color_system=None)
    with Display("train", epochs=3, style=style, console=console) as display:
        for epoch in range(2):
            display.begin_epoch(epoch, done=1, steps=4)
            display.advance()
            display.figures(FIGURES)
            display.end_epoch(epoch, FIGURES, seconds=2.5)
    return out.getvalue()


def test_names_become_words_and_units():
    assert describe(FIGURES) == "loss 0.5123, validation accuracy 91.25 %"


def test_in_a_pipe_there_is_one_line_an_epoch():
    assert shown("auto").splitlines() == [
        "train epoch 1/3: loss 0.5123, validation accuracy 91.25 %, 2.50 s trained",
        "train epoch 2/3: loss 0.5123, validation accuracy 91.25 %, 2.50 s trained",
    ]


def test_on_a_terminal_there_is_a_bar_too():
    text = shown("auto", terminal=True)
    assert "2/4" in text
    assert "train epoch 1/3: loss 0.5123" in text


def test_quiet_says_nothing():
    assert shown("quiet", terminal=True) == ""
    assert shown("quiet") == ""

"""Which stage may follow which: every pair is allowed or refused with a reason."""

import itertools
from collections.abc import Sequence

import pytest

from netchip.compose.pipeline.order import STAGE_NAMES, check_order
from netchip.errors import ConfigError

TICKET, TRAIN, PACK, GATE, ENGINES, DNA = "ticket", "train", "smart-exchange", "fractional", "engines", "dna"


@pytest.mark.parametrize(
    ("done", "stages"),
    [
        ([], [TICKET]),
        ([], [TRAIN]),
        ([], [TICKET, PACK, ENGINES]),
        ([], [TICKET, GATE]),
        ([], [TRAIN, PACK, ENGINES]),
        ([], [TRAIN, GATE]),
        ([TICKET], [PACK]),
        ([TICKET], [GATE]),
        ([PACK], [ENGINES]),
        ([], [TICKET, DNA]),
        ([], [TRAIN, DNA, PACK, ENGINES]),
    ],
)
def test_what_makes_sense(done: Sequence[str], stages: Sequence[str]) -> None:
    check_order(done, stages)


@pytest.mark.parametrize(
    ("done", "stages", "message"),
    [
        ([], [TICKET, TICKET], "ticket after ticket: a ticket is drawn in the first epochs.*choose its ratio or MACs"),
        ([], [TRAIN, TICKET], "ticket after train: a ticket is drawn in the first epochs.*leave train out"),
        ([], [TICKET, TRAIN], "train after ticket: a ticket is trained by its own stage"),
        ([], [TRAIN, TRAIN], "train after train: it is trained already"),
        ([], [TRAIN, PACK, TICKET], "ticket after train"),
        ([PACK], [TICKET], "ticket after smart-exchange: .*the weights would lose their factors; put ticket first"),
        ([PACK], [TRAIN], "train after smart-exchange: training moves the weights"),
        ([PACK], [PACK], "smart-exchange after smart-exchange: its weights are factors already"),
        ([PACK], [GATE], "fractional after smart-exchange: .*would lose their factors"),
        ([GATE], [TICKET], "ticket after fractional: gates know the channels of their blocks.*put ticket first"),
        ([GATE], [TRAIN], "train after fractional: gates are trained with the weights"),
        ([GATE], [PACK], "smart-exchange after fractional: .*factors would be rounded again"),
        ([GATE], [GATE], "fractional after fractional: its blocks are gated already"),
        ([GATE], [ENGINES], "engines after fractional: the engines skip rows of stored factors"),
        ([], [PACK], "smart-exchange first: it stores trained weights; put train or ticket before it"),
        ([], [GATE], "fractional first: it gates a trained network"),
        ([], [ENGINES], "engines first: the engines are told apart by stored factors"),
        ([TICKET], [ENGINES], "engines after ticket: .*put smart-exchange before it"),
        ([], [DNA], "dna first: it finds the accelerator of a trained network; put train or ticket before it"),
        ([PACK], [DNA], "dna after smart-exchange: its accelerators load dense weights.*put dna before smart-exchange"),
        ([GATE], [DNA], "dna after fractional: its accelerators run every layer on every input, and know no gates"),
        ([TICKET, DNA], [DNA], "dna after dna: an accelerator is found already"),
        ([], ["distill"], "distill is no stage; it imitates generators of pictures.*network is a classifier"),
        ([TICKET], ["autogan-distiller"], "autogan-distiller is no stage; it imitates generators"),
        ([], [TICKET, "cost"], "cost is no stage; every network on the way is priced: name chips"),
        ([], ["early-bird"], "early-bird is no stage; write ticket"),
        ([], ["tiket"], "no stage is called 'tiket'; did you mean 'ticket'\\?"),
        ([], ["zip"], "no stage is called 'zip'; there are: train, ticket, smart-exchange, fractional, engines, dna"),
    ],
)
def test_what_does_not(done: Sequence[str], stages: Sequence[str], message: str) -> None:
    with pytest.raises(ConfigError, match=f"stages: {message}"):
        check_order(done, stages)


def test_every_pair_has_an_answer() -> None:
    """Two stages after a ticket or a training: those that are allowed are exactly these."""
    allowed = set()
    for first, second in itertools.product(STAGE_NAMES, STAGE_NAMES):
        try:
            check_order([TICKET] if first not in (TRAIN, TICKET) else [], [first, second])
        except ConfigError:
            continue
        allowed.add((first, second))
    assert allowed == {
        *itertools.product((TRAIN, TICKET, DNA), (PACK, GATE)),
        (TRAIN, DNA),
        (TICKET, DNA),
        (PACK, ENGINES),
    }

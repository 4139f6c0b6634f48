"""Which stage may follow which, and why not. No torch is imported here."""

import difflib
from collections.abc import Mapping, Sequence

from netchip.errors import ConfigError

TRAIN, TICKET, SMART_EXCHANGE, FRACTIONAL, ENGINES = "train", "ticket", "smart-exchange", "fractional", "engines"
DNA = "dna"
STAGE_NAMES = (TRAIN, TICKET, SMART_EXCHANGE, FRACTIONAL, ENGINES, DNA)

_PICTURES = (
    "it imitates generators of pictures, and a pipeline's network is a classifier; use `netchip run autogan-distiller`"
)
_NO_STAGES: Mapping[str, str] = {
    "cost": "every network on the way is priced: name chips beside the stages",
    "distill": _PICTURES,
    "autogan-distiller": _PICTURES,
    "early-bird": "write ticket",
    "fractional-skipping": "write fractional",
}
_DRAWN = "a ticket is drawn in the first epochs of a training from fresh weights"
_REFUSED: Mapping[tuple[str, str], str] = {
    (TRAIN, TRAIN): "it is trained already; give that stage more epochs",
    (TRAIN, TICKET): f"{_DRAWN}; leave train out, the ticket's run trains the dense network too",
    (TICKET, TRAIN): "a ticket is trained by its own stage; give that more epochs",
    (TICKET, TICKET): f"{_DRAWN}; choose its ratio or MACs in one stage",
    (SMART_EXCHANGE, TRAIN): "training moves the weights, which would lose their factors; train first",
    (
        SMART_EXCHANGE,
        TICKET,
    ): "a cut takes rows and blocks apart, and the weights would lose their factors; put ticket first",
    (SMART_EXCHANGE, SMART_EXCHANGE): "its weights are factors already; choose bits and rows in one stage",
    (
        SMART_EXCHANGE,
        FRACTIONAL,
    ): "gates are trained with the weights, which would lose their factors; choose one of the two",
    (FRACTIONAL, TRAIN): "gates are trained with the weights, to a budget; training alone would leave it",
    (FRACTIONAL, TICKET): "gates know the channels of their blocks, and a cut changes them; put ticket first",
    (
        FRACTIONAL,
        SMART_EXCHANGE,
    ): "its options round the weights to grids of their own, so that factors would be rounded again; "
    "choose one of the two",
    (FRACTIONAL, FRACTIONAL): "its blocks are gated already; choose options and budget in one stage",
    (FRACTIONAL, ENGINES): "the engines skip rows of stored factors, and know no gates",
    (
        SMART_EXCHANGE,
        DNA,
    ): "its accelerators load dense weights and rebuild none; put dna before smart-exchange, or use engines",
    (FRACTIONAL, DNA): "its accelerators run every layer on every input, and know no gates; put dna before fractional",
    (DNA, DNA): "an accelerator is found already; choose platform and limits in one stage",
}
_NEEDS: Mapping[str, tuple[tuple[str, ...], str]] = {
    SMART_EXCHANGE: ((TRAIN, TICKET), "it stores trained weights; put train or ticket before it, or start from a run"),
    FRACTIONAL: ((TRAIN, TICKET), "it gates a trained network; put train or ticket before it, or start from a run"),
    DNA: (
        (TRAIN, TICKET),
        "it finds the accelerator of a trained network; put train or ticket before it, or start from a run",
    ),
    ENGINES: ((SMART_EXCHANGE,), "the engines are told apart by stored factors; put smart-exchange before it"),
}


def check_order(done: Sequence[str], stages: Sequence[str]) -> None:
    """Raises `ConfigError` for a stage that is none, that cannot follow what was `done`, or that lacks what it needs."""
    before = list(done)
    for stage in stages:
        _check_known(stage)
        for each in before:
            if (each, stage) in _REFUSED:
                raise ConfigError(f"stages: {stage} after {each}: {_REFUSED[each, stage]}")
        needed, why = _NEEDS.get(stage, ((), ""))
        if needed and not set(needed) & set(before):
            raise ConfigError(f"stages: {stage} {'first' if not before else f'after {before[-1]}'}: {why}")
        before.append(stage)


def _check_known(stage: str) -> None:
    if stage in STAGE_NAMES:
        return
    if stage in _NO_STAGES:
        raise ConfigError(f"stages: {stage} is no stage; {_NO_STAGES[stage]}")
    close = difflib.get_close_matches(stage, STAGE_NAMES, n=1)
    hint = f"did you mean {close[0]!r}?" if close else f"there are: {', '.join(STAGE_NAMES)}"
    raise ConfigError(f"stages: no stage is called {stage!r}; {hint}")

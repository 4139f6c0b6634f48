"""How options of few bits compute: the paper's way, the way of its released code with its two bugs, or today's."""

from dataclasses import dataclass

from netchip.errors import ConfigError


@dataclass(frozen=True, kw_only=True)
class Arithmetic:
    """How values get few bits, and whose statistics a BatchNorm keeps.

    `learned_step`: LSQ grids, a step for each output channel of a weight and one for inputs, for each option its own;
    else the paper's min-max grids, over each weight's own range and over a running range of the inputs that all options
    share. `stochastic` rounds inputs stochastically, in evaluation too. `range_new_share` is the weight of the newest
    batch in the running range, which starts at 0 where `range_from_zero`. `norm_per_option`: each option of few bits
    has its own BatchNorms. `norm_updates_each`: shared BatchNorm statistics are updated by every option that runs, not
    once a step (by the costliest).
    """

    learned_step: bool
    norm_per_option: bool
    stochastic: bool = False
    range_new_share: float = 0.1
    range_from_zero: bool = False
    norm_updates_each: bool = False


MODES = {
    "modern": Arithmetic(learned_step=True, norm_per_option=True),
    "paper": Arithmetic(learned_step=False, norm_per_option=False),
    "paper_legacy": Arithmetic(
        learned_step=False,
        norm_per_option=False,
        stochastic=True,
        range_new_share=0.9,
        range_from_zero=True,
        norm_updates_each=True,
    ),
}
"""By name. "paper" is the paper's mathematics with deterministic rounding and a range that moves by a tenth of each batch."""


def arithmetic_of(mode: str | Arithmetic) -> Arithmetic:
    """The arithmetic of a mode's name, or itself; raises `ConfigError` that lists the names."""
    if isinstance(mode, Arithmetic):
        return mode
    if mode not in MODES:
        raise ConfigError(f"mode = {mode!r}: there are {', '.join(MODES)}")
    return MODES[mode]

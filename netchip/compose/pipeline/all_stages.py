"""The stages there are, by name. A new one is a file with a `STAGE`, a line here, and its lines in `order.py`."""

from collections.abc import Mapping

from netchip.compose.pipeline.stage import Stage
from netchip.compose.pipeline.stages import dna, engines, fractional, smart_exchange, ticket, train

STAGES: Mapping[str, Stage] = {
    each.name: each
    for each in (train.STAGE, ticket.STAGE, smart_exchange.STAGE, fractional.STAGE, engines.STAGE, dna.STAGE)
}

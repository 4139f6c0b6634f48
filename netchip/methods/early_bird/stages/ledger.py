"""What training costs, in multiply-accumulates: search and retraining against the dense network (Early-Bird, section 4.1).

A training step counts three forward passes: one forward, and a backward that costs two. Validation, the optimizer and the
search itself are not counted; the released code leaves them out too, and its published totals follow from these rules.
"""

from dataclasses import dataclass

FORWARD_PASSES = 3


@dataclass(frozen=True)
class Ledger:
    """Training MACs of a dense network for `search_epochs`, then of what was cut out of it for `retrain_epochs`.

    `dense_macs` and `ticket_macs` are forward MACs an image, `images` the images of an epoch, `epochs` what the dense network
    that it is compared with trains for. A ticket with inherited weights trains for the epochs that are left; one that starts
    anew for all of them, a rewound one for those since its weights. A network that nothing was cut from (the dense one, a
    uniformly narrower one) has no `search_epochs`: `ticket_macs` are its own.
    """

    dense_macs: int
    ticket_macs: int
    images: int
    epochs: int
    search_epochs: int
    retrain_epochs: int

    @property
    def search_macs(self) -> int:
        """The dense network until the draw."""
        return FORWARD_PASSES * self.dense_macs * self.images * self.search_epochs

    @property
    def retrain_macs(self) -> int:
        """What was cut out of it, from the draw on."""
        return FORWARD_PASSES * self.ticket_macs * self.images * self.retrain_epochs

    @property
    def total_macs(self) -> int:
        """Search and retraining together."""
        return self.search_macs + self.retrain_macs

    @property
    def dense_total_macs(self) -> int:
        """The dense network for all epochs: what the ticket is compared with."""
        return FORWARD_PASSES * self.dense_macs * self.images * self.epochs

    @property
    def share_percent(self) -> float:
        """Search and retraining in per cent of dense training."""
        return 100.0 * self.total_macs / self.dense_total_macs

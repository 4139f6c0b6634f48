"""The ledger against the published totals of ResNet-18 on ImageNet, and by hand."""

import pytest

from netchip.methods.early_bird.stages.ledger import Ledger

IMAGENET, EPOCHS, UNPRUNED = 1_281_167, 90, 1259.13
DENSE_FLOPS = 3_640_000_000  # of one forward pass, by the released counter, which also counts the small operations


def pflop(forward: float, drawn: int, dense: float = DENSE_FLOPS) -> float:
    return Ledger(round(dense), round(forward), IMAGENET, EPOCHS, drawn, EPOCHS - drawn).total_macs / 1e15


def test_the_unpruned_total() -> None:
    assert pflop(DENSE_FLOPS, EPOCHS) == pytest.approx(UNPRUNED, abs=0.01)


@pytest.mark.parametrize(("slimming", "early_bird"), [(2424.86, 1177.15), (2168.89, 952.46)], ids=["10 %", "30 %"])
def test_the_published_rows_of_resnet18(slimming: float, early_bird: float) -> None:
    """The result table of the released code (assets/resnet18-result.png), training PFLOP at p = 10 and 30 %.

    Network slimming trains the dense and then the pruned network for all epochs, so its row gives the cost of the pruned
    one; the ticket was drawn after epoch 11 (the released scripts: EB-10-11, EB-30-11).
    """
    pruned = (slimming - UNPRUNED) / UNPRUNED * DENSE_FLOPS
    assert pflop(pruned, drawn=11) == pytest.approx(early_bird, abs=0.01)


def test_by_hand() -> None:
    ledger = Ledger(dense_macs=10, ticket_macs=4, images=100, epochs=5, search_epochs=2, retrain_epochs=3)
    assert (ledger.search_macs, ledger.retrain_macs) == (3 * 10 * 100 * 2, 3 * 4 * 100 * 3)
    assert (ledger.total_macs, ledger.dense_total_macs) == (9600, 15000)
    assert ledger.share_percent == pytest.approx(64.0)


def test_a_ticket_that_starts_anew_trains_for_all_epochs() -> None:
    """The composition of the paper's re-initialisation row: dense e / E + ticket."""
    assert Ledger(10, 4, 100, epochs=5, search_epochs=2, retrain_epochs=5).share_percent == pytest.approx(40 + 40)


def test_a_ticket_drawn_at_the_end_pays_for_the_whole_dense_training() -> None:
    assert Ledger(10, 4, 100, epochs=5, search_epochs=5, retrain_epochs=3).share_percent == pytest.approx(100 + 24)


def test_a_network_that_was_never_cut() -> None:
    assert Ledger(10, 10, 100, epochs=5, search_epochs=0, retrain_epochs=5).share_percent == 100.0
    assert Ledger(10, 4, 100, epochs=5, search_epochs=0, retrain_epochs=5).share_percent == pytest.approx(40.0)

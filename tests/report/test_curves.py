"""Curves out of the lines of metrics.jsonl."""

from netchip.report.curves import curves


def test_a_series_for_each_phase_and_figure_over_epochs() -> None:
    lines = [
        {
            "phase": phase,
            "epoch": epoch,
            "step": 10 * epoch,
            "loss": 1.0 / (1 + epoch),
            "accuracy_percent": 50.0 + epoch,
        }
        for phase, epochs in (("search", (0, 1)), ("ticket", (2, 3)))
        for epoch in epochs
    ]
    loss, accuracy = curves(lines)
    assert [(series.name, series.x) for series in loss.series] == [("search: loss", (1, 2)), ("ticket: loss", (3, 4))]
    assert loss.x_label == "epochs trained"
    assert accuracy.y_label == "accuracy (%)"
    assert accuracy.series[1].y == (52.0, 53.0)


def test_several_lines_an_epoch_are_drawn_over_steps() -> None:
    (loss,) = curves([{"phase": "a", "epoch": 0, "step": step, "loss": 1.0} for step in (5, 10)])
    assert (loss.x_label, loss.series[0].x) == ("step", (5, 10))


def test_lines_without_losses_give_no_figure() -> None:
    assert curves([{"phase": "a", "epoch": 0, "note": "loss", "loss": None, "accuracy": True}]) == ()
    assert curves([]) == ()


def test_a_phase_keeps_its_colour_and_validation_is_dashed() -> None:
    lines = [{"phase": phase, "epoch": 0, "loss": 1.0, "validation_loss": 2.0} for phase in ("search", "retrain")]
    (loss,) = curves(lines)
    assert [(series.colour, series.dash) for series in loss.series] == [(0, 0), (0, 1), (1, 0), (1, 1)]


def test_a_loss_over_many_orders_gets_a_logarithmic_axis() -> None:
    def scale(*losses: float) -> str:
        return curves([{"phase": "a", "epoch": epoch, "loss": loss} for epoch, loss in enumerate(losses)])[0].y_scale

    assert (scale(90.0, 0.01), scale(2.0, 0.1), scale(90.0, 0.0)) == ("log", "linear", "linear")

"""One self-contained HTML page of a network's cost on one chip or several."""

from pathlib import Path

from netchip.files import write_atomic
from netchip.report.cost_figures import energy_stack, roofline
from netchip.report.cost_study import MODELLED, CostStudy
from netchip.report.cost_tables import chip_tables, summary_tables
from netchip.report.gallery import figure_view
from netchip.report.template import fill
from netchip.units import format_count
from netchip.version import __version__


def build_cost_page(study: CostStudy) -> str:
    """The page: totals, comparison, and for each chip its layers in figures and tables. The same study gives the same bytes."""
    sections = [
        {
            "chip": cost.chip,
            "figures": [figure_view(each) for each in (energy_stack(cost), roofline(cost)) if each is not None],
            "tables": list(chip_tables(cost)),
        }
        for cost in study.chips
    ]
    names = ", ".join(cost.report.accelerator for cost in study.chips)
    return fill(
        "cost.html",
        title=f"{study.network} on {names}",
        modelled=MODELLED,
        macs=format_count(study.macs),
        study=study,
        summary=list(summary_tables(study)),
        sections=sections,
        version=__version__,
    )


def write_cost_page(study: CostStudy, path: Path) -> Path:
    """Builds the page and writes it to `path`, whole or not at all; returns `path`."""
    write_atomic(Path(path), build_cost_page(study))
    return Path(path)

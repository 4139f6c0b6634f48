"""One self-contained HTML page of a network on the five sparse engines."""

from collections.abc import Sequence
from pathlib import Path

from netchip.files import write_atomic
from netchip.hardware.engines.compare import EngineComparison
from netchip.hardware.engines.figures import basis, engine_figures, headline
from netchip.report.figure import as_figure
from netchip.report.gallery import figure_view
from netchip.report.template import fill
from netchip.version import __version__
from netchip.workload.sparsity_file import NetworkSparsity


def build_engines_page(
    title: str, comparison: EngineComparison, sparsity: NetworkSparsity, uncounted: Sequence[str] = ()
) -> str:
    """The page: the engines side by side, where energy goes, and every layer. The same comparison gives the same bytes."""
    figures = engine_figures(comparison, sparsity)
    figures["engines"] |= {"notes": ()}  # the page has them at its head
    return fill(
        "engines.html",
        title=f"{title} on five engines",
        headline=headline(comparison),
        basis=basis(comparison),
        uncounted=tuple(uncounted),
        figures=[figure_view(as_figure(each, name)) for name, each in figures.items()],
        version=__version__,
    )


def write_engines_page(
    title: str, comparison: EngineComparison, sparsity: NetworkSparsity, path: Path, uncounted: Sequence[str] = ()
) -> Path:
    """Builds the page and writes it to `path`, whole or not at all; returns `path`."""
    write_atomic(Path(path), build_engines_page(title, comparison, sparsity, uncounted))
    return Path(path)

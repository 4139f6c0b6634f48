"""A page of runs in a real browser: no complaint, tables sort on a click, light and dark, no wider than a phone."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from netchip.report.page import write_report
from netchip.workload.layer import Layer
from netchip.workload.network import Workload
from netchip.workload.shape import LayerShape

from .browser import Page, browser_page

SIZES = {"first": 4, "second": 512, "third": 32}


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory, write_run: Callable[..., Path]) -> Iterator[Page]:
    """Five runs on a page, shut, so that a link has to open one."""
    folder = tmp_path_factory.mktemp("runs")
    layers = tuple(
        Layer(name, LayerShape.linear(batch=1, in_features=size, out_features=8)) for name, size in SIZES.items()
    )
    for seed in range(1, 6):
        Workload(layers).save(write_run(folder / f"seed-{seed}", seed=seed) / "workload_dense.json")
    file = write_report([folder], folder / "page.html")
    with browser_page(tmp_path_factory.mktemp("profile")) as browser:
        browser.screen(1100)
        browser.open(file)
        yield browser


def cells(page: Page, table: str, column: int) -> list[Any]:
    return page.evaluate(f"[...{table}.tBodies[0].rows].map(row => row.cells[{column}].firstChild.textContent)")


def test_nothing_is_complained_about_and_no_other_script_may_run(page: Page) -> None:
    assert page.complaints == []
    page.evaluate("document.body.insertAdjacentHTML('beforeend', '<img src=x onerror=\"window.alien = 1\">')")
    page.evaluate(
        "(() => { const s = document.createElement('script'); s.text = 'window.alien = 1'; document.body.append(s); })()"
    )
    assert page.evaluate("window.alien === undefined")
    refused, page.complaints[:] = list(page.complaints), []
    assert refused
    assert all("Content Security Policy" in each for each in refused)


def test_a_link_of_the_overview_opens_its_run(page: Page) -> None:
    opened = "[...document.querySelectorAll('details.run')].map(each => each.open)"
    assert page.evaluate(opened) == [False] * 5
    page.click("document.querySelector('a[href=\"#run-4\"]')")
    page.evaluate("new Promise(done => setTimeout(done, 100))")
    assert page.evaluate(opened) == [False, False, False, True, False]
    assert page.evaluate("document.querySelector('#run-4').getBoundingClientRect().top") < 800


def test_layers_sort_by_size_not_by_letters_and_back(page: Page) -> None:
    page.evaluate("document.querySelectorAll('details.run').forEach(each => { each.open = true; })")
    table = "[...document.querySelectorAll('#run-1 table.listing')].at(-1)"
    macs = f"{table}.tHead.rows[0].cells[3]"
    assert cells(page, table, 0) == ["first", "second", "third"]
    page.click(f"{macs}.querySelector('button')")
    assert cells(page, table, 3) == ["4.10 k", "256", "32"]
    assert cells(page, table, 0) == ["second", "third", "first"]
    assert page.evaluate(f"{macs}.getAttribute('aria-sort')") == "descending"
    page.click(f"{macs}.querySelector('button')")
    assert cells(page, table, 3) == ["32", "256", "4.10 k"]
    page.click(f"{table}.tHead.rows[0].cells[0].querySelector('button')")
    assert cells(page, table, 0) == ["first", "second", "third"]
    assert page.evaluate(f"{macs}.hasAttribute('aria-sort')") is False


def test_the_overview_sorts_under_its_two_lines_of_headings(page: Page) -> None:
    table = "document.querySelector('table.figures')"
    page.click(f"{table}.tHead.rows[1].cells[0].querySelector('button')")
    assert cells(page, table, 1) == ["99.20 %", "98.70 %", "98.20 %", "97.70 %", "97.20 %"]
    page.click(f"{table}.tHead.rows[0].cells[0].querySelector('button')")
    assert cells(page, table, 1)[0] == "97.20 %"  # by name: seed 1 first


@pytest.mark.parametrize("width", [390, 1100])
def test_the_page_is_no_wider_than_the_screen(page: Page, width: int) -> None:
    page.screen(width)
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_dark_is_dark_and_light_is_light(page: Page) -> None:
    ground = "getComputedStyle(document.body).backgroundColor"
    series = "getComputedStyle(document.querySelector('.drawing .l.s1')).stroke"
    page.screen(1100, dark=True)
    assert (page.evaluate(ground), page.evaluate(series)) == ("rgb(20, 23, 27)", "rgb(86, 180, 233)")
    page.screen(1100)
    assert (page.evaluate(ground), page.evaluate(series)) == ("rgb(255, 255, 255)", "rgb(0, 100, 166)")


def test_still_nothing_is_complained_about(page: Page) -> None:
    assert page.complaints == []

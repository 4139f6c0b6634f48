"""A page of hand-made run folders: what it holds, what it escapes, what it refuses."""

import base64
import hashlib
import json
import re
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from netchip.errors import DataError
from netchip.report.compare.choosing import run_figures
from netchip.report.page import build_report, write_report
from netchip.workload.layer import Layer
from netchip.workload.network import Workload
from netchip.workload.shape import LayerShape

WriteRun = Callable[..., Path]
Figures = dict[str, Any]
EVIL = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>&"


class Tags(HTMLParser):
    """Every tag and attribute of a page, and its text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text.append(data)


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory, write_run: WriteRun) -> str:
    return build_report([write_run(tmp_path_factory.mktemp("one") / "seed-1")])


def test_shows_headline_figures_settings_and_what_is_simulated(page: str) -> None:
    text = "".join(Tags(page).text)
    for expected in (
        "0.46 of the MACs",
        "97.20 %",
        "4.70 M",
        "×0.46",
        "nothing is",
        "digits are easy",
        "data.image_size",
        "Mask distance",
        "Distance of every pair",
        "Channels kept",
        "Samples",
        "ticket drawn",
    ):
        assert expected in text


def test_measured_counted_and_modelled_columns_stand_apart_in_this_order(page: str) -> None:
    headings = re.findall(r'class="section (\w+)" colspan="(\d)"', page)
    assert headings == [("measured", "4"), ("counted", "3"), ("modelled", "1")]
    assert "3.10 ms – 3.60 ms" in page
    assert "5 µJ" in page


def test_needs_nothing_from_outside_and_only_its_own_script_may_run(page: str) -> None:
    tags = Tags(page).tags
    assert not {tag for tag, _ in tags} & {"link", "iframe", "object", "embed", "base", "form"}
    loaded = [value for _, attrs in tags for name, value in attrs.items() if name in ("src", "href", "xlink:href")]
    assert loaded
    assert all(value.startswith(("data:image/png;base64,", "#")) for value in loaded if value)
    assert "url(http" not in page
    assert "@import" not in page
    (script,) = re.findall(r"<script>(.*?)</script>", page, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"default-src 'none'; style-src 'unsafe-inline'; img-src data:; script-src 'sha256-{digest}'" in page


def test_the_sheet_knows_dark_and_every_variable(page: str) -> None:
    assert "prefers-color-scheme: dark" in page
    assert set(re.findall(r"var\((--[\w-]+)\)", page)) <= set(re.findall(r"(--[\w-]+):", page))


def test_gaps_break_a_curve_and_do_not_appear_as_text(page: str) -> None:
    assert "nan" not in "".join(re.findall(r"<svg.*?</svg>", page, re.DOTALL)).lower()


def test_one_table_cell_under_every_heading(page: str) -> None:
    assert page.count('<th class="measured') + page.count('<th class="counted') + page.count('<th class="modelled') == 8
    arms = re.findall(r'<table class="figures">.*?</table>', page, re.DOTALL)
    assert [table.count("<td") for table in arms] == [2 * 8]


def test_same_folder_gives_the_same_bytes(tmp_path: Path, page: str, write_run: WriteRun) -> None:
    assert build_report([write_run(tmp_path / "seed-1")]) == page


def test_everything_from_the_folder_is_escaped(
    tmp_path: Path, write_run: WriteRun, figures: Figures, arm: Callable[..., dict[str, Any]]
) -> None:
    drawn = figures
    for figure in drawn.values():
        figure["title"] = EVIL
    drawn["a"] |= {"x_label": EVIL, "y_label": EVIL, "marks": [{"x": 3, "label": EVIL}]}
    drawn["a"]["series"][0]["name"] = EVIL
    drawn["b"] |= {"x": [EVIL] * 6}
    drawn["c"] |= {"categories": [EVIL, "$\\frac{", "_hidden"]}
    drawn["d"]["items"][0]["caption"] = EVIL
    evil_arm = {**arm(EVIL, EVIL, 1.0, 2.0), "measured": {EVIL: 1.0}}
    result = {
        "headline": EVIL,
        "method": EVIL,
        "experiment": EVIL,
        "version": EVIL,
        "status": EVIL,
        "config_hash": EVIL,
        "notes": [EVIL],
        "simulated": [EVIL],
        "measured_on": {EVIL: EVIL},
        "arms": [evil_arm],
    }
    folders = [write_run(tmp_path / f"seed-{seed}", seed=seed, result=result, drawn=drawn) for seed in (1, 2)]
    (folders[0] / "config.json").write_text(json.dumps({EVIL: {EVIL: EVIL}}))
    html = build_report(folders)
    tags = Tags(html).tags
    assert [tag for tag, _ in tags].count("script") == 1
    assert not [attrs for _, attrs in tags if any(name.startswith("on") for name in attrs)]
    assert not [
        attrs for tag, attrs in tags if tag == "img" and not (attrs.get("src") or "").startswith("data:image/png")
    ]
    assert "&lt;script&gt;" in html


def test_several_seeds_give_mean_and_spread(tmp_path: Path, write_run: WriteRun) -> None:
    html = build_report([write_run(tmp_path / f"seed-{seed}", seed=seed) for seed in (1, 2, 3)])
    table = html[html.index("Over seeds") :]
    table = table[: table.index("</table>")]
    # hand-computed: 97.2, 97.7, 98.2 has mean 97.7 and sample standard deviation 0.5
    assert "97.70 %" in table
    assert "± 0.50 %" in table
    assert "seeds 1, 2, 3" in table


def test_the_overview_leads_to_every_run(tmp_path: Path, write_run: WriteRun) -> None:
    html = build_report([write_run(tmp_path / f"seed-{seed}", seed=seed, drawn={}) for seed in range(1, 6)])
    tags = Tags(html).tags
    links = [attrs["href"] for tag, attrs in tags if tag == "a"]
    assert links == [f"#{attrs['id']}" for tag, attrs in tags if tag == "section" and "id" in attrs]
    assert len(links) == 5
    assert not [attrs for tag, attrs in tags if tag == "details" and "open" in attrs]


def test_settings_that_a_run_before_has_too_are_not_repeated(tmp_path: Path, write_run: WriteRun) -> None:
    folders = [write_run(tmp_path / f"seed-{seed}", seed=seed, drawn={}) for seed in (1, 2)]
    (folders[1] / "config.json").write_text(json.dumps({"ratio": 0.7, "data": {"name": "digits", "image_size": 16}}))
    html = build_report(folders)
    assert "1 entries that differ from early-bird digits, seed 1" in html
    assert html.count("data.image_size") == 1
    assert "0.7" in html


def test_a_parent_folder_stands_for_the_runs_below_it_and_what_is_left_out_is_named(
    tmp_path: Path, write_run: WriteRun
) -> None:
    for seed in (1, 2, 3):
        write_run(tmp_path / "early-bird" / "digits-0a1b2c3d" / f"seed-{seed}", seed=seed, drawn={})
    (tmp_path / "early-bird" / "digits-0a1b2c3d" / "seed-3" / "result.json").unlink()
    html = build_report([tmp_path])
    assert "seeds 1, 2" in html
    assert "seed-3: no result.json: the run is not finished; `netchip resume" in html


def test_layers_before_and_after_stand_on_the_page(tmp_path: Path, write_run: WriteRun) -> None:
    folder = write_run(tmp_path / "run", drawn={})
    for name, wide in (("dense", 8), ("efficient", 4)):
        shape = LayerShape.linear(batch=1, in_features=wide, out_features=2)
        Workload((Layer("head.fc", shape),)).save(folder / f"workload_{name}.json")
    html = build_report([folder])
    assert "Layers before and after: counted" in html
    assert "8→2 to 4→2" in html


def test_a_page_without_room_for_all_figures_says_so(
    tmp_path: Path, write_run: WriteRun, figures: Figures, monkeypatch: pytest.MonkeyPatch
) -> None:
    folders = [write_run(tmp_path / str(seed), seed=seed, drawn={"d": figures["d"]}) for seed in (1, 2)]
    monkeypatch.setattr("netchip.report.page.run_figures", lambda grouped: run_figures(grouped, room=1))
    html = build_report(folders)
    assert "<img" not in html
    # loss, accuracy and the picture
    told = "3 figures left out, so that this page stays small; a page of this run alone has them: netchip report"
    assert all(f"{told} {folder}" in html for folder in folders)


@pytest.mark.parametrize("name", ["config.json", "environment.json"])
def test_a_missing_file_is_named(tmp_path: Path, name: str, write_run: WriteRun) -> None:
    run = write_run(tmp_path / "run", drawn={})
    (run / name).unlink()
    with pytest.raises(DataError, match=rf"run/{name}: no such file"):
        build_report([run])


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("result.json", "{", r"result\.json: not readable as JSON"),
        ("result.json", "[]", r"result\.json: expected a JSON object, found list"),
        ("result.json", '{"format": 9}', r"result\.json: written in format 9, this netchip reads format 1"),
        ("result.json", '{"format": 1}', r"result\.json: method: Field required"),
        ("config.json", "3", r"config\.json: expected a JSON object, found int"),
        ("metrics.jsonl", '{"a": 1}\nnot json\n', r"metrics\.jsonl:2: not readable as JSON"),
        ("figures/a.json", '{"kind": "pie"}', r"figures/a\.json: .*'line'"),
        (
            "figures/a.json",
            '{"kind":"line","title":"t","series":[{"x":[1],"y":[1,2]}]}',
            r"a\.json: .*1 values in x, 2 in y",
        ),
        (
            "figures/a.json",
            '{"kind":"images","title":"t","items":[{"png_base64":"AAAA"}]}',
            r"a\.json: .*does not hold a PNG",
        ),
        (
            "figures/a.json",
            '{"kind":"heatmap","title":"t","x":[1,2],"y":[1],"values":[[1]]}',
            r"a\.json: .*1 rows of 2",
        ),
    ],
)
def test_a_broken_file_is_named(
    tmp_path: Path, name: str, content: str, message: str, write_run: WriteRun, figures: Figures
) -> None:
    run = write_run(tmp_path / "run", drawn={"a": figures["a"]})
    (run / name).write_text(content)
    with pytest.raises(DataError, match=message):
        build_report([run])


def test_the_half_line_of_a_killed_run_is_left_out(tmp_path: Path, write_run: WriteRun) -> None:
    run = write_run(tmp_path / "run", drawn={})
    with (run / "metrics.jsonl").open("a") as file:
        file.write('{"phase": "tick')
    assert "Loss" in build_report([run])


def test_a_folder_without_a_finished_run_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such folder"):
        build_report([tmp_path / "nothing"])
    with pytest.raises(DataError, match="no run is in there; give a run's folder"):
        build_report([tmp_path])
    for name in ("config.json", "environment.json"):
        (tmp_path / name).write_text("{}")
    with pytest.raises(DataError, match="not finished; `netchip resume"):
        build_report([tmp_path])


def test_write_report_writes_the_page(tmp_path: Path, write_run: WriteRun) -> None:
    run = write_run(tmp_path / "run", drawn={})
    path = write_report([run], tmp_path / "deep" / "page.html")
    assert path.read_text() == build_report([run])

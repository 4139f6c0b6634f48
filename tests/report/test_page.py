"""A page of hand-made run folders: what it holds, what it escapes, what it refuses."""

import base64
import io
import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from netchip.errors import DataError
from netchip.report.page import build_report, write_report
from PIL import Image

EVIL = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>&"


def png(side: int = 8) -> str:
    buffer = io.BytesIO()
    Image.new("RGB", (side, side), (200, 30, 60)).save(buffer, "PNG")
    return base64.b64encode(buffer.getvalue()).decode()


def arm(name: str, role: str, macs: float, accuracy: float) -> dict[str, Any]:
    return {
        "name": name,
        "role": role,
        "counted": {"macs": macs, "parameters": 270_000, "training_macs": 3.1e12},
        "measured": {
            "test_accuracy_percent": accuracy,
            "training_seconds": 38.2,
            "file_bytes": 1_100_000,
            "latency_batch1_ms": 3.2,
            "latency_batch1_p10_ms": 3.1,
            "latency_batch1_p90_ms": 3.6,
        },
        "modelled": {"energy_pj": 5.0e6},
    }


def figures() -> dict[str, Any]:
    curve = {
        "name": "distance",
        "x": list(range(10)),
        "y": [0.5, 0.4, None, float("nan"), 0.2, 0.1, 0.08, 0.07, 0.06, 0.05],
    }
    heat = [[abs(a - b) / 6 if a != 2 else None for a in range(6)] for b in range(6)]
    return {
        "a": {
            "kind": "line",
            "title": "Mask distance",
            "x_label": "epoch",
            "y_label": "share that differs",
            "series": [curve, {**curve, "name": "threshold", "y": [0.1] * 10}],
            "marks": [{"x": 6, "label": "ticket drawn"}],
        },
        "b": {
            "kind": "heatmap",
            "title": "Distance of every pair",
            "x_label": "epoch",
            "y_label": "epoch",
            "x": list(range(6)),
            "y": list(range(6)),
            "values": heat,
        },
        "c": {
            "kind": "bars",
            "title": "Channels kept",
            "y_label": "channels",
            "categories": ["conv1", "conv2", "conv3"],
            "series": [{"name": "dense", "values": [16, 32, 64]}, {"name": "ticket", "values": [8, 20, None]}],
        },
        "d": {"kind": "images", "title": "Samples", "items": [{"caption": "red", "png_base64": png()}]},
    }


def write_run(
    folder: Path, *, seed: int = 1, result: dict[str, Any] | None = None, drawn: dict[str, Any] | None = None
) -> Path:
    folder.mkdir(parents=True)
    shift = 0.5 * (seed - 1)
    whole = {
        "format": 1,
        "method": "early-bird",
        "experiment": "digits",
        "version": "0.1.0",
        "config_hash": "0a1b2c3d",
        "seed": seed,
        "status": "done",
        "headline": "The ticket keeps 97.22 % with 0.46 of the MACs.",
        "metrics": {"drawn_epoch": 6},
        "arms": [arm("dense", "baseline", 10.2e6, 97.5 + shift), arm("ticket", "ours", 4.7e6, 97.2 + shift)],
        "measured_on": {"device": "a CPU", "threads": 1, "torch": "2.13.0"},
        "simulated": ["nothing is"],
        "notes": ["digits are easy"],
        **(result or {}),
    }
    lines = [
        {
            "phase": phase,
            "epoch": epoch,
            "step": epoch * 16,
            "train_loss": 1.0 / (epoch + 1),
            "accuracy_percent": 90 + epoch,
        }
        for phase, epochs in (("search", range(6)), ("ticket", range(6, 12)))
        for epoch in epochs
    ]
    (folder / "result.json").write_text(json.dumps(whole))
    (folder / "config.json").write_text(json.dumps({"ratio": 0.5, "data": {"name": "digits", "image_size": 16}}))
    (folder / "environment.json").write_text(json.dumps({"python": "3.11", "cores": 2}))
    (folder / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    for name, figure in (figures() if drawn is None else drawn).items():
        (folder / "figures").mkdir(exist_ok=True)
        (folder / "figures" / f"{name}.json").write_text(json.dumps(figure))
    return folder


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
def page(tmp_path_factory: pytest.TempPathFactory) -> str:
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
    assert page.count('<td class="measured') == 2 * 4
    assert "3.10 ms – 3.60 ms" in page
    assert "5 µJ" in page


def test_needs_nothing_from_outside(page: str) -> None:
    tags = Tags(page).tags
    assert not {tag for tag, _ in tags} & {"script", "link", "iframe", "object", "embed", "base", "form"}
    loaded = [value for _, attrs in tags for name, value in attrs.items() if name in ("src", "href", "xlink:href")]
    assert loaded
    assert all(value.startswith(("data:image/png;base64,", "#")) for value in loaded if value)
    assert "url(http" not in page
    assert "@import" not in page


def test_drawings_carry_no_fixed_colour_and_the_sheet_knows_dark(page: str) -> None:
    drawings = "".join(re.findall(r"<svg.*?</svg>", page, re.DOTALL))
    # inside the gradient picture of a heatmap's bar there are only pixels; every stroke and fill is a variable
    assert not re.search(r"(?:fill|stroke): #", drawings)
    assert "var(--series-1)" in drawings
    assert "prefers-color-scheme: dark" in page
    assert set(re.findall(r"var\((--[\w-]+)\)", page)) <= set(re.findall(r"(--[\w-]+):", page))


def test_gaps_break_a_curve_and_do_not_appear_as_text(page: str) -> None:
    assert "nan" not in "".join(re.findall(r"<svg.*?</svg>", page, re.DOTALL)).lower()


def test_one_table_cell_under_every_heading(page: str) -> None:
    assert page.count('<th class="measured') + page.count('<th class="counted') + page.count('<th class="modelled') == 8
    assert len(re.findall(r"<td class=\"(?:measured|counted|modelled)", page)) == 2 * 8


def test_same_folder_gives_the_same_bytes(tmp_path: Path, page: str) -> None:
    assert build_report([write_run(tmp_path / "seed-1")]) == page


def test_everything_from_the_folder_is_escaped(tmp_path: Path) -> None:
    drawn = figures()
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
    assert not [tag for tag, _ in tags if tag == "script"]
    assert not [attrs for _, attrs in tags if any(name.startswith("on") for name in attrs)]
    assert not [
        attrs for tag, attrs in tags if tag == "img" and not (attrs.get("src") or "").startswith("data:image/png")
    ]
    assert "&lt;script&gt;" in html


def test_several_seeds_give_mean_and_spread(tmp_path: Path) -> None:
    html = build_report([write_run(tmp_path / f"seed-{seed}", seed=seed) for seed in (1, 2, 3)])
    table = html[html.index("Side by side") : html.index("</table>")]
    # hand-computed: 97.2, 97.7, 98.2 has mean 97.7 and sample standard deviation 0.5
    assert "97.70 %" in table
    assert "± 0.50 %" in table
    assert "seeds 1, 2, 3" in table


def test_a_parent_folder_stands_for_the_runs_below_it(tmp_path: Path) -> None:
    for seed in (1, 2):
        write_run(tmp_path / "early-bird" / "digits-0a1b2c3d" / f"seed-{seed}", seed=seed, drawn={})
    assert "seeds 1, 2" in build_report([tmp_path])


@pytest.mark.parametrize("name", ["config.json", "environment.json"])
def test_a_missing_file_is_named(tmp_path: Path, name: str) -> None:
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
def test_a_broken_file_is_named(tmp_path: Path, name: str, content: str, message: str) -> None:
    run = write_run(tmp_path / "run", drawn={"a": figures()["a"]})
    (run / name).write_text(content)
    with pytest.raises(DataError, match=message):
        build_report([run])


def test_the_half_line_of_a_killed_run_is_left_out(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run", drawn={})
    with (run / "metrics.jsonl").open("a") as file:
        file.write('{"phase": "tick')
    assert "Loss" in build_report([run])


def test_a_folder_without_a_finished_run_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such folder"):
        build_report([tmp_path / "nothing"])
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(DataError, match="not finished; `netchip resume"):
        build_report([tmp_path])


def test_write_report_writes_the_page(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run", drawn={})
    path = write_report([run], tmp_path / "deep" / "page.html")
    assert path.read_text() == build_report([run])

"""Colours and dashes as classes of the sheet."""

from importlib.resources import files

from netchip.report import palette


def test_every_class_has_its_rule_and_every_colour_stands_in_both_themes() -> None:
    sheet = files("netchip.report").joinpath("style.css").read_text()
    light, dark = (_colours(theme.split("}")[0]) for theme in sheet.split("@media (prefers-color-scheme: dark)")[:2])
    assert light.keys() == dark.keys() >= {f"series-{index}" for index in range(1, palette.COLOURS + 1)}
    for index in range(palette.COLOURS):
        assert f".{palette.series_class(index)} {{ --own: var(--series-{index + 1}); }}" in sheet
    for dash in range(1, palette.DASHES):
        assert f".{palette.dash_class(dash)} {{ stroke-dasharray:" in sheet


def test_text_on_its_ground_can_be_read_in_both_themes() -> None:
    """Contrast of at least 4.5 for text and 3 for drawn lines, by the formula of WCAG 2."""
    sheet = files("netchip.report").joinpath("style.css").read_text()
    for theme in sheet.split("@media (prefers-color-scheme: dark)")[:2]:
        colours = _colours(theme.split("}")[0])
        ground = colours["surface"]
        for name, colour in colours.items():
            if name not in ("surface", "raised", "grid"):
                least = 3.0 if name.startswith("series") else 4.5
                assert _contrast(colour, ground) >= least, name


def test_series_of_one_colour_differ_by_their_dash() -> None:
    found = [
        (palette.series_class(index), palette.dash_class(index)) for index in range(palette.COLOURS * palette.DASHES)
    ]
    assert len(set(found)) == len(found)
    assert found[0] == ("s1", "d1")


def _colours(rules: str) -> dict[str, str]:
    pairs = (part.split(":") for part in rules.split("{", 1)[1].replace(":root {", "").split(";") if ":" in part)
    return {name.strip().removeprefix("--"): value.strip() for name, value in pairs}


def _contrast(one: str, other: str) -> float:
    light, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def _luminance(colour: str) -> float:
    channels = [int(colour[index : index + 2], 16) / 255 for index in (1, 3, 5)]
    linear = [value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4 for value in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

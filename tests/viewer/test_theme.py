import itertools
from pathlib import Path

import pytest

from tests.viewer.contrast import READABLE, contrast_ratio, difference
from tui.errors import ConfigError
from tui.paths import shipped
from tui.viewer import theme
from tui.viewer.theme import Palette, parse_palette

FILES = sorted(shipped("themes").glob("*.toml"))
DISTINCT = 24.0
"""Least difference of colours that are distinguished at a glance, by CIE 1976."""


def test_contrast_is_measured_as_wcag_does() -> None:
    assert contrast_ratio("#000000", "#ffffff") == pytest.approx(21)
    assert contrast_ratio("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)


def palette(file: Path) -> Palette:
    return parse_palette(file.read_text(), str(file))


def test_six_themes_ship_and_one_of_them_is_the_default() -> None:
    assert {file.stem for file in FILES} == {"night", "paper", "contrast", "terminal", "ember", "moss"}


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_text_can_be_read_on_whatever_lies_behind_it(file: Path) -> None:
    found = palette(file)
    assert len(dict(found.colours)) > 10
    if found.ansi:
        assert all(colour.startswith("ansi_") for _, colour in found.colours)
        return
    styles = {
        name: colour for name, colour in found.colours if name not in {"rule", "background", "surface", "selection"}
    }
    del styles["selection_text"]
    for name, colour in styles.items():
        for behind in (found.background, found.surface):
            contrast = contrast_ratio(behind, colour)
            assert contrast >= READABLE, f"{name} on {behind}: {contrast:.2f}"
    assert contrast_ratio(found.selection, found.selection_text) >= READABLE


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_colours_of_different_meaning_differ(file: Path) -> None:
    found = palette(file)
    if found.ansi:
        return
    for one, other in itertools.combinations((found.accent, found.good, found.warn, found.bad), 2):
        assert difference(one, other) >= DISTINCT, f"{one} and {other}"


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_every_entry_of_a_theme_says_what_it_is_for(file: Path) -> None:
    lines = [line for line in file.read_text().splitlines() if " = " in line and not line.startswith(("#", "speakers"))]
    assert len(lines) >= 12
    assert all("  # " in line for line in lines)


GOOD = FILES[0].read_text()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("not toml", "Expected"),
        (GOOD.replace("accent = ", "acent = "), "acent"),
        (GOOD.replace('muted = "#', 'muted = "#zz'), "muted"),
        (GOOD + "\n[more]\n", "more"),
        (GOOD.split("speakers = ")[0] + 'speakers = ["#ffffff"]\n', "speakers has 1"),
    ],
)
def test_a_bad_theme_says_where_and_what(text: str, said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_palette(text, "themes/mine.toml")
    assert "themes/mine.toml" in caught.value.message
    assert said in caught.value.message
    assert caught.value.hint


def test_ones_own_theme_replaces_one_of_the_same_name_and_a_bad_one_takes_nothing_down(tmp_path: Path) -> None:
    (tmp_path / "night.toml").write_text((shipped("themes") / "paper.toml").read_text())
    (tmp_path / "broken.toml").write_text("dark = ")
    (tmp_path / "binary.toml").write_bytes(b"\xff\xfe")
    themes, problems = theme.load(shipped("themes"), tmp_path)
    by_name = {found.name: found for found in themes}
    assert not by_name["night"].dark
    assert len(by_name) == len(FILES)
    assert [Path(problem.message.split(":")[0]).name for problem in problems] == ["binary.toml", "broken.toml"]


def test_the_wanted_theme_comes_from_ones_own_folder_first(tmp_path: Path) -> None:
    (tmp_path / "night.toml").write_text((shipped("themes") / "paper.toml").read_text())
    assert not theme.choose("night", "night", shipped("themes"), tmp_path)[0].dark
    assert theme.choose("moss", "night", shipped("themes"), tmp_path)[0].name == "moss"


def test_instead_of_a_theme_that_is_broken_or_missing_the_default_is_used_and_a_message_says_why(
    tmp_path: Path,
) -> None:
    (tmp_path / "mine.toml").write_text("dark =")
    found, problem = theme.choose("mine", "night", shipped("themes"), tmp_path)
    assert found.name == "night"
    assert problem is not None
    assert "mine.toml" in problem.message
    found, problem = theme.choose("../night", "night", shipped("themes"), tmp_path)
    assert found.name == "night"
    assert problem is not None
    assert "Unknown theme" in problem.message

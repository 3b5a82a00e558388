"""Tests of output for terminals without Unicode."""

import subprocess
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from tests.conftest import needs
from tests.terminal import LIVEGIST, terminal
from tests.viewer.screenshots import SCREENSHOTS
from tui.viewer.ascii import to_ascii


@given(st.text(st.characters(codec="utf-8", blacklist_categories=["Cc", "Cs"]), max_size=1))
def test_every_character_becomes_ascii_of_the_same_width(character: str) -> None:
    replaced = to_ascii(character)
    assert replaced.isascii()
    assert cell_len(replaced) == cell_len(character)


def test_signs_keep_their_look_and_letters_their_base() -> None:
    assert (
        to_ascii("● LIVE │ ██░░ ▸ Turns ━ Ärger in Ōsaka 日本 “…”") == '* LIVE | ##:: > Turns = Arger in Osaka ???? "~"'
    )


def test_sequences_pass_as_they_are() -> None:
    assert to_ascii("\x1b[1;31m●\x1b[0m") == "\x1b[1;31m*\x1b[0m"


def test_no_picture_of_the_dashboard_has_a_sign_that_becomes_a_question_mark() -> None:
    folder = Path(__file__).parents[2] / "screenshots"
    signs = {
        sign for screenshot in SCREENSHOTS for sign in (folder / f"{screenshot.name}.svg").read_text(encoding="utf-8")
    }
    assert {sign for sign in signs if to_ascii(sign) == "?"} <= {"?"}


def test_a_real_terminal_gets_nothing_but_ascii(short_dir: Path) -> None:
    needs("tmux")
    with terminal(short_dir, " ".join((*LIVEGIST, "--ascii")), columns=80, rows=24) as window:
        assert window.until("READY", "Turns", "s start").isascii()
        window.type("?")
        assert window.until("In Turns").isascii()
        window.escape("In Turns")
        window.type("q")
        window.until("[left with 0]")
    subprocess.run((*LIVEGIST, "stop"), check=False, capture_output=True, timeout=40)

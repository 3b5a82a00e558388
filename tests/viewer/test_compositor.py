"""Tests of the output that a change causes."""

from io import StringIO

import pyte
from hypothesis import given
from hypothesis import strategies as st
from rich.color import ColorSystem
from rich.console import Console, RenderableType
from rich.segment import Segment
from rich.style import Style
from textual.screen import Screen
from textual.strip import Strip

from tests.viewer.dashboard_harness import emit, live, running, shown
from tests.viewer.pilot import until
from tests.viewer.scripted_engine import ScriptedEngine, meeting, partial
from tui.model.events import TurnChanged
from tui.viewer.app import LivegistApp
from tui.viewer.compositor import CellsUpdate, SgrWriter

CONSOLE = Console(file=StringIO(), color_system="truecolor", force_terminal=True)
RED = Style.parse("red")


def written(*segments: Segment) -> str:
    pen = SgrWriter(ColorSystem.TRUECOLOR)
    pen.write(Strip(segments))
    return pen.finish()


def test_a_style_is_written_where_it_changes_and_reset_once() -> None:
    assert written(Segment("a", RED), Segment("b", RED), Segment("c")) == "\x1b[31mab\x1b[0mc"
    assert written(Segment("x", RED)) == "\x1b[31mx\x1b[0m"
    assert written(Segment("plain")) == "plain"


def test_only_what_is_new_of_a_style_is_written() -> None:
    on_blue, red_on_blue, bold = (Style.parse(text) for text in ("on blue", "red on blue", "bold red on blue"))
    assert written(Segment("a", on_blue), Segment("b", red_on_blue), Segment("c", bold)) == (
        "\x1b[44ma\x1b[31mb\x1b[1mc\x1b[0m"
    )
    assert written(Segment("a", red_on_blue), Segment("b", on_blue)) == "\x1b[31;44ma\x1b[39mb\x1b[0m"
    assert written(Segment("a", bold), Segment("b", RED)) == "\x1b[1;31;44ma\x1b[0;31mb\x1b[0m"


STYLES = st.sampled_from(
    [Style.parse(text) for text in ("", "red", "bold", "bold red", "on blue", "italic red on blue")]
)


@given(st.lists(st.tuples(st.sampled_from("abc"), STYLES), min_size=1, max_size=20))
def test_a_terminal_shows_the_styles_that_were_asked_for(cells: list[tuple[str, Style]]) -> None:
    screen = pyte.Screen(20, 1)
    pyte.Stream(screen).feed(written(*(Segment(text, style) for text, style in cells)))
    for at, (text, style) in enumerate(cells):
        shown = screen.buffer[0][at]
        assert (shown.data, shown.bold, shown.italics) == (text, bool(style.bold), bool(style.italic))
        assert shown.fg == ("red" if style.color else "default")
        assert shown.bg == ("blue" if style.bgcolor else "default")
    assert screen.cursor.attrs.fg == "default"


def test_only_the_dirty_stretch_of_a_row_is_written() -> None:
    left, right = Strip([Segment("0123456789")]), Strip([Segment("abcdefghij")])
    update = CellsUpdate([{0: left, 10: right}], [(0, 7, 12)], [[10, 20]])
    assert update.render_segments(CONSOLE) == "\x1b[1;8H789\x1b[1;11Hab"


async def test_a_growing_partial_costs_little_more_than_its_new_words() -> None:
    engine = ScriptedEngine(snapshot=live())
    async with running(engine) as (app, pilot):
        await emit(pilot, engine, TurnChanged(partial(1, "so the plan is that we ship the", stable=7)))
        written = record_updates(app)
        await emit(pilot, engine, TurnChanged(partial(1, "so the plan is that we ship the migration", stable=8)))
        assert "migration" in shown(app, "turns")
        cost = sum(len(part.encode()) for part in written)
        assert "migration" in "".join(written)
        assert cost < 120, written


async def test_going_to_another_pane_paints_two_titles() -> None:
    engine = ScriptedEngine(snapshot=meeting())
    async with running(engine) as (app, pilot):
        await until(pilot, lambda: "… waiting" in shown(app, "gists"))
        written = record_updates(app)
        await until(pilot, lambda: not app.dashboard._dirty_widgets and not app.dashboard._compositor._dirty_regions)
        written.clear()
        await pilot.press("tab")
        await until(pilot, lambda: "▸ Gists" in shown(app, "gists"))
        await pilot.pause()
        assert "Gists" in "".join(written)
        assert "waiting" not in "".join(written)
        assert "Good morning" not in "".join(written)


def record_updates(app: LivegistApp) -> list[str]:
    """Return a list that grows by what partial updates write to the terminal."""
    written: list[str] = []
    display = app._display

    def recorded(screen: Screen[object], update: RenderableType | None) -> None:
        if isinstance(update, CellsUpdate):
            written.append(update.render_segments(CONSOLE))
        display(screen, update)

    app._display = recorded  # type: ignore[method-assign,assignment]
    return written

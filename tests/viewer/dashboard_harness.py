"""Harness of the dashboard: runs it with a scripted engine, and reads what it shows."""

import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from textual.pilot import Pilot

from tests.viewer.pilot import run_app, until
from tests.viewer.scripted_engine import PROMPTS, SESSION, ScriptedEngine, gist, turn
from tui.model.commands import Start
from tui.model.events import Event, Snapshot, State
from tui.viewer.app import LivegistApp
from tui.viewer.engine_connection import ExitStatus
from tui.viewer.screens.main_screen import FooterScreen
from tui.viewer.viewer_app import ViewerApp
from tui.viewer.widgets.cell_widget import CellWidget

Running = tuple[LivegistApp, Pilot[ExitStatus]]


@asynccontextmanager
async def running(
    engine: ScriptedEngine,
    *,
    size: tuple[int, int] = (120, 36),
    keys: dict[str, str] | None = None,
    theme: str = "night",
    start: Start | None = None,
    host: str = "",
    clock: Callable[[], float] = time.monotonic,
) -> AsyncIterator[Running]:
    """Run the app with a scripted engine until it has shown the first snapshot."""
    app = LivegistApp(engine, theme=theme, fps=20, keys=keys or {}, start=start, host=host, clock=clock)
    async with run_app(app, size=size, notifications=True) as pilot:
        await until(pilot, lambda: app.dashboard.view_model.synced)
        yield app, pilot


def shown(app: ViewerApp, part: str | None = None) -> str:
    """Return the text of the screen, or of the widget with that id."""
    if part is not None:
        widget = app.screen.query_one(f"#{part}", CellWidget)
        return "\n".join(widget.render_line(y).text.rstrip() for y in range(widget.size.height))
    return "\n".join(strip.text.rstrip() for strip in app.screen._compositor.render_strips())


def shown_below(app: LivegistApp, part: str) -> str:
    """Return the text of a widget of the dashboard below another screen."""
    widget = app.dashboard.query_one(f"#{part}", CellWidget)
    return "\n".join(widget.render_line(y).text.rstrip() for y in range(widget.size.height))


def toasts(app: ViewerApp) -> str:
    """Return the messages on the screen: errors, the footer's, and that in the border of a dialog."""
    said = [notice.message for notice in app._notifications]
    said += [screen.footer.message for screen in app.screen_stack if isinstance(screen, FooterScreen)]
    said += [str(box.border_subtitle or "") for box in app.screen.query(".dialog")]
    return "\n".join(filter(None, said))


async def emit(pilot: Pilot[ExitStatus], engine: ScriptedEngine, *events: Event) -> None:
    """Emit events, and wait until the viewer has shown them."""
    engine.emit(*events)
    await engine.handled()
    await pilot.pause()


def live() -> Snapshot:
    """Return a running session without turns."""
    return Snapshot(1, "0", State.LIVE, session=SESSION, prompt="summary", prompts=PROMPTS)


def long_session(turns: int) -> Snapshot:
    """Return a session of many short turns with a gist each."""
    return Snapshot(
        1,
        "0",
        State.LIVE,
        session=SESSION,
        prompt="summary",
        prompts=PROMPTS,
        turns=tuple(turn(n, f"This is turn {n}.") for n in range(1, turns + 1)),
        gists=tuple(gist(1000 + n, n, f"Gist of turn {n}.") for n in range(1, turns + 1)),
    )


def row_of(app: LivegistApp, text: str) -> int:
    return next(at for at, row in enumerate(shown(app, "turns").splitlines()) if text in row)

"""Pilot for tests: presses keys and waits until the app has handled them, however slow the machine is.

Textual's own pilot mistakes a process that gets no CPU time for one that is idle.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager

from textual.app import App
from textual.dom import DOMNode
from textual.pilot import Pilot
from textual.screen import Screen
from textual.widget import Widget
from textual.widgets import Input, TextArea

from tests.viewer.scripted_engine import DEADLINE_S
from tui.viewer.compositor import MAX_FRAMES_WAITING
from tui.viewer.engine_connection import ExitStatus
from tui.viewer.screens import gated_screen
from tui.viewer.viewer_app import ViewerApp
from tui.viewer.widgets.cell_widget import CellWidget
from tui.viewer.widgets.meter import Meter
from tui.viewer.widgets.pane import Pane
from tui.viewer.widgets.room_list import RoomList

IDLE_ROUNDS = 3
"""Idle rounds in a row after which the app is idle: work that one round causes shows in the next."""


class Clock:
    """Seconds that pass when a test says so."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class SettledPilot(Pilot[ExitStatus]):
    """A pilot whose `pause` ends when the app waits for keys, events and the clock only."""

    async def press(self, *keys: str) -> None:
        """Press keys one by one, each after the previous one is handled."""
        for key in keys:
            await super().press(key)
            await self.pause()

    async def pause(self, delay: float | None = None) -> None:
        """Wait until the app has done all pending work, layout and painting included."""
        if delay is not None:
            await asyncio.sleep(delay)
        rounds = 0
        async with asyncio.timeout(DEADLINE_S):
            while rounds < IDLE_ROUNDS and not self.app._exit:
                await self._wait_for_screen()
                self.app.screen._on_timer_update()
                await asyncio.sleep(0)
                if any(_busy(self.app)):
                    rounds = 0
                    await asyncio.sleep(0.001)
                else:
                    rounds += 1


@asynccontextmanager
async def run_app(
    app: ViewerApp, *, size: tuple[int, int] = (80, 24), notifications: bool = False
) -> AsyncIterator[SettledPilot]:
    """Run the app without a terminal; yield its pilot."""
    async with app.run_test(size=size, notifications=notifications):
        pilot = SettledPilot(app)
        await pilot.pause()
        yield pilot


async def until(pilot: Pilot[ExitStatus], holds: Callable[[], object]) -> None:
    """Run the app until a condition holds; fail at the deadline."""
    async with asyncio.timeout(DEADLINE_S):
        while not holds():
            await pilot.pause()
            await asyncio.sleep(0.005)


def freeze(app: ViewerApp) -> None:
    """Stop blinking cursors and falling needles."""
    for field in (*app.screen.query(Input), *app.screen.query(TextArea)):
        field.cursor_blink = False
    for screen in app.screen_stack:
        for meter in screen.query(Meter):
            meter.rest()
            meter.touch()
        for rooms in screen.query(RoomList):
            rooms.rest()
            rooms.touch()


def _busy(app: App[ExitStatus]) -> Iterator[bool]:
    """Yield for each part of the app whether it has work to do; while the terminal is behind, nothing is painted."""
    # Looked up in the module that the dashboard uses, because tests replace it there.
    behind = gated_screen.frames_waiting(app._driver) >= MAX_FRAMES_WAITING  # type: ignore[attr-defined]
    yield _waiting(app)
    yield bool(app._batch_count or app._animator._animations)
    for screen in app.screen_stack:
        yield not screen.is_mounted
        yield not behind and _unpainted(screen, on_top=screen is app.screen)
        yield any(_waiting(node) for node in screen.walk_children(Widget, with_self=True))


def _waiting(node: DOMNode) -> bool:
    return bool(node.message_queue_size or node._next_callbacks)


def _unpainted(screen: Screen[object], *, on_top: bool) -> bool:
    """Return whether a screen has pending layout, painting or callbacks."""
    # Textual never clears the mark of a widget that a dialog covers entirely.
    dirty = screen._dirty_widgets if on_top else screen._dirty_widgets & screen._compositor.visible_widgets.keys()
    if screen._callbacks or any(not _falling(widget) for widget in dirty):
        return True
    # A covered screen stays marked as dirty; its widgets do not.
    return any(_changed(node) for node in screen.walk_children(Widget, with_self=on_top) if not _falling(node))


def _changed(node: Widget) -> bool:
    if node._layout_required or node._repaint_required or node._scroll_required:
        return True
    if isinstance(node, Pane) and (node._growing or node._estimated):
        return True
    return isinstance(node, CellWidget) and node._touched


def _falling(node: Widget) -> bool:
    """Return whether a node is a meter with falling needles, which is always dirty."""
    return isinstance(node, Meter) and node._timer is not None

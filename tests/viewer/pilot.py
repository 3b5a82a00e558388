"""Hands for tests: they press a key and wait for all that comes of it, however slow and busy the machine is.

Textual's own pilot takes a process that gets no processor for one that has nothing left to do.
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
from tui.viewer.app import ExitStatus, LivegistApp
from tui.viewer.compositor import MAX_FRAMES_WAITING
from tui.viewer.screens import gated_screen
from tui.viewer.widgets.cell_widget import CellWidget
from tui.viewer.widgets.meter import Meter
from tui.viewer.widgets.pane import Pane

SURE = 3
"""Rounds in a row without anything to do, after which nothing is: what a round sets off shows in the next."""


class SettledPilot(Pilot[ExitStatus]):
    """A pilot whose `pause` ends when the app has nothing left to do but to wait for keys, events and the clock."""

    async def press(self, *keys: str) -> None:
        """Press keys, each once all that the one before set off is done."""
        for key in keys:
            await super().press(key)
            await self.pause()

    async def pause(self, delay: float | None = None) -> None:
        """Wait until everything that was set off is done, laid out and painted."""
        if delay is not None:
            await asyncio.sleep(delay)
        rounds = 0
        async with asyncio.timeout(DEADLINE_S):
            while rounds < SURE and not self.app._exit:
                await self._wait_for_screen()
                self.app.screen._on_timer_update()
                await asyncio.sleep(0)
                if any(_busy(self.app)):
                    rounds = 0
                    await asyncio.sleep(0.001)
                else:
                    rounds += 1


@asynccontextmanager
async def at(
    app: LivegistApp, *, size: tuple[int, int] = (80, 24), notifications: bool = False
) -> AsyncIterator[SettledPilot]:
    """Run the app without a terminal, with hands at it."""
    async with app.run_test(size=size, notifications=notifications):
        hands = SettledPilot(app)
        await hands.pause()
        yield hands


async def until(hands: Pilot[ExitStatus], holds: Callable[[], object]) -> None:
    """Let the app work until something holds; fail at the deadline."""
    async with asyncio.timeout(DEADLINE_S):
        while not holds():
            await hands.pause()
            await asyncio.sleep(0.005)


def stand_still(app: LivegistApp) -> None:
    """Have no cursor blink and no needle fall."""
    for field in (*app.screen.query(Input), *app.screen.query(TextArea)):
        field.cursor_blink = False
    for screen in app.screen_stack:
        for meter in screen.query(Meter):
            meter.rest()
            meter.touch()


def _busy(app: App[ExitStatus]) -> Iterator[bool]:
    """Yield of everything that may have something to do whether it has; a terminal that is behind gets nothing."""
    # Looked up where the dashboard does, for tests put another there.
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
    """Return whether something of a screen is still to be laid out, painted or done after that."""
    if screen._callbacks or any(not _falling(widget) for widget in screen._dirty_widgets):
        return True
    # A screen below another keeps the mark that it is to be painted; its widgets do not.
    return any(_changed(node) for node in screen.walk_children(Widget, with_self=on_top) if not _falling(node))


def _changed(node: Widget) -> bool:
    if node._layout_required or node._repaint_required or node._scroll_required:
        return True
    if isinstance(node, Pane) and (node._growing or node._estimated):
        return True
    return isinstance(node, CellWidget) and node._touched


def _falling(node: Widget) -> bool:
    """Return whether it is a meter whose needles fall: it has always something to do."""
    return isinstance(node, Meter) and node._timer is not None

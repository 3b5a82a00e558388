"""Draw the screenshots in `screenshots/` from the running app: `python -m tests.viewer.screenshots [NAME...]`.

The clock and the level are fixed and the engine is scripted, so the same code draws the same screenshots.
"""

import asyncio
import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from msgspec.structs import replace

from tests.viewer import wall_scene
from tests.viewer.pilot import SettledPilot, freeze, run_app, until
from tests.viewer.scripted_engine import STATS, ScriptedEngine, gist, meeting
from tests.viewer.wall_harness import showing
from tui.model.devices import DeviceInfo, DeviceLevel
from tui.model.events import (
    DeviceLevels,
    DevicesListed,
    Event,
    GistChanged,
    LevelChanged,
    SessionInfo,
    SessionsListed,
    Snapshot,
    SpeakerNamed,
    State,
    StateChanged,
    StatsChanged,
    TurnBookmarked,
)
from tui.model.gists import Gist, GistStatus
from tui.paths import shipped
from tui.viewer.app import LivegistApp
from tui.viewer.viewer_app import ViewerApp
from tui.viewer.widgets.cell_widget import CellWidget
from tui.viewer.widgets.meter import Meter

FOLDER = Path(__file__).parents[2] / "screenshots"
THEMES = tuple(sorted(file.stem for file in shipped("themes").glob("*.toml")))
OTHERS = ("cost", "demo")
"""Screenshots that differ between runs; `tests.bench.dashboard --plot` and `tests.viewer.demo` draw them."""
LEVEL = LevelChanged(-24.3, -12.6)
STEREO = LevelChanged(-24.3, -12.6, channels=((-21.2, -12.6), (-38.4, -27.0)))
ANALYSIS = """The release ships on **Thursday** if the load test passes.

- Maria checks the script tonight, then redoes the screenshots
- Tom raises the connection pool to 40 and reruns the load test tomorrow
- The decision falls **at noon**; nothing else blocks the notes"""
TO_DO = ("- Decide **at noon**", "- Redo the screenshots", "- Maria: the screenshots, after the script")
NO_MICROPHONE = StateChanged(
    State.FAILED, "There is no microphone to record from.", "Plug one in, or choose another source: livegist devices"
)
LOST = StateChanged(
    State.RECONNECTING, "The connection was lost.", "livegist reconnects automatically; recording continues."
)
FINISHING = (
    LOST,
    StateChanged(State.DRAINING, "The connection was lost. Next attempt in 2 s."),
    StatsChanged(replace(STATS, wait_left_s=9.0)),
)


class Screenshot(NamedTuple):
    """A screenshot and how to reach it: a snapshot, events, keys."""

    name: str
    snapshot: Snapshot
    events: tuple[Event, ...] = ()
    keys: tuple[str, ...] = ()
    size: tuple[int, int] = (120, 36)
    theme: str = "night"


class WallScreenshot(NamedTuple):
    """A screenshot of the wall in `wall_scene`, and how to reach it."""

    name: str
    keys: tuple[str, ...] = ()
    size: tuple[int, int] = (120, 36)
    theme: str = "night"


def ended() -> Snapshot:
    """Return the meeting at its end, with an analysis of the session."""
    full = meeting(State.ENDED)
    done = [found for found in full.gists if found.status is GistStatus.DONE]
    return Snapshot(
        1,
        "0",
        State.ENDED,
        session=full.session,
        prompt=full.prompt,
        prompts=full.prompts,
        turns=full.turns[:-1],
        gists=(*done, gist(110, None, ANALYSIS)),
        stats=full.stats,
    )


def extractive() -> Event:
    """Return a gist by the extractive model."""
    text = "I can take the script tonight. The connection pool was at ninety percent last week."
    return GistChanged(Gist(106, 132, "summary", text, GistStatus.DONE, model="extractive", latency_s=0.01))


def annotated() -> Snapshot:
    """Return the meeting with bookmarks, speaker names, an extra prompt, a question and gain."""
    full = meeting()
    beside = [replace(gist(120 + at, 130 + at, text), prompt="actions") for at, text in enumerate(TO_DO)]
    question = Gist(
        140, None, "", "Tom, tomorrow morning [turn 129, 12:54].", GistStatus.DONE, question="Who reruns it?"
    )
    return replace(
        full,
        gists=(*full.gists, *beside, question),
        extra_prompts=("actions",),
        bookmarks=(TurnBookmarked(127, "the date for the announcement"), TurnBookmarked(129, "")),
        speakers=(SpeakerNamed("A", "Ines"), SpeakerNamed("B", "Tom")),
        gain_db=6.0,
    )


PAST_SESSIONS = (
    SessionInfo("c", "2026-11-20T14:00:00+01:00", 2761.0, 402, State.ENDED, "Budget talk", ("work", "q4")),
    SessionInfo("b", "2026-11-19T09:45:00+01:00", 754.0, 132, State.ENDED, first_words="Good morning everybody"),
    SessionInfo("a", "2026-11-18T17:10:00+01:00", 61.0, 4, State.FAILED, first_words="Can you hear me"),
)
DEVICES = (
    DeviceInfo("mic", "the default device", "Built-in Audio Analog Stereo", default=True),
    DeviceInfo("mic:USB microphone", "USB microphone", "PipeWire"),
    DeviceInfo("mic:HDMI capture", "HDMI capture", "PipeWire"),
    DeviceInfo("system", "system", "what this machine plays: Built-in Audio Analog Stereo"),
)


def device_levels() -> tuple[Event, ...]:
    """Return the levels of the devices, twice, so that the needles move."""
    levels = (
        DeviceLevel("Built-in Audio Analog Stereo", ((-41.0, -31.0), (-54.0, -46.0))),
        DeviceLevel("USB microphone", ((-22.0, -11.0),)),
        DeviceLevel("HDMI capture", error="Device unavailable"),
        DeviceLevel("system", ((-120.0, -120.0),)),
    )
    return (DeviceLevels(levels), DeviceLevels(levels))


EMPTY = Snapshot(1, "0", prompt="summary", prompts=meeting().prompts)
SCREENSHOTS: tuple[Screenshot | WallScreenshot, ...] = (
    Screenshot("live", meeting(), (LEVEL,)),
    Screenshot("ended", ended()),
    Screenshot("empty", EMPTY),
    Screenshot("failed", EMPTY, (NO_MICROPHONE,)),
    Screenshot("reconnecting", meeting(), (LEVEL, LOST)),
    Screenshot("finishing", meeting(), FINISHING, keys=("x",)),
    Screenshot("clipping", meeting(), (LevelChanged(-6.0, 0.0, True),)),
    Screenshot("stereo", meeting(), (STEREO,)),
    Screenshot("extractive", meeting(), (LEVEL, extractive())),
    Screenshot("annotations", annotated(), (LEVEL,)),
    Screenshot("selected", meeting(), (LEVEL,), keys=("up", "up", "up", "up", "up")),
    Screenshot("prompts", meeting(), (LEVEL,), keys=("p", "down")),
    Screenshot("search", meeting(), (LEVEL,), keys=("slash", *"script", "enter")),
    Screenshot("ask", annotated(), (LEVEL,), keys=("colon", "up")),
    Screenshot("history", meeting(), (LEVEL, SessionsListed(PAST_SESSIONS))),
    Screenshot("devices", meeting(), (LEVEL, DevicesListed(DEVICES), *device_levels()), keys=("down",)),
    Screenshot("settings", meeting(), (LEVEL,), keys=("comma", "down", "down")),
    Screenshot("palette", meeting(), (LEVEL,), keys=("ctrl+p", *"ma")),
    Screenshot("extra-prompts", annotated(), (LEVEL,), keys=("2",)),
    Screenshot("zoomed", meeting(), (LEVEL,), keys=("z",), size=(80, 24)),
    Screenshot("reading", ended(), keys=("w",)),
    Screenshot("stats", meeting(), (LEVEL,), keys=("i",)),
    Screenshot("help", meeting(), (LEVEL,), keys=("question_mark",)),
    Screenshot("quit", meeting(), (LEVEL,), keys=("q",)),
    WallScreenshot("wall"),
    WallScreenshot("wall-60x16", keys=("down", "A"), size=(60, 16), theme="paper"),
    WallScreenshot("wall-search", keys=("slash", *"the"), size=(100, 30)),
    Screenshot("80x24", meeting(), (LEVEL,), size=(80, 24)),
    Screenshot("60x16", meeting(), (LEVEL,), size=(60, 16)),
    Screenshot("200x50", meeting(), (LEVEL,), size=(200, 50)),
    *(Screenshot(f"theme-{theme}", meeting(), (LEVEL,), theme=theme) for theme in THEMES),
)


async def draw(screenshot: Screenshot | WallScreenshot) -> str:
    """Return a screenshot as SVG."""
    with home("/home/ines/.livegist"):
        if isinstance(screenshot, WallScreenshot):
            return await _draw_wall(screenshot)
        return await _draw(screenshot, ScriptedEngine(snapshot=screenshot.snapshot))


@contextmanager
def home(folder: str) -> Iterator[None]:
    """Set `LIVEGIST_HOME`, for the same path of the config file on each machine; nothing is written."""
    before = os.environ.get("LIVEGIST_HOME")
    os.environ["LIVEGIST_HOME"] = folder
    try:
        yield
    finally:
        if before is None:
            del os.environ["LIVEGIST_HOME"]
        else:
            os.environ["LIVEGIST_HOME"] = before


async def _draw(screenshot: Screenshot, engine: ScriptedEngine) -> str:
    app = LivegistApp(engine, theme=screenshot.theme, fps=20, keys={}, clock=lambda: 1000.0)
    async with run_app(app, size=screenshot.size) as pilot:
        await until(pilot, lambda: app.dashboard.view_model.synced)
        engine.emit(*screenshot.events)
        await engine.handled()
        await pilot.pause()
        await pilot.press(*screenshot.keys)
        fill_history(app)
        return await _export(app, pilot)


async def _draw_wall(screenshot: WallScreenshot) -> str:
    wall = wall_scene.wall()
    async with showing(
        wall,
        size=screenshot.size,
        theme=screenshot.theme,
        highlights=wall_scene.HIGHLIGHTS,
        name="office",
        clock=lambda: 1000.0,
    ) as (app, pilot):
        for name, events in wall_scene.EVENTS.items():
            wall[name].emit(*events)
            await wall[name].handled()
        wall[wall_scene.LOST].accepting.clear()
        wall[wall_scene.LOST].cut()
        await until(pilot, lambda: any(room.view_model.disconnected for room in app.rooms))
        app.wall.footer.turn_over()
        await pilot.press(*screenshot.keys)
        return await _export(app, pilot)


async def _export(app: ViewerApp, pilot: SettledPilot) -> str:
    """Return a screenshot of what is painted, which a full redraw does not change."""
    freeze(app)
    await pilot.pause()
    painted = cells(app)
    redraw(app)
    await pilot.pause()
    assert cells(app) == painted, "the painted cells differ from a full redraw"
    return plain(app.export_screenshot(title="livegist"))


def fill_history(app: LivegistApp) -> None:
    """Give the meter some minutes of speech and silence, if a session is running."""
    if app.dashboard.view_model.state.active:
        app.dashboard.meter.clear_history()
        for at in range(240):
            speech = at % 17 < 11
            app.dashboard.query_one("#meter", Meter).history.feed(
                -14.0 - (at * 7919) % 21 if speech else -46.0, 2.5 * at, speech=speech
            )


def cells(app: ViewerApp) -> list[str]:
    """Return the text of the screen, row by row."""
    return [strip.text for strip in app.screen._compositor.render_strips()]


def redraw(app: ViewerApp) -> None:
    """Redraw everything: the segments of a row depend on what was painted before."""
    for screen in app.screen_stack:
        for widget in screen.query(CellWidget):
            widget._redraw()


def plain(svg: str) -> str:
    """Return the SVG without identifiers that differ between runs and without web fonts."""
    svg = re.sub(r"terminal-\d+", "terminal", svg)
    svg = re.sub(r"\s*@font-face \{.*?\}", "", svg, flags=re.DOTALL)
    return svg.replace('<svg class="rich-terminal"', '<svg class="rich-terminal" xml:space="preserve"', 1)


async def main(names: list[str]) -> None:
    FOLDER.mkdir(exist_ok=True)
    chosen = [screenshot for screenshot in SCREENSHOTS if not names or screenshot.name in names]
    for screenshot in chosen:
        (FOLDER / f"{screenshot.name}.svg").write_text(await draw(screenshot), encoding="utf-8")
        print(f"screenshots/{screenshot.name}.svg")
    if not names:
        for stale in {file.name for file in FOLDER.glob("*.svg")} - {
            f"{name}.svg" for name in (*OTHERS, *(screenshot.name for screenshot in SCREENSHOTS))
        }:
            (FOLDER / stale).unlink()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1:]))

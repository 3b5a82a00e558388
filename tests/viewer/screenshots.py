"""Make the pictures in screenshots/ from the running app: `python -m tests.viewer.screenshots`.

Time and level stand still and the line is a script, so the same program makes the same pictures.
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

from tests.viewer.pilot import at, stand_still, until
from tests.viewer.scripted_engine import ScriptedEngine, gist, meeting
from tui.model.events import (
    DeviceInfo,
    DeviceLevel,
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
    TurnBookmarked,
)
from tui.model.gists import Gist, GistStatus
from tui.paths import shipped
from tui.viewer.app import LivegistApp
from tui.viewer.widgets.cell_widget import CellWidget

FOLDER = Path(__file__).parents[2] / "screenshots"
THEMES = tuple(sorted(file.stem for file in shipped("themes").glob("*.toml")))
OTHERS = ("cost", "demo")
"""Pictures of what differs from run to run: `tests.bench.dashboard --plot` and `tests.viewer.demo` make them."""
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


class Picture(NamedTuple):
    """What to show, and how to get there."""

    name: str
    snapshot: Snapshot
    events: tuple[Event, ...] = ()
    keys: tuple[str, ...] = ()
    size: tuple[int, int] = (120, 36)
    theme: str = "night"


def ended() -> Snapshot:
    """Return the meeting at its end, with an analysis of the whole."""
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
    """Return an answer that no LLM wrote."""
    text = "I can take the script tonight. The connection pool was at ninety percent last week."
    return GistChanged(Gist(106, 132, "summary", text, GistStatus.DONE, model="extractive", latency_s=0.01))


def remarked() -> Snapshot:
    """Return the meeting with marks, names, a second prompt, a question and gain."""
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


KEPT = (
    SessionInfo("c", "2026-11-20T14:00:00+01:00", 2761.0, 402, State.ENDED, "Budget talk", ("work", "q4")),
    SessionInfo("b", "2026-11-19T09:45:00+01:00", 754.0, 132, State.ENDED, first_words="Good morning everybody"),
    SessionInfo("a", "2026-11-18T17:10:00+01:00", 61.0, 4, State.FAILED, first_words="Can you hear me"),
)
DEVICES = (
    DeviceInfo("mic", "the default device", "Built-in Audio", default=True),
    DeviceInfo("mic:Built-in Audio", "Built-in Audio Analog Stereo", "ALSA"),
    DeviceInfo("mic:USB", "USB microphone", "ALSA"),
    DeviceInfo("mic:HDMI", "HDMI capture", "ALSA"),
)


def heard() -> tuple[Event, ...]:
    """Return how loud it is at each of them, twice, for needles to have moved."""
    levels = (
        DeviceLevel("Built-in Audio Analog Stereo", ((-41.0, -31.0), (-54.0, -46.0))),
        DeviceLevel("USB microphone", ((-22.0, -11.0),)),
        DeviceLevel("HDMI capture", error="Device unavailable"),
        DeviceLevel("Built-in Audio", ((-41.0, -31.0), (-54.0, -46.0))),
    )
    return (DeviceLevels(levels), DeviceLevels(levels))


EMPTY = Snapshot(1, "0", prompt="summary", prompts=meeting().prompts)
PICTURES = (
    Picture("live", meeting(), (LEVEL,)),
    Picture("ended", ended()),
    Picture("empty", EMPTY),
    Picture("failed", EMPTY, (NO_MICROPHONE,)),
    Picture("reconnecting", meeting(), (LEVEL, LOST)),
    Picture("clipping", meeting(), (LevelChanged(-6.0, 0.0, True),)),
    Picture("stereo", meeting(), (STEREO,)),
    Picture("extractive", meeting(), (LEVEL, extractive())),
    Picture("remarks", remarked(), (LEVEL,)),
    Picture("selected", meeting(), (LEVEL,), keys=("up", "up", "up", "up", "up")),
    Picture("prompts", meeting(), (LEVEL,), keys=("p", "down")),
    Picture("search", meeting(), (LEVEL,), keys=("slash", *"script", "enter")),
    Picture("ask", remarked(), (LEVEL,), keys=("colon", "up")),
    Picture("history", meeting(), (LEVEL, SessionsListed(KEPT))),
    Picture("devices", meeting(), (LEVEL, DevicesListed(DEVICES), *heard()), keys=("down",)),
    Picture("settings", meeting(), (LEVEL,), keys=("comma", "down", "down")),
    Picture("palette", meeting(), (LEVEL,), keys=("ctrl+p", *"ma")),
    Picture("extra-prompts", remarked(), (LEVEL,), keys=("2",)),
    Picture("zoomed", meeting(), (LEVEL,), keys=("z",), size=(80, 24)),
    Picture("help", meeting(), (LEVEL,), keys=("question_mark",)),
    Picture("quit", meeting(), (LEVEL,), keys=("q",)),
    Picture("80x24", meeting(), (LEVEL,), size=(80, 24)),
    Picture("60x16", meeting(), (LEVEL,), size=(60, 16)),
    Picture("200x50", meeting(), (LEVEL,), size=(200, 50)),
    *(Picture(f"theme-{theme}", meeting(), (LEVEL,), theme=theme) for theme in THEMES),
)


async def take(picture: Picture) -> str:
    """Return the picture as SVG."""
    line = ScriptedEngine(snapshot=picture.snapshot)
    with home("/home/ines/.livegist"):
        return await _taken(picture, line)


@contextmanager
def home(folder: str) -> Iterator[None]:
    """Have the settings' file shown in the same place on every machine; nothing is written there."""
    before = os.environ.get("LIVEGIST_HOME")
    os.environ["LIVEGIST_HOME"] = folder
    try:
        yield
    finally:
        if before is None:
            del os.environ["LIVEGIST_HOME"]
        else:
            os.environ["LIVEGIST_HOME"] = before


async def _taken(picture: Picture, line: ScriptedEngine) -> str:
    app = LivegistApp(line, theme=picture.theme, fps=20, keys={}, clock=lambda: 1000.0)
    async with at(app, size=picture.size) as hands:
        await until(hands, lambda: app.dashboard.view_model.synced)
        line.say(*picture.events)
        await line.heard()
        await hands.pause()
        await hands.press(*picture.keys)
        stand_still(app)
        await hands.pause()
        painted = cells(app)
        afresh(app)
        await hands.pause()
        assert cells(app) == painted, "what is painted is not what there is to paint"
        return plain(app.export_screenshot(title="livegist"))


def cells(app: LivegistApp) -> list[str]:
    """Return what is on the screen, row by row."""
    return [strip.text for strip in app.screen._compositor.render_strips()]


def afresh(app: LivegistApp) -> None:
    """Have everything drawn again: how a row is cut into pieces depends on what stood there before."""
    for screen in app.screen_stack:
        for widget in screen.query(CellWidget):
            widget._redraw()


def plain(svg: str) -> str:
    """Return the SVG without identifiers that differ between runs, and without fonts to be fetched from elsewhere."""
    svg = re.sub(r"terminal-\d+", "terminal", svg)
    svg = re.sub(r"\s*@font-face \{.*?\}", "", svg, flags=re.DOTALL)
    return svg.replace('<svg class="rich-terminal"', '<svg class="rich-terminal" xml:space="preserve"', 1)


async def main(names: list[str]) -> None:
    FOLDER.mkdir(exist_ok=True)
    wanted = [picture for picture in PICTURES if not names or picture.name in names]
    for picture in wanted:
        (FOLDER / f"{picture.name}.svg").write_text(await take(picture), encoding="utf-8")
        print(f"screenshots/{picture.name}.svg")
    if not names:
        for stale in {file.name for file in FOLDER.glob("*.svg")} - {
            f"{name}.svg" for name in (*OTHERS, *(picture.name for picture in PICTURES))
        }:
            (FOLDER / stale).unlink()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1:]))

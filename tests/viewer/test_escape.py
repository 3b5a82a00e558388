"""Tests of an escape that arrives together with the next key, as over a slow line."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from tests.viewer.dashboard_harness import Running, running, shown
from tests.viewer.pilot import until
from tests.viewer.scripted_engine import ScriptedEngine, meeting
from tui.viewer.escape_parser import EscapeParser, EscapeThenKey
from tui.viewer.screens.help import HelpScreen
from tui.viewer.screens.search import SearchScreen


def keys(*packets: str) -> list[str]:
    """Return what the parser makes of packets."""
    parser = EscapeParser()
    found = [event for packet in packets for event in parser.feed(packet)]
    names: list[str] = []
    for event in found:
        if isinstance(event, EscapeThenKey):
            names += ["escape", event.following.key, f"({event.key})"]
        else:
            names.append(getattr(event, "key", type(event).__name__))
    return names


@pytest.mark.parametrize(
    ("packet", "expected"),
    [
        ("\x1bx", ["escape", "x", "(alt+x)"]),
        ("\x1bG", ["escape", "G", "(alt+shift+g)"]),
        ("\x1b1", ["escape", "1", "(alt+1)"]),
        ("\x1b?", ["escape", "question_mark", "(alt+question_mark)"]),
        ("\x1b ", ["escape", "space", "(alt+space)"]),
        ("\x1bf", ["escape", "f", "(ctrl+right)"]),
        ("\x1bjk", ["escape", "j", "(alt+j)", "k"]),
        ("\x1b[A", ["up"]),
        ("\x1bOP", ["f1"]),
        ("\x1b[1;3A", ["alt+up"]),
        ("\x1b[120;3u", ["alt+x"]),
        ("\x1b[<0;5;5M", ["MouseDown"]),
        ("\x1b[200~ab\x1b[201~x", ["Paste", "x"]),
    ],
)
def test_an_escape_before_a_key_is_distinguished_from_sequences(packet: str, expected: list[str]) -> None:
    assert keys(packet) == expected


@asynccontextmanager
async def dashboard(own: dict[str, str] | None = None) -> AsyncIterator[tuple[Running, ScriptedEngine]]:
    engine = ScriptedEngine(snapshot=meeting())
    async with running(engine, keys=own) as viewer:
        yield viewer, engine


def type_packet(viewer: Running, packet: str) -> None:
    """Let the terminal deliver a packet."""
    for event in EscapeParser().feed(packet):
        viewer[0].post_message(event)


async def test_escape_closes_a_field_and_the_letter_is_a_key() -> None:
    async with dashboard() as ((app, pilot), _):
        await pilot.press("slash", *"pool")
        type_packet((app, pilot), "\x1b?")
        await until(pilot, lambda: isinstance(app.screen, HelpScreen))
        assert "with “" not in shown(app)


async def test_a_chord_that_a_person_has_chosen_stays_one() -> None:
    async with dashboard({"help": "alt+x"}) as ((app, pilot), engine):
        type_packet((app, pilot), "\x1bx")
        await until(pilot, lambda: isinstance(app.screen, HelpScreen))
        assert engine.sent == []


async def test_a_chord_of_a_text_field_stays_one() -> None:
    async with dashboard() as ((app, pilot), _):
        await pilot.press("slash", *"the pool", "home")
        type_packet((app, pilot), "\x1bf")
        await pilot.press("s")
        await until(pilot, lambda: "the spool" in shown(app))
        assert isinstance(app.screen, SearchScreen)

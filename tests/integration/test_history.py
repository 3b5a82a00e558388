"""Past sessions are listed, shown and exported to a viewer over the engine's own socket."""

from tests.server_harness import hosting, watching
from tests.session_fixtures import MEETING, store_session
from tui.model.commands import ExportSession, ListSessions, Pause, ShowSession
from tui.model.events import Rejected, SessionExported, SessionShown, SessionsListed
from tui.paths import data_dir, sessions_dir
from tui.sessions.metadata import SessionMetadata
from tui.sessions.store import Store


async def test_a_viewer_lists_opens_and_exports_what_is_kept() -> None:
    stored = store_session(Store(sessions_dir()), metadata=SessionMetadata("Standup"))
    async with hosting() as hosted, watching(hosted.socket) as viewer:
        await viewer.send(ListSessions())
        await viewer.until(lambda: isinstance(viewer.events[-1], SessionsListed))
        listed = viewer.events[-1]
        assert isinstance(listed, SessionsListed)
        assert [(session.id, session.name) for session in listed.sessions] == [(stored.id, "Standup")]

        await viewer.send(ShowSession(stored.id))
        await viewer.until(lambda: isinstance(viewer.events[-1], SessionShown))
        shown = viewer.events[-1]
        assert isinstance(shown, SessionShown)
        assert [turn.text for turn in shown.snapshot.turns] == [text for _, text in MEETING]

        await viewer.send(ExportSession(stored.id, "srt"))
        await viewer.until(lambda: isinstance(viewer.events[-1], SessionExported))
    assert "Good morning everybody" in (data_dir() / "exports" / f"{stored.id}.srt").read_text(encoding="utf-8")


async def test_only_the_viewer_that_asks_is_answered() -> None:
    async with hosting() as hosted, watching(hosted.socket) as one, watching(hosted.socket) as other:
        await one.send(ListSessions())
        await one.until(lambda: isinstance(one.events[-1], SessionsListed))
        assert not any(isinstance(event, SessionsListed) for event in other.events)


async def test_a_command_that_is_not_possible_is_rejected_with_a_reason() -> None:
    async with hosting() as hosted, watching(hosted.socket) as viewer:
        for command in (ShowSession("nope"), ExportSession("", "md"), Pause(True)):
            await viewer.send(command)
        await viewer.until(lambda: len(viewer.events) == 4)
        assert [event.text for event in viewer.events if isinstance(event, Rejected)] == [
            "There is no session yet.",
            "There is no stored session to export.",
            "Only a replay can pause and seek.",
        ]

"""Words made into commands, and events made into lines."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from tests.typist import Typist
from tests.viewer.scripted_engine import DEADLINE_S, PROMPTS, STATS, ScriptedEngine, gist, meeting, partial, turn
from tui.errors import UsageError
from tui.line_ui.app import LineApp
from tui.line_ui.input import COMMANDS, LocalCommand, parse_command
from tui.line_ui.output import LineFormatter, help_lines
from tui.model.commands import (
    Analyse,
    Ask,
    AskAllTurns,
    Bookmark,
    Command,
    EditTurn,
    ExportSession,
    ListDevices,
    MergeTurn,
    Mute,
    NameSpeaker,
    Quit,
    Recover,
    RetryGist,
    SetGain,
    SetTitle,
    Start,
    Stop,
    StopTrack,
    UndoEdit,
    UseExtraPrompts,
    UsePrompt,
    UseSource,
)
from tui.model.devices import DeviceInfo
from tui.model.events import (
    DevicesListed,
    Event,
    GistChanged,
    LevelChanged,
    MutedChanged,
    Notice,
    Rejected,
    Severity,
    Snapshot,
    SpeakerNamed,
    State,
    StateChanged,
    StatsChanged,
    TurnBookmarked,
    TurnChanged,
)
from tui.model.gists import Gist, GistStatus
from tui.model.stats import Stats
from tui.presentation.view_model import ViewModel


def picture(snapshot: Snapshot | None = None) -> ViewModel:
    found = ViewModel()
    found.apply(snapshot or meeting())
    return found


@pytest.mark.parametrize(
    ("typed", "commands"),
    [
        ("start", [Start({"source": "talk.wav"})]),
        ("  STOP  ", [Stop()]),
        ("mute", [Mute(True)]),
        ("unmute", [Mute(False)]),
        ("stop-track them", [StopTrack("them")]),
        ("prompt 2", [UsePrompt("actions")]),
        ("prompt takeaway", [UsePrompt("takeaway")]),
        ("prompt Action items", [UsePrompt("actions")]),
        ("extra-prompts actions 3", [UseExtraPrompts(("actions", "takeaway"))]),
        ("lens", [UseExtraPrompts(())]),
        ("all", []),
        ("analyse", [Analyse()]),
        ("analyse actions", [Analyse("actions")]),
        ("ask who does it?", [Ask("who does it?")]),
        ("again", [RetryGist(105)]),
        ("mark", [Bookmark(132, "")]),
        ("mark the plan", [Bookmark(132, "the plan")]),
        ("mark 127 the plan", [Bookmark(127, "the plan")]),
        ("unmark 127", [Bookmark(127, None)]),
        ("edit 3 So it is. | B: No.", [EditTurn(3, ("So it is. ", " B: No."))]),
        ("merge 3", [MergeTurn(3)]),
        ("undo", [UndoEdit()]),
        ("title Release planning", [SetTitle("Release planning")]),
        ("name A Ines Ito", [NameSpeaker("A", "Ines Ito")]),
        ("name A", [NameSpeaker("A", "")]),
        ("gain -6", [SetGain(-6.0)]),
        ("devices", [ListDevices()]),
        ("device USB", [UseSource("mic:USB")]),
        ("device mic", [UseSource("mic")]),
        ("export srt", [ExportSession("", "srt")]),
        ("quit", [Quit()]),
        ("recover", [Recover("", {"source": "talk.wav"})]),
        ("", []),
    ],
)
def test_each_word_is_a_command(typed: str, commands: list[Command]) -> None:
    assert parse_command(typed, picture(), {"source": "talk.wav"}) == commands


@pytest.mark.parametrize(
    ("typed", "label", "name"),
    [
        ("name you A Anna Ito", "you A", "Anna Ito"),
        ("name You a-2 Bob", "you A-2", "Bob"),
        ("name you A", "you A", ""),
        ("name C Carl", "C", "Carl"),
    ],
)
def test_a_speaker_is_named_by_a_label_with_the_name_of_the_track(typed: str, label: str, name: str) -> None:
    of = picture()
    for number, known in enumerate(("you A", "you A-2", "them A"), 201):
        of.apply(TurnChanged(replace(turn(number, "Hello."), speaker=known)))
    assert parse_command(typed, of, {}) == [NameSpeaker(label, name)]


def test_the_wait_of_a_session_that_finishes_is_ended_by_one_word_more() -> None:
    finishing = picture(meeting(State.DRAINING))
    with pytest.raises(UsageError, match="stay in the recording, not transcribed: recover transcribes them") as refused:
        parse_command("stop", finishing, {})
    assert refused.value.hint == "Type stop now to end the wait."
    assert parse_command("stop now", finishing, {}) == [Stop(abandon=True)]
    for typed in ("stop now", "stop later"):
        with pytest.raises(UsageError):
            parse_command(typed, picture(), {})


def test_a_session_that_finishes_says_once_how_long_it_still_waits() -> None:
    shown = LineFormatter(lambda: 0.0)
    shown.format(meeting())
    assert shown.format(StateChanged(State.DRAINING, "The connection was lost.")) == [
        "finishing: The connection was lost."
    ]
    lines = [shown.format(StatsChanged(replace(STATS, wait_left_s=left_s))) for left_s in (11.0, 10.0, 9.0)]
    assert lines == [[], ["finishing: up to 10 s more · 7 s not transcribed yet · stop now ends the wait"], []]
    assert "finishing, 13:24, 132 turns, up to 9 s more" in shown.status()


def test_all_asks_the_prompts_that_are_behind() -> None:
    behind = picture(replace(meeting(), prompt="actions", extra_prompts=("takeaway",)))
    assert parse_command("all", behind, {}) == [AskAllTurns("actions"), AskAllTurns("takeaway")]


@pytest.mark.parametrize(
    "typed", ["prompt", "prompt 9", "ask", "gain loud", "frobnicate", "name", "device", "export", "edit 3", "merge x"]
)
def test_an_impossible_command_says_how_to_write_it(typed: str) -> None:
    with pytest.raises(UsageError, match=typed.split()[0]):
        parse_command(typed, picture(), {})


def test_every_word_that_help_names_is_a_command() -> None:
    assert "status" in [word for word, _, _ in COMMANDS]
    for word, takes, _ in COMMANDS:
        said = f"{word} {'1 words' if takes == 'N TEXT' else '1' if takes not in ('', 'now') else ''}"
        assert parse_command(said, picture(), {}) is not None
    assert len(help_lines()) == len(COMMANDS)


@given(st.text(st.characters(codec="utf-8")))
def test_any_line_is_understood_or_refused(line: str) -> None:
    try:
        found = parse_command(line, picture(), {})
    except UsageError:
        return
    assert isinstance(found, list | LocalCommand)


def line_formatter(snapshot: Snapshot | None = None) -> LineFormatter:
    found = LineFormatter(lambda: 0.0)
    found.format(snapshot or meeting())
    return found


def test_it_begins_with_where_the_session_is_and_its_newest_turn() -> None:
    lines = LineFormatter(lambda: 0.0).format(meeting())
    shares = "talking time A 43 % B 29 % C 29 %"
    assert lines[0] == f"live, 13:24, 132 turns, prompt Summary, {shares}, from Built-in Audio Analog Stereo"
    assert lines[1:] == [
        "turn 132, 13:12, A: Maria, could you do those after the script? If not, tell me by three and I find somebody."
    ]


@pytest.mark.parametrize(
    ("event", "line"),
    [
        (TurnChanged(turn(140, "So be it.", speaker="B")), "turn 140, 14:00, B: So be it."),
        (
            GistChanged(gist(140, 132, "- One\n- **Two**")),
            "Summary of turn 132, claude-sonnet-4-20250514: - One - **Two**",
        ),
        (GistChanged(gist(141, 132, "", GistStatus.FAILED, error="no key")), "Summary of turn 132: failed. no key"),
        (GistChanged(Gist(142, None, "", "Tom.", GistStatus.DONE, question="who?")), "answer to who?: Tom."),
        (GistChanged(Gist(143, None, "summary", "All.", GistStatus.DONE)), "Summary of the whole session: All."),
        (StateChanged(State.FAILED, "No key.", "Get one."), "failed: No key. Get one."),
        (Notice(Severity.WARNING, "Slow.", "Wait."), "Slow. Wait."),
        (Rejected("Not now."), "Not now."),
        (TurnBookmarked(127, "the plan"), "turn 127 bookmarked: the plan"),
        (TurnBookmarked(127, None), "turn 127: bookmark removed"),
        (SpeakerNamed("A", "Ines"), "speaker A is Ines"),
        (DevicesListed((DeviceInfo("mic:USB", "USB"),)), "device USB"),
        (DevicesListed(()), "No audio device found."),
    ],
)
def test_each_event_is_one_line(event: Event, line: str) -> None:
    assert line_formatter().format(event) == [line]


def test_an_incomplete_list_of_devices_says_why() -> None:
    listed = DevicesListed((DeviceInfo("mic", "mic"),), "The sound server does not answer yet.")
    assert line_formatter().format(listed) == ["device mic", "The sound server does not answer yet."]


def test_incomplete_lines_are_not_published_and_none_is_published_twice() -> None:
    formatter = line_formatter()
    assert formatter.format(TurnChanged(partial(140, "so be"))) == []
    assert formatter.format(GistChanged(gist(140, 140, "", GistStatus.STREAMING))) == []
    assert len(formatter.format(TurnChanged(turn(140, "So be it.")))) == 1
    assert formatter.format(TurnChanged(turn(140, "So be it."))) == []
    assert formatter.format(TurnChanged(turn(140, "So be it!"))) == ["turn 140, corrected, 14:00: So be it!"]


def test_after_a_cut_only_missed_lines_are_published() -> None:
    formatter = line_formatter()
    again = replace(
        meeting(), turns=(*meeting().turns[:-1], turn(133, "Missed.")), gists=(gist(200, 133, "Missed it."),)
    )
    assert formatter.format(again)[1:] == [
        "turn 133, 13:18: Missed.",
        "Summary of turn 133, claude-sonnet-4-20250514: Missed it.",
    ]


def test_an_answer_that_is_retried_is_published_again() -> None:
    formatter = line_formatter()
    assert formatter.format(GistChanged(gist(105, 131, "", GistStatus.WAITING))) == []
    assert len(formatter.format(GistChanged(gist(105, 131, "There.")))) == 1


def test_a_named_speaker_is_called_by_the_name() -> None:
    formatter = line_formatter()
    formatter.format(SpeakerNamed("B", "Tom"))
    assert formatter.format(TurnChanged(turn(140, "Yes.", speaker="B"))) == ["turn 140, 14:00, Tom: Yes."]


def test_the_level_is_reported_when_something_is_wrong_with_it_and_when_it_is_not_any_more() -> None:
    now = [0.0]
    formatter = LineFormatter(lambda: now[0])
    formatter.format(meeting())
    lines: list[str] = []
    for tick in range(60):
        now[0] = tick * 0.05
        lines += formatter.format(LevelChanged(-120.0, -120.0))
    assert lines == ["level: no signal"]
    assert formatter.format(LevelChanged(-30.0, -12.0)) == ["level: good"]


def test_silence_that_was_asked_for_is_nothing_wrong() -> None:
    now = [0.0]
    formatter = LineFormatter(lambda: now[0])
    formatter.format(replace(meeting(), muted=True))
    for tick in range(60):
        now[0] = tick * 0.5
        assert formatter.format(LevelChanged(-120.0, -120.0)) == []
    formatter.format(MutedChanged(False))
    assert formatter.format(LevelChanged(-30.0, -12.0)) == []


def test_hostile_text_stays_on_its_line() -> None:
    hostile = "\x1b[31m one\r\ntwo\u202e \x07"
    (line,) = line_formatter().format(TurnChanged(turn(140, hostile, speaker=hostile)))
    assert not set(line) & set("\x1b\r\n\u202e\x07")


class Line(ScriptedEngine):
    """A scripted line that keeps what was sent over it, and delivers what is published at its other end."""

    def __init__(self, snapshot: Snapshot | None = None) -> None:
        super().__init__(snapshot=snapshot)
        self.published: list[str] = []
        self._news = asyncio.Event()

    async def send(self, command: Command) -> bool:
        sent = await super().send(command)
        self._news.set()
        return sent

    def publish(self, line: str) -> None:
        self.published.append(line)
        self._news.set()

    async def until(self, holds: Callable[[], bool]) -> None:
        async with asyncio.timeout(DEADLINE_S):
            while not holds():
                self._news.clear()
                await self._news.wait()

    async def until_published(self, text: str, times: int = 1) -> None:
        await self.until(lambda: sum(text in line for line in self.published) >= times)


@asynccontextmanager
async def front(line: Line, typist: Typist, start: Start | None = None) -> AsyncIterator["asyncio.Task[None]"]:
    """Run a front until the person leaves."""
    running = asyncio.create_task(LineApp(line, line.publish, options={}, start=start).run(typist))
    try:
        yield running
    finally:
        typist.type(None)
        await asyncio.wait_for(running, DEADLINE_S)


async def test_words_are_sent_and_leave_detaches() -> None:
    line, typist = Line(meeting()), Typist()
    async with front(line, typist):
        await line.until_published("live, 13:24")
        typist.type("mute\n", "frob\n", "status\n", "prompts\n", "help\n")
        await line.until_published("detach: detach; the session continues")
        assert line.sent == [Mute(True)]
        assert "Unknown command: frob. Type help for all commands." in line.published
        assert f"prompt 1 summary: {PROMPTS[0].name}" in line.published
        typist.type("leave\n")
        await line.until_published("Detached; the session continues.")
    assert line.sent == [Mute(True)]


async def test_the_end_of_what_is_typed_leaves() -> None:
    line = Line(meeting())
    await asyncio.wait_for(LineApp(line, line.publish, options={}).run([]), DEADLINE_S)
    assert line.sent == []


async def test_quit_waits_for_the_engines_end_and_says_where_the_session_is() -> None:
    line, typist = Line(meeting()), Typist()
    line.quits = False
    async with front(line, typist) as running:
        await line.until_published("live")
        typist.type("quit\n")
        await line.until(lambda: line.sent == [Quit()])
        line.emit(TurnChanged(turn(140, "The last word.")))
        await line.until_published("The last word.")
        assert not running.done()
        line.cut()
        await line.until_published("The session is stored in ")


async def test_a_quit_that_is_refused_leaves_and_says_why_and_nothing_else() -> None:
    line, typist = Line(meeting(State.ENDED)), Typist()
    line.quits = False
    async with front(line, typist) as running:
        await line.until_published("ended")
        line.emit(StatsChanged(Stats(unsaved_s=4.0)))
        typist.type("quit\n")
        await line.until(lambda: line.sent == [Quit()])
        line.emit(Rejected("The end would be lost.", "Make room."))
        await asyncio.wait_for(running, DEADLINE_S)
    assert line.published[-1] == "The end would be lost. Make room."


async def test_a_cut_is_said_and_the_engine_is_looked_for_again() -> None:
    line, typist = Line(meeting()), Typist()
    async with front(line, typist):
        await line.until_published("live")
        line.cut()
        await line.until_published("was lost")
        await line.until_published("live, 13:24", times=2)
        assert sum("was lost" in text for text in line.published) == 1


async def test_a_start_is_sent_once_there_is_no_session() -> None:
    line = Line()
    async with front(line, Typist(), Start({"source": "a.wav"})):
        await line.until(lambda: bool(line.sent))
    assert line.sent == [Start({"source": "a.wav"})]


async def test_a_start_is_not_sent_into_a_session() -> None:
    line, typist = Line(meeting()), Typist()
    async with front(line, typist, Start()):
        typist.type("unmute\n")
        await line.until(lambda: bool(line.sent))
    assert line.sent == [Mute(False)]

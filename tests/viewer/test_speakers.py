"""Speakers in the dashboard: their letters, colours, shares of the talking time, and the turns of one of them."""

import pytest
from msgspec.structs import replace

from tests.viewer.dashboard_harness import emit, running, shown, toasts
from tests.viewer.pilot import until
from tests.viewer.scripted_engine import SESSION, ScriptedEngine, gist, partial, turn
from tui.model.commands import NameSpeaker, RememberSpeaker
from tui.model.events import (
    Event,
    GistChanged,
    SessionStarted,
    SpeakerNamed,
    State,
    StateChanged,
    StatsChanged,
    TurnChanged,
)
from tui.model.stats import Stats
from tui.model.tracks import Track
from tui.presentation.trends import talking_shares
from tui.presentation.view_model import ViewModel
from tui.viewer.theme import SPEAKERS
from tui.viewer.widgets.turns_pane import TurnsPane


def said(number: int, speaker: str | None, seconds: float = 3.0) -> TurnChanged:
    found = turn(number, f"Sentence {number}.")
    return TurnChanged(replace(found, speaker=speaker, end_s=found.start_s + seconds))


def model(*events: Event) -> ViewModel:
    view_model = ViewModel()
    for event in events:
        view_model.apply(event)
    return view_model


def test_the_share_of_the_talking_time_is_that_of_final_turns_and_follows_corrections() -> None:
    view_model = model(said(1, "A", 6), said(2, "B", 3), said(3, "B", 1), said(4, None, 9))
    assert talking_shares(view_model.transcript.finals) == ["A 60 %", "B 40 %"]
    view_model.apply(said(3, "A", 1))
    assert talking_shares(view_model.transcript.finals) == ["A 70 %", "B 30 %"]
    view_model.apply(SpeakerNamed("A", "Bob"))
    view_model.apply(SpeakerNamed("B", "Bob"))
    assert talking_shares(view_model.finals) == ["Bob 100 %"]


def test_a_letter_has_its_own_colour_whoever_is_seen_first() -> None:
    view_model = model(said(1, "B"), said(2, "A"), said(3, "G"))
    pane = TurnsPane(view_model)
    styles: list[str] = []
    for number in (1, 2, 3):
        styles += {span.style.split()[0] for span in pane.entry(number, 80)[0] if "speaker-" in span.style}
    assert styles == ["speaker-2", "speaker-1", f"speaker-{7 - SPEAKERS}"]


async def test_the_shares_of_the_talking_time_stand_in_the_stats_and_follow_a_revision() -> None:
    engine = ScriptedEngine()
    async with running(engine, size=(120, 44)) as (app, pilot):
        await emit(pilot, engine, SessionStarted(SESSION), said(1, "A", 6), said(2, "B", 4), StatsChanged(Stats()))
        await pilot.press("i")
        await until(pilot, lambda: "talking time    A 60 %  B 40 %" in shown(app, "stats"))
        await emit(pilot, engine, said(2, "A", 4), StatsChanged(Stats(turns=2)))
        await until(pilot, lambda: "talking time    A 100 %" in shown(app, "stats"))


async def test_the_open_turn_of_another_speaker_is_not_shown_beside_one_speaker() -> None:
    engine = ScriptedEngine()
    async with running(engine, size=(120, 36)) as (app, pilot):
        open_turn = partial(203, "I can do both", speaker="B")
        await emit(
            pilot, engine, SessionStarted(SESSION), StateChanged(State.LIVE), said(201, "A"), TurnChanged(open_turn)
        )
        assert "I can do both" in shown(app, "turns")
        await pilot.press("F")
        assert "I can do both" not in shown(app, "turns")


async def test_one_speaker_is_shown_alone_and_then_all_again() -> None:
    engine = ScriptedEngine()
    async with running(engine, size=(120, 36)) as (app, pilot):
        gists = [GistChanged(gist(300 + at, 200 + at, f"Gist {at}.")) for at in (1, 2)]
        await emit(pilot, engine, said(201, "A"), said(202, "B"), SpeakerNamed("B", "Bob"), *gists)
        await pilot.press("F")
        assert "Bob only · F shows all" in shown(app, "turns")
        assert "Sentence 202." in shown(app, "turns")
        assert "Sentence 201." not in shown(app, "turns")
        assert "Gist 1." not in shown(app, "gists")
        await emit(pilot, engine, said(203, "A"), said(204, "B"))
        assert "Sentence 203." not in shown(app, "turns")
        assert "Sentence 204." in shown(app, "turns")
        await emit(pilot, engine, said(203, "B"))
        assert "Sentence 203." in shown(app, "turns"), "a revision has made it theirs"
        await pilot.press("F")
        assert "Sentence 201." in shown(app, "turns")


async def test_without_a_label_a_note_says_why_nothing_is_filtered() -> None:
    engine = ScriptedEngine()
    async with running(engine, size=(120, 36)) as (app, pilot):
        await emit(pilot, engine, said(201, "A"), said(202, None))
        await pilot.press("F")
        assert "did not label the speaker" in toasts(app)


@pytest.mark.parametrize(
    ("allowed", "answer", "remembered"),
    [
        (True, ["y"], True),
        (True, ["down", "enter"], True),
        (True, ["enter"], False),
        (True, ["escape"], False),
        (False, [], False),
    ],
)
async def test_a_named_voice_is_remembered_only_if_the_setting_allows_it_and_a_person_agrees(
    allowed: bool, answer: list[str], remembered: bool
) -> None:
    engine = ScriptedEngine()
    async with running(engine, size=(120, 36)) as (app, pilot):
        await emit(pilot, engine, SessionStarted(replace(SESSION, known_voices=allowed)), said(1, "A"))
        await pilot.press("R", "A", "n", "n", "enter")
        assert ("Remember the voice of Ann?" in shown(app)) == allowed
        await pilot.press(*answer)
        assert app.screen is app.dashboard
        assert NameSpeaker("A", "Ann") in engine.sent
        assert (RememberSpeaker("A") in engine.sent) == remembered


async def test_a_turn_that_is_transcribed_late_stands_where_it_was_said() -> None:
    said = [("you", 0.0, "One apple."), ("you", 8.0, "Two apples."), ("them", 4.0, "A late pear.")]
    engine = ScriptedEngine()
    async with running(engine, size=(120, 36)) as (app, pilot):
        tracks = (Track("you", "mic"), Track("them", "system"))
        await emit(pilot, engine, SessionStarted(replace(SESSION, tracks=tracks)))
        for number, (track, start_s, text) in enumerate(said, 1):
            spoken = replace(turn(number, text), track=track, start_s=start_s, end_s=start_s + 2)
            await emit(pilot, engine, TurnChanged(spoken), GistChanged(gist(number, number, f"Gist {number}.")))
        text = shown(app, "turns")
        assert text.index("One apple.") < text.index("A late pear.") < text.index("Two apples.")
        await pilot.press("home", "down")
        assert app.dashboard.body.turns.cursor == 3
        await pilot.press("shift+down")
        assert app.dashboard.body.turns.selected == [3, 2]
        await pilot.press("escape", "slash", *"apple", "enter", "n")
        assert app.dashboard.body.turns.matches == [1, 2]

"""Sources of several tracks: `NAME=SOURCE` or `SOURCE`, their names, and what is wrong with them in words."""

import pytest
from msgspec.structs import replace

from tests.session_fixtures import final_turn
from tui.errors import UsageError
from tui.model.edits import TurnEdit
from tui.model.events import TranscriptEdited, TurnChanged
from tui.model.session_state import SessionState
from tui.model.tracks import Track, TracksChanged, format_tracks, free_name, parse_track, parse_tracks
from tui.sessions.rest import transcribed_s


@pytest.mark.parametrize(
    ("text", "name", "source"),
    [
        ("mic", "", "mic"),
        ("you=mic", "you", "mic"),
        ("  my desk = mic:Røde NT=1 ", "my desk", "mic:Røde NT=1"),
        ("cmd:ffmpeg -i a=b -f wav -", "", "cmd:ffmpeg -i a=b -f wav -"),
        ("cmd:env A=1 parec", "", "cmd:env A=1 parec"),
        ("them=cmd:env A=1 parec", "them", "cmd:env A=1 parec"),
        ("/home/ada/a=b.wav", "", "/home/ada/a=b.wav"),
        ("Zoë=/home/ada/a=b.wav", "Zoë", "/home/ada/a=b.wav"),
        ("mic:A=B", "", "mic:A=B"),
        ("-", "", "-"),
        ("them=-", "them", "-"),
    ],
)
def test_a_name_ends_at_an_equals_sign_that_is_not_part_of_the_source(text: str, name: str, source: str) -> None:
    assert parse_track(text) == Track(name, source)


def test_several_tracks_get_names_from_their_sources() -> None:
    specs = ["mic", "mic:USB Audio (hw:1,0)", "cmd:parec --device=x", "/tmp/talk one.wav"]
    assert [track.name for track in parse_tracks(specs)] == ["mic", "USB Audio hw 1 0", "parec", "talk one"]
    others = parse_tracks(["system", "mic", "cmd:mic", "Mic=-"])
    assert [track.name for track in others] == ["system", "mic 2", "mic 3", "Mic"]
    assert free_name("mic", parse_tracks(["mic", "system"])) == "mic 2"


def test_one_track_without_a_name_stays_without_one() -> None:
    assert parse_tracks(["mic"]) == (Track("", "mic"),)
    assert parse_tracks(["you=mic"]) == (Track("you", "mic"),)
    assert format_tracks(parse_tracks(["mic"])) == "mic"
    assert format_tracks(parse_tracks(["you=mic", "system"])) == "you=mic, system=system"


@pytest.mark.parametrize(
    ("specs", "message"),
    [
        ([], "There is no source."),
        (["mic"] * 5, "A session has at most 4 tracks, and 5 sources are given."),
        (["you=mic", "YOU=system"], "Two tracks have the name 'YOU'."),
        (["you="], "The track 'you' has no source."),
        ([" "], "The source ' ' is empty."),
        (["a\0b"], "The source a b is not valid text."),
        (["caf\udce9.wav"], "The source caf�.wav is not valid text."),
        (["a=-", "b=-"], "Standard input can be only one track."),
        (["x" * 25 + "=mic"], f"The name of the track {'x' * 25!r} is too long."),
    ],
)
def test_an_error_of_a_track_has_a_reason(specs: list[str], message: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_tracks(specs)
    assert caught.value.message == message
    assert caught.value.hint


def test_the_turns_of_a_track_without_a_name_get_the_name_of_the_first_when_another_is_added() -> None:
    state = SessionState()
    state.apply(TurnChanged(final_turn(1, "hello there")))
    state.apply(TranscriptEdited((TurnEdit(1, (final_turn(1, "hello here"),)),)))
    tracks = (Track("mic", "mic"), Track("them", "system", start_s=2.0))
    for _ in range(2):  # A viewer may have it from its snapshot.
        state.apply(TracksChanged(tracks))
    state.apply(TurnChanged(replace(final_turn(2, "good morning", start_s=2.0), track="them")))
    assert [(turn.track, turn.text) for turn in state.finals] == [("mic", "hello here"), ("them", "good morning")]
    assert [turn.track for turn in state.transcript] == ["mic", "them"]
    assert transcribed_s(SessionState(), "them") == 0
    state.transcript.remove(2)
    assert transcribed_s(state, "them") == 2.0, "nothing of it is transcribed, and it begins there"

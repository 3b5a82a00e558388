"""Edits of a transcript: texts, splits, merges, undo, and the times of the words."""

from tui.model.edits import TurnEdit, edit_turn, merge_turns
from tui.model.events import Event, GistChanged, SpeakerNamed, TranscriptEdited, TurnBookmarked, TurnChanged
from tui.model.gists import Gist
from tui.model.session_state import SessionState
from tui.model.transcript import Turn, Word


def turn(number: int, text: str, speaker: str | None = None) -> Turn:
    """Return a turn with a word a second, from the second of its number times ten on."""
    words = tuple(Word(word, number * 10.0 + at, number * 10.0 + at + 1) for at, word in enumerate(text.split()))
    return Turn(number, text, True, words[0].start_s, words[-1].end_s, words, speaker)


def parts(edit: TurnEdit) -> tuple[Turn, ...]:
    assert edit.parts is not None
    return edit.parts


def state(*events: Event) -> SessionState:
    record = SessionState()
    for event in (TurnChanged(turn(1, "We ship it", "A")), TurnChanged(turn(2, "on Thursday no", "B")), *events):
        record.apply(event)
    return record


def texts(record: SessionState) -> list[str]:
    return [f"{each.speaker}: {each.text}" for each in record.finals]


def test_words_that_stay_keep_their_times_and_the_others_share_what_is_left() -> None:
    (edited,) = parts(edit_turn([turn(1, "the pool was full today")], 1, ["the carpool was half full today"], [None]))
    times = {word.text: (word.start_s, word.end_s) for word in edited.words}
    assert times["the"] == (10.0, 11.0)
    assert times["today"] == (14.0, 15.0)
    assert times["carpool"] == (11.0, 12.0)
    assert times["half"] == (13.0, 13.0)
    assert (edited.start_s, edited.end_s) == (10.0, 15.0)


def test_a_split_cuts_the_time_between_two_words() -> None:
    first, second = parts(edit_turn([turn(1, "ship it no wait", "A")], 1, ["ship it", "no wait"], [None, "B"]))
    assert (first.text, first.start_s, first.end_s, first.speaker) == ("ship it", 10.0, 12.0, "A")
    assert (second.text, second.start_s, second.end_s, second.speaker) == ("no wait", 12.0, 14.0, "B")


def test_a_turn_without_words_is_split_by_their_number() -> None:
    whole = Turn(1, "one two three four", True, 0.0, 8.0)
    first, second = parts(edit_turn([whole], 1, ["one two three", "four"], [None, None]))
    assert (first.end_s, second.start_s, second.end_s) == (6.0, 6.0, 8.0)


def test_merged_turns_are_one_with_the_words_of_both_and_can_be_split_again() -> None:
    stays, gone = merge_turns([turn(1, "We ship it", "A")], [turn(2, "on Thursday", "B")])
    (merged,) = parts(stays)
    assert (merged.text, merged.start_s, merged.end_s) == ("We ship it on Thursday", 10.0, 22.0)
    assert gone == TurnEdit(2, ())
    first, second = parts(edit_turn([merged], 1, ["We ship it", "on Thursday"], [None, None]))
    assert (first.end_s, second.start_s) == (13.0, 20.0)


def test_the_state_has_both_and_undo_goes_back_edit_by_edit() -> None:
    record = state()
    original = texts(record)
    record.apply(TranscriptEdited((edit_turn([turn(1, "We ship it", "A")], 1, ["We shipped it"], [None]),)))
    edited = texts(record)
    assert edited == ["A: We shipped it", "B: on Thursday no"]
    record.apply(TranscriptEdited(merge_turns(record.edits[1], [turn(2, "on Thursday no", "B")])))
    assert texts(record) == ["A: We shipped it on Thursday no"]
    assert [each.text for each in record.original_finals] == ["We ship it", "on Thursday no"]
    assert record.undo_edit is not None
    record.apply(record.undo_edit)
    assert texts(record) == edited
    record.apply(record.undo_edit)
    assert texts(record) == original
    assert record.undo_edit is None


def test_what_the_endpoint_sends_later_does_not_undo_an_edit() -> None:
    record = state(TranscriptEdited((edit_turn([turn(1, "We ship it", "A")], 1, ["We shipped it"], [None]),)))
    record.apply(TurnChanged(turn(1, "We sip it.", "A")))
    assert texts(record)[0] == "A: We shipped it"
    assert record.original_finals[0].text == "We sip it."


def test_gists_bookmarks_and_names_go_with_the_turn_that_took_over_another() -> None:
    record = state(
        SpeakerNamed("A", "Ann"),
        GistChanged(Gist(1, 1, "summary", "One.")),
        GistChanged(Gist(2, 2, "summary", "Two.")),
        TurnBookmarked(2, "decide"),
        TranscriptEdited(merge_turns([turn(1, "We ship it", "A")], [turn(2, "on Thursday no", "B")])),
    )
    (entry,) = record.entries()
    assert (entry.turn.speaker, entry.note, [gist.text for gist in entry.gists]) == ("Ann", "decide", ["One.", "Two."])


def test_of_the_parts_of_a_split_the_first_is_bookmarked_and_the_last_has_the_gist() -> None:
    record = state(
        GistChanged(Gist(1, 1, "summary", "One.")),
        TurnBookmarked(1, ""),
        TranscriptEdited((edit_turn([turn(1, "We ship it", "A")], 1, ["We", "ship it"], [None, None]),)),
    )
    shown = [(entry.turn.text, entry.note, [gist.text for gist in entry.gists]) for entry in record.entries()]
    assert shown[:2] == [("We", "", []), ("ship it", None, ["One."])]


def test_an_edited_turn_gets_the_speaker_of_a_revision_unless_a_person_named_another() -> None:
    state = SessionState()
    state.apply(TurnChanged(turn(1, "well yes", "A")))
    split = (turn(1, "well", "A"), turn(1, "yes", "C"))
    state.apply(TranscriptEdited((TurnEdit(1, split),)))
    state.apply(TurnChanged(turn(1, "well yes", "B")))
    assert [(part.text, part.speaker) for part in state.finals] == [("well", "B"), ("yes", "C")]

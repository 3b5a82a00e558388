from tests.session_fixtures import MEETING, meeting_events
from tui.model.prompts import Prompt
from tui.model.session_state import SessionState
from tui.sessions.metadata import SessionMetadata
from tui.sessions.qa import SessionExcerpt, cited_turns, excerpt, format_excerpts, merge_parts_messages, unknown_turns


def session_excerpt(id: str = "one", name: str = "") -> SessionExcerpt:
    record = SessionState()
    for event in meeting_events():
        record.apply(event)
    return excerpt(id, record, SessionMetadata(name))


def cited(answer: str, *sessions: SessionExcerpt) -> list[tuple[str, int]]:
    return [(quote.session, quote.turn) for quote in cited_turns(answer, sessions or [session_excerpt()])]


def test_a_model_reads_each_turn_with_its_number_and_time() -> None:
    lines = format_excerpts([session_excerpt()])
    assert lines[2] == f"[turn 3, 00:12] C: {MEETING[2][1]}"
    assert len(lines) == 5


def test_with_several_sessions_each_line_names_its_session() -> None:
    lines = format_excerpts([session_excerpt("one", "Standup"), session_excerpt("two")])
    assert lines[1].startswith("[Standup, turn 1, 00:00] A: ")
    assert lines[7].startswith("[two, turn 1, 00:00] A: ")


def test_the_turns_an_answer_names_are_quoted() -> None:
    assert cited("On Thursday [turn 2, 00:06].") == [("one", 2)]
    assert cited("See turns 2, 4 and so on.") == [("one", 2), ("one", 4)]
    assert cited("Turns 2–4 say so.") == [("one", 2), ("one", 3), ("one", 4)]


def test_a_time_is_not_a_turn_number() -> None:
    assert cited("At [turn 2, 03:04].") == [("one", 2)]
    assert cited("turn 3 at 00:05") == [("one", 3)]


def test_a_turn_quoted_verbatim_is_cited() -> None:
    assert cited(f"They said: {MEETING[2][1].upper()}") == [("one", 3)]


def test_a_turn_that_does_not_exist_is_reported_and_not_cited() -> None:
    assert cited("It was decided [turn 99, 12:00].") == []
    assert unknown_turns("It was decided [turn 99, 12:00] and [turn 2, 00:06].", [session_excerpt()]) == [99]


def test_with_several_sessions_a_citation_needs_the_title() -> None:
    both = session_excerpt("one", "Standup"), session_excerpt("two", "Retro")
    assert cited("Thursday [Retro, turn 2, 00:06].", *both) == [("two", 2)]


def test_answers_about_parts_are_merged_by_the_prompts_own_words() -> None:
    (message,) = merge_parts_messages(Prompt("Sum", "{{turn}}", "Sum up: {{transcript}}"), "Part 1: x")
    assert message.content.endswith("Sum up: Part 1: x")

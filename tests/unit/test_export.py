"""Each export format is parsed by an independent library."""

import csv
import io
import json
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest
import srt
import webvtt
from markdown_it import MarkdownIt
from msgspec.structs import replace

from tests.session_fixtures import MEETING, final_turn, finished_gist, meeting_events, store_session
from tui.errors import UsageError
from tui.model.events import Event, GistChanged, SessionStarted, SpeakerNamed, TurnBookmarked, TurnChanged
from tui.model.session import Session
from tui.model.session_state import SessionState
from tui.model.transcript import Turn
from tui.sessions.export import FORMATS, export, to_markdown
from tui.sessions.metadata import SessionMetadata
from tui.sessions.store import Store

SAID = [text for _, text in MEETING]


@pytest.fixture
def record(tmp_path: Path) -> SessionState:
    return store_session(Store(tmp_path / "sessions")).load()


def state_after(*events: Event) -> SessionState:
    record = SessionState()
    for event in events:
        record.apply(event)
    return record


HOSTILE = (
    "=1+1 --> <b>00:00:01,000</b> & \x1b[31m\u202e | `x`",
    "# no heading",
    "- no list",
    "1. no list either",
    "{{turns}}",
    "WEBVTT",
    "NOTE nothing",
)


@pytest.fixture
def hostile() -> SessionState:
    events: list[Event] = [TurnChanged(final_turn(number, text, "<v A>")) for number, text in enumerate(HOSTILE, 1)]
    return state_after(
        *events, GistChanged(finished_gist(1, 1, "<script>alert(1)</script>\n\n> quoted \x1b[31m\u202e", turns=0))
    )


def words(text: str) -> list[str]:
    return text.split()


def test_srt_is_read_by_a_parser_of_srt(record: SessionState) -> None:
    found = list(srt.parse(export(record, SessionMetadata(), "srt")))
    assert " ".join(words(" ".join(caption.content for caption in found))) == " ".join(
        f"{speaker}: {text}" for speaker, text in MEETING
    )
    assert [caption.index for caption in found] == list(range(1, len(found) + 1))
    assert found[0].start == timedelta(0)
    assert found[1].start >= found[0].end


def test_vtt_is_read_by_a_parser_of_vtt(record: SessionState) -> None:
    found = webvtt.from_buffer(io.StringIO(export(record, SessionMetadata(), "vtt")))
    assert " ".join(words(" ".join(caption.text for caption in found))) == " ".join(SAID)
    assert [caption.voice for caption in found][:2] == ["A", "B"]
    assert found[1].start_in_seconds >= found[0].end_in_seconds


def test_csv_is_read_by_the_standard_library(record: SessionState) -> None:
    rows = list(csv.DictReader(io.StringIO(export(record, SessionMetadata(), "csv"), newline="")))
    assert [row["text"] for row in rows] == SAID
    assert [row["gist"] for row in rows] == [f"Gist of turn {n}." for n in range(1, 6)]
    assert [float(row["start_s"]) for row in rows] == [0.0, 6.0, 12.0, 18.0, 24.0]


def test_json_contains_the_whole_session(record: SessionState) -> None:
    found = json.loads(export(record, SessionMetadata("Standup", ("work",)), "json"))
    assert found["about"] == {"name": "Standup", "tags": ["work"]}
    assert [turn["text"] for turn in found["turns"]] == SAID
    assert found["turns"][0]["words"][0] == {"text": "Good", "start_s": 0.0, "end_s": 0.25}
    assert len(found["gists"]) == 6
    assert found["session"]["speech_model"] == "u3-rt-pro"


def test_jsonl_has_one_object_per_line(record: SessionState) -> None:
    found = [json.loads(line) for line in export(record, SessionMetadata(), "jsonl").splitlines()]
    assert [line["type"] for line in found] == ["session", *["turn"] * 5, *["gist"] * 5, "analysis", "stats"]


def test_text_has_one_line_per_turn(record: SessionState) -> None:
    lines = export(record, SessionMetadata(), "txt").splitlines()
    assert lines[2] == "[00:12] C: What worries me is the connection pool: it was at ninety percent last week."
    assert len(lines) == 5


def test_markdown_has_headings_turns_and_quoted_gists(record: SessionState) -> None:
    tokens = MarkdownIt().parse(export(record, SessionMetadata("Standup", ("work",), "for *Maria*"), "md"))
    headings = [tokens[at + 1].content for at, token in enumerate(tokens) if token.type == "heading_open"]
    assert headings[:2] == ["Standup", "summary, 5 turns"]
    assert "Transcript" in headings
    assert sum(token.type == "blockquote_open" for token in tokens) == 6
    html = MarkdownIt().render(export(record, SessionMetadata(note="for *Maria*"), "md"))
    assert "Note: for *Maria*" in html


def test_a_template_changes_the_markdown(record: SessionState) -> None:
    text = to_markdown(record, SessionMetadata("Standup", ("a", "b")), "{{ title }} {{tags}}\n\n{{transcript}}")
    assert text.startswith("Standup #a #b\n\n`1` `00:00` **A:** Good morning")
    assert "Gist of turn" not in text


def test_an_unknown_placeholder_lists_the_available_ones(record: SessionState) -> None:
    with pytest.raises(UsageError, match="transscript") as refused:
        to_markdown(record, SessionMetadata(), "{{transscript}}")
    assert "transcript" in refused.value.hint


def test_an_unknown_format_lists_the_available_ones(record: SessionState) -> None:
    with pytest.raises(UsageError, match="docx") as refused:
        export(record, SessionMetadata(), "docx")
    assert "srt" in refused.value.hint


def test_hostile_text_is_escaped_in_srt(hostile: SessionState) -> None:
    found = list(srt.parse(export(hostile, SessionMetadata(), "srt"), ignore_errors=False))
    assert all("-->" not in caption.content for caption in found)
    assert "turns" in found[4].content


def test_hostile_text_is_escaped_in_vtt(hostile: SessionState) -> None:
    text = export(hostile, SessionMetadata(), "vtt")
    found = list(webvtt.from_buffer(io.StringIO(text)))
    assert len(found) >= len(HOSTILE)
    assert text.count(" --> ") == len(found)
    assert "<b>" not in text


def test_hostile_text_is_not_a_formula_in_csv(hostile: SessionState) -> None:
    rows = list(csv.DictReader(io.StringIO(export(hostile, SessionMetadata(), "csv"), newline="")))
    assert [row["text"].lstrip("'")[:5] for row in rows] == [text[:5] for text in HOSTILE]
    assert {cell for row in rows for cell in row.values() if cell.startswith(("=", "+", "-", "@"))} == set()


def test_hostile_text_is_escaped_in_markdown(hostile: SessionState) -> None:
    html = MarkdownIt("commonmark").render(export(hostile, SessionMetadata(), "md"))
    assert "<script>" not in html
    assert "<b>" not in html
    assert html.count("<h1>") == 1
    assert "<ol" not in html
    assert html.count("<ul>") == 1
    assert "{{turns}}" in html


@pytest.mark.parametrize("format", ["txt", "srt", "vtt", "md"])
def test_the_spelling_is_kept_with_joiners_and_soft_hyphens(format: str) -> None:
    text = "می\u200cخواهم 👩\u200d🚀 co\u00adoperate"
    assert text in export(state_after(TurnChanged(final_turn(1, text))), SessionMetadata(), format)


@pytest.mark.parametrize("format", [name for name in FORMATS if not name.startswith("json")])
def test_no_export_contains_terminal_controls(hostile: SessionState, format: str) -> None:
    text = export(hostile, SessionMetadata(), format)
    assert "\x1b" not in text
    assert "\u202e" not in text
    assert "no list either" in text


@pytest.mark.parametrize("format", FORMATS)
def test_an_empty_session_can_be_exported(format: str) -> None:
    text = export(SessionState(), SessionMetadata(), format)
    match format:
        case "srt":
            assert list(srt.parse(text)) == []
        case "vtt":
            assert list(webvtt.from_buffer(io.StringIO(text))) == []
        case "json":
            assert json.loads(text)["turns"] == []
        case "md":
            assert "There are no turns." in text
        case "jsonl":
            assert {json.loads(line)["type"] for line in text.splitlines()} <= {"stats", "session", "state"}
        case "csv":
            assert list(csv.DictReader(io.StringIO(text, newline=""))) == []
        case _:
            assert text == ""


@pytest.mark.parametrize("format", FORMATS)
def test_only_finished_turns_are_exported(format: str) -> None:
    partial = final_turn(2, "not yet", None)
    record = state_after(*meeting_events()[:1], TurnChanged(type(partial)(2, "not yet", False, 6, 7)))
    text = export(record, SessionMetadata(), format)
    assert "Good morning everybody" in text
    assert "not yet" not in text


@pytest.fixture
def marked() -> SessionState:
    return state_after(
        *meeting_events(), TurnBookmarked(2, "tell *Ann*"), TurnBookmarked(3, ""), SpeakerNamed("B", "Bob <b>")
    )


@pytest.mark.parametrize("format", FORMATS)
def test_speakers_are_called_by_their_names_everywhere(marked: SessionState, format: str) -> None:
    assert "Bob" in export(marked, SessionMetadata(), format)


def test_bookmarks_go_with_their_turns(marked: SessionState) -> None:
    rows = list(csv.DictReader(io.StringIO(export(marked, SessionMetadata(), "csv"), newline="")))
    assert [row["bookmark"] for row in rows] == ["", "★ tell *Ann*", "★", "", ""]
    html = MarkdownIt().render(export(marked, SessionMetadata(), "md"))
    assert "<strong>★ tell *Ann*</strong> <strong>Bob &lt;b&gt;:</strong> The migration" in html
    assert json.loads(export(marked, SessionMetadata(), "json"))["bookmarks"][0] == {
        "type": "bookmark",
        "turn": 2,
        "note": "tell *Ann*",
    }


LATE = Turn(1, "Goodbye.", True, 3723.456, 3724.956)
"""It begins after 1 h 2 min 3.456 s and lasts 1.5 s."""


@pytest.mark.parametrize(
    ("format", "line"),
    [
        ("srt", "01:02:03,456 --> 01:02:04,956"),
        ("vtt", "01:02:03.456 --> 01:02:04.956"),
        ("csv", "1,3723.456,3724.956,,Goodbye.,,"),
        ("md", "`1` `1:02:03` Goodbye."),
        ("txt", "[1:02:03] Goodbye."),
    ],
)
def test_times_go_beyond_an_hour(format: str, line: str) -> None:
    assert line in export(state_after(TurnChanged(LATE)), SessionMetadata(), format).splitlines()


def test_markdown_begins_with_the_facts_of_the_session() -> None:
    session = Session(
        id="a", path="/a", started_at="2026-11-22T09:45:31+01:00", source="mic:USB_1", engine="local",
        endpoint="", speech_model="", llm_model="",
    )  # fmt: skip
    record = state_after(SessionStarted(session), TurnChanged(LATE))
    assert export(record, SessionMetadata(note="short", tags=("work", "q4")), "md").splitlines()[:7] == [
        "# Session of 2026-11-22 09:45",
        "",
        "- Started: 2026-11-22 09:45",
        "- Length: 1:02:04",
        "- Source: mic:USB\\_1",
        "- Tags: #work #q4",
        "- Note: short",
    ]


def test_an_analysis_says_of_how_many_turns_it_is(record: SessionState) -> None:
    assert "## summary, 5 turns" in export(record, SessionMetadata(), "md").splitlines()


SESSION_FACTS = ("id", "path", "started_at", "source", "engine", "endpoint", "speech_model", "llm_model")


def tracks_record() -> SessionState:
    """Return a session with two tracks whose turns were numbered in another order than they were spoken."""
    session = msgspec.convert(
        dict.fromkeys(SESSION_FACTS, "x") | {"tracks": [{"name": "you"}, {"name": "<them>"}]}, Session
    )
    turns = (
        final_turn(1, "Second, later.", start_s=5.0),
        final_turn(2, "First words here.", start_s=1.0),
        final_turn(3, "Third and last.", "<them> A", start_s=9.0),
    )
    names = ("you", "<them>", "<them>")
    changed = [TurnChanged(replace(turn, track=name)) for turn, name in zip(turns, names, strict=True)]
    return state_after(SessionStarted(session), *changed, SpeakerNamed("<them> A", "Ann"))


@pytest.mark.parametrize(
    ("format", "parts"),
    [
        ("txt", ["[00:01] <them>: First", "[00:05] you: Second", "[00:09] <them> Ann: Third"]),
        ("md", [r"`2` `00:01` **\<them\>:** First", "`00:05` **you:** Second", r"`00:09` **\<them\> Ann:** Third"]),
        ("srt", ["<them>: First", "you: Second", "<them> Ann: Third"]),
        ("vtt", ["<v &lt;them&gt;>First", "<v you>Second", "<v &lt;them&gt; Ann>Third"]),
        ("csv", ["bookmark,track", "2,1.000,1.850,,First words here.,,,<them>", "Ann,Third and last.,,,<them>"]),
        ("json", ['"track": "<them>"', '"track": "you"']),
        ("jsonl", ['"text":"First words here."', '"track":"you"', '"track":"<them>"']),
    ],
)
def test_turns_of_several_tracks_are_in_the_order_of_time_with_the_names(format: str, parts: list[str]) -> None:
    text = export(tracks_record(), SessionMetadata(), format)
    places = [text.index(part) for part in parts]
    assert format in ("json", "jsonl") or places == sorted(places)


def test_a_session_with_one_track_has_no_further_column(record: SessionState) -> None:
    assert export(record, SessionMetadata(), "csv").splitlines()[0] == "turn,start_s,end_s,speaker,text,gist,bookmark"

"""Export of a session as Markdown, text, captions, JSON or CSV. Pure."""

import copy
import csv
import io
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import msgspec
from msgspec.structs import replace

from tui.errors import UsageError
from tui.model.events import GistChanged, SessionStarted, StatsChanged, TurnBookmarked, TurnChanged
from tui.model.gaps import Gap
from tui.model.gists import Gist
from tui.model.lines import json_line
from tui.model.session import Session
from tui.model.session_state import SessionState, TranscriptEntry
from tui.model.stats import Stats
from tui.model.transcript import Turn
from tui.sessions.captions import captions
from tui.sessions.journal import FORMAT
from tui.sessions.metadata import SessionMetadata
from tui.text import clock, escape_markdown, file_text, plural

TEMPLATE = """\
# {{title}}

{{facts}}

{{analyses}}

## Transcript

{{turns}}
"""
"""Default template for Markdown."""
CSV_COLUMNS = ("turn", "start_s", "end_s", "speaker", "text", "gist", "bookmark")
TRACK_COLUMN = "track"
"""Further column of a session whose tracks have names."""
MARK = "★"
"""Precedes a bookmarked turn."""


class Document(msgspec.Struct, frozen=True, rename={"metadata": "about", "reason": "why"}):
    """The JSON export of a session."""

    format: int
    session: Session | None
    metadata: SessionMetadata
    state: str
    reason: str
    turns: tuple[Turn, ...]
    gists: tuple[Gist, ...]
    bookmarks: tuple[TurnBookmarked, ...]
    speakers: dict[str, str]
    """Names by the endpoint's labels; `turns` contain the names."""
    stats: Stats


def to_json(state: SessionState, metadata: SessionMetadata) -> str:
    """Return one JSON object with the whole session."""
    document = Document(
        FORMAT,
        _session(state),
        metadata,
        state.state,
        state.reason,
        tuple(state.finals),
        tuple(state.gists.values()),
        tuple(TurnBookmarked(turn, note) for turn, note in state.bookmarks.items()),
        state.speakers,
        state.stats,
    )
    return msgspec.json.format(msgspec.json.encode(document), indent=2).decode() + "\n"


def to_jsonl(state: SessionState, metadata: SessionMetadata) -> str:
    """Return one JSON object per line, as `livegist stream --json` prints them."""
    session = _session(state)
    events: list[Any] = [SessionStarted(session)] if session else []
    events += [TurnChanged(turn) for turn in state.finals]
    events += [GistChanged(gist) for gist in state.gists.values()]
    events.append(StatsChanged(state.stats))
    return "".join(f"{line}\n" for event in events if (line := json_line(event)) is not None)


def to_text(state: SessionState, metadata: SessionMetadata) -> str:
    """Return the turns with their times, one line each."""
    lines = []
    for turn, gaps in _with_gaps(state, state.finals):
        lines += [f"[{clock(gap.start_s, padded=True)}] ({gap})\n" for gap in gaps]
        lines.append(f"[{clock(turn.start_s, padded=True)}] {_text_line(turn)}\n")
    return "".join(lines)


def to_csv(state: SessionState, metadata: SessionMetadata) -> str:
    """Return a table with one row per turn (RFC 4180).

    An apostrophe precedes text that a spreadsheet would read as a formula (OWASP's advice on CSV injection).
    """
    table = io.StringIO(newline="")
    writer = csv.writer(table)
    tracks = bool(state.tracks)
    writer.writerow((*CSV_COLUMNS, TRACK_COLUMN) if tracks else CSV_COLUMNS)
    for turn, note, about in state.entries():
        gists = "\n".join(file_text(line) for gist in about for line in gist.text.splitlines())
        mark = "" if note is None else f"{MARK} {file_text(note)}".rstrip()
        cells = [file_text(turn.speaker or ""), file_text(turn.text), gists, mark]
        if tracks:
            cells.append(file_text(turn.track))
        writer.writerow((turn.number, f"{turn.start_s:.3f}", f"{turn.end_s:.3f}", *map(_no_formula, cells)))
    return table.getvalue()


def to_srt(state: SessionState, metadata: SessionMetadata) -> str:
    """Return SubRip captions."""
    parts = []
    for number, caption in enumerate(captions(state.finals, with_speakers=True), 1):
        times = f"{_timestamp(caption.start_s, ',')} --> {_timestamp(caption.end_s, ',')}"
        text = "\n".join(caption.lines).replace("-->", "→")
        parts.append(f"{number}\n{times}\n{text}\n\n")
    return "".join(parts)


def to_vtt(state: SessionState, metadata: SessionMetadata) -> str:
    """Return WebVTT captions with speakers as voice spans."""
    parts = ["WEBVTT\n\n"]
    for caption in captions(state.finals):
        times = f"{_timestamp(caption.start_s, '.')} --> {_timestamp(caption.end_s, '.')}"
        text = _html("\n".join(caption.lines))
        voice = f"<v {_html(file_text(caption.speaker))}>" if caption.speaker else ""
        parts.append(f"{times}\n{voice}{text}\n\n")
    return "".join(parts)


def to_markdown(
    state: SessionState,
    metadata: SessionMetadata,
    template: str = TEMPLATE,
    prompt_names: Mapping[str, str] = MappingProxyType({}),
) -> str:
    """Return Markdown: a template with its `{{…}}` placeholders replaced.

    Args:
        state: the session.
        metadata: its name, tags and note.
        template: the template.
        prompt_names: names of prompts by id; a prompt without one is shown by its id.

    Raises:
        UsageError: the template contains an unknown placeholder.
    """
    fields = _markdown_fields(_with_prompt_names(state, prompt_names), metadata)

    def fill(placeholder: re.Match[str]) -> str:
        name = placeholder[1]
        if name not in fields:
            raise UsageError(f"Unknown template placeholder: {placeholder[0]}.", f"Available: {', '.join(fields)}.")
        return fields[name]

    filled = re.sub(r"\{\{\s*(\w*)\s*\}\}", fill, template)
    return re.sub(r"\n{3,}", "\n\n", filled).strip() + "\n"


FORMATS: dict[str, Callable[[SessionState, SessionMetadata], str]] = {
    "md": to_markdown,
    "txt": to_text,
    "srt": to_srt,
    "vtt": to_vtt,
    "json": to_json,
    "jsonl": to_jsonl,
    "csv": to_csv,
}
"""Export functions by the file's extension."""


def export(
    state: SessionState,
    metadata: SessionMetadata,
    format: str,
    prompt_names: Mapping[str, str] = MappingProxyType({}),
) -> str:
    """Return a session in one of `FORMATS`; Markdown with the names of the prompts.

    Raises:
        UsageError: the format is unknown.
    """
    if format not in FORMATS:
        raise UsageError(f"Unknown format: {format!r}.", f"Available: {', '.join(FORMATS)}.")
    if format == "md":
        return to_markdown(state, metadata, prompt_names=prompt_names)
    return FORMATS[format](state, metadata)


def _with_prompt_names(state: SessionState, names: Mapping[str, str]) -> SessionState:
    """Return the state with the names of prompts in place of their ids."""
    named = copy.copy(state)
    named.gists = {
        number: replace(gist, prompt=names.get(gist.prompt, gist.prompt)) for number, gist in state.gists.items()
    }
    return named


def _markdown_fields(state: SessionState, metadata: SessionMetadata) -> dict[str, str]:
    session, entries = state.session, state.entries()
    started = session.started_at.replace("T", " ")[:16] if session else ""
    length = clock(state.length_s, padded=True)
    facts = {
        "Started": started,
        "Length": length,
        "Source": escape_markdown(state.source),
        "Tags": " ".join(f"#{tag}" for tag in metadata.tags),
        "Note": escape_markdown(metadata.note),
    }
    return {
        "title": escape_markdown(metadata.name) or f"Session of {started or 'an unknown date'}",
        "started": started,
        "length": length,
        "tags": facts["Tags"],
        "note": facts["Note"],
        "facts": "\n".join(f"- {name}: {fact}" for name, fact in facts.items() if fact),
        "analyses": "\n\n".join(_analyses(state)),
        "turns": "\n\n".join(_after_gaps(state, entries, _turn)) or "There are no turns.",
        "transcript": "\n\n".join(_after_gaps(state, entries, _turn_line)),
    }


def _analyses(state: SessionState) -> Iterator[str]:
    for gist in state.gists.values():
        if gist.turn is None and gist.text:
            head = gist.question or f"{gist.prompt}, {plural(gist.turns, 'turn')}"
            yield f"## {escape_markdown(head)}\n\n{_quoted(gist)}"


def _with_gaps(state: SessionState, turns: Iterable[Turn]) -> Iterator[tuple[Turn, list[Gap]]]:
    """Yield turns, each with the gaps before it; those of a turn with several parts are before the first."""
    previous = 0
    for turn in turns:
        yield turn, state.gaps_before(turn.number) if turn.number != previous else []
        previous = turn.number


def _session(state: SessionState) -> Session | None:
    """Return the facts about a session, with the tracks that were added to it; `None` if there are none."""
    if state.session is None or state.source == state.session.source:
        return state.session
    return replace(state.session, source=state.source, tracks=state.tracks)


def _after_gaps(
    state: SessionState, entries: Sequence[TranscriptEntry], text: Callable[[TranscriptEntry], str]
) -> Iterator[str]:
    """Yield entries as Markdown, and the gaps before them."""
    turns = _with_gaps(state, [entry.turn for entry in entries])
    for entry, (_, gaps) in zip(entries, turns, strict=True):
        yield from (f"*{str(gap).capitalize()}*" for gap in gaps)
        yield text(entry)


def _turn(entry: TranscriptEntry) -> str:
    return "\n\n".join([_turn_line(entry), *(_quoted(gist) for gist in entry.gists if gist.text)])


def _turn_line(entry: TranscriptEntry) -> str:
    turn, note = entry.turn, entry.note
    speaker = f"**{escape_markdown(turn.voice)}:** " if turn.voice else ""
    mark = "" if note is None else f"**{MARK} {escape_markdown(note)}".rstrip() + "** "
    return f"`{turn.number}` `{clock(turn.start_s, padded=True)}` {mark}{speaker}{escape_markdown(turn.text)}"


def _quoted(gist: Gist) -> str:
    """Return an answer as a block quote: its Markdown is kept, HTML in it is escaped."""
    text = gist.text.replace("<", "&lt;")
    prompt = f"{escape_markdown(gist.prompt)}, " if gist.prompt else ""
    author = f"*{prompt}by {escape_markdown(gist.model) or 'an unnamed model'}*"
    return "\n".join(f"> {file_text(line)}".rstrip() for line in [*text.splitlines(), "", author])


def _text_line(turn: Turn) -> str:
    return file_text(f"{turn.voice}: {turn.text}" if turn.voice else turn.text)


def _html(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _no_formula(cell: str) -> str:
    return f"'{cell}" if cell.startswith(("=", "+", "-", "@", "\t", "\r")) else cell


def _timestamp(seconds: float, point: str) -> str:
    whole, milliseconds = divmod(round(seconds * 1000), 1000)
    minutes, rest = divmod(whole, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02}:{minutes:02}:{rest:02}{point}{milliseconds:03}"

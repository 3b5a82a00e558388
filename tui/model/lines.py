"""Events as lines of output: JSON objects or plain text. Pure."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import msgspec

from tui.model.events import (
    Event,
    GistChanged,
    Notice,
    Rejected,
    SessionStarted,
    Severity,
    State,
    StateChanged,
    StatsChanged,
    TurnChanged,
)
from tui.model.gists import Gist, GistStatus
from tui.text import clock, plural, terminal_line

_encoder = msgspec.json.Encoder()


def json_line(event: Event, room: str = "") -> str | None:
    """Return the line that `livegist stream --json` prints for an event, or `None`.

    `type` is one of `session`, `state`, `turn`, `gist`, `analysis`, `error`, `stats`.

    Args:
        event: the event.
        room: name of its room, which becomes the field `room`; empty for no such field.
    """
    fields = _fields(event)
    return None if fields is None else _encoder.encode(fields | ({"room": room} if room else {})).decode()


def _fields(event: Event) -> dict[str, Any] | None:
    match event:
        case SessionStarted(session=session):
            return {"type": "session"} | _wire_fields(session)
        case StateChanged():
            return {"type": "state", "state": event.state, "why": event.reason, "hint": event.hint}
        case TurnChanged(turn=turn):
            return {"type": "turn"} | _wire_fields(turn)
        case GistChanged(gist=gist) if gist.status.over:
            return {"type": "gist" if gist.turn is not None else "analysis"} | _wire_fields(gist)
        case Notice(severity=severity, text=text, hint=hint):
            return {"type": "error", "severity": severity, "text": text, "hint": hint}
        case Rejected(text=text, hint=hint):
            return {"type": "error", "severity": Severity.ERROR, "text": text, "hint": hint}
        case StatsChanged(stats=stats):
            return {"type": "stats"} | _wire_fields(stats)
        case _:
            return None


def _wire_fields(value: msgspec.Struct) -> dict[str, Any]:
    """Return all fields by their wire names, including those with their default value."""
    return {
        name: [_wire_fields(part) for part in entry] if isinstance(entry, tuple) else entry
        for name, entry in (
            (encoded, getattr(value, name))
            for name, encoded in zip(value.__struct_fields__, value.__struct_encode_fields__, strict=True)
        )
    }


def text_line(event: Event, prompt_names: Mapping[str, str] = MappingProxyType({})) -> str | None:
    """Return the line that `livegist stream` prints for an event, sanitised, or `None`.

    Args:
        event: the event.
        prompt_names: names of prompts by id.
    """
    match event:
        case TurnChanged(turn=turn) if turn.final:
            speaker = f"{turn.voice}: " if turn.voice else ""
            return f"[{clock(turn.start_s, padded=True)}] {terminal_line(speaker + turn.text)}"
        case GistChanged(gist=gist) if gist.status.over:
            return _gist_line(gist, prompt_names.get(gist.prompt, gist.prompt))
        case _:
            return None


def status_line(event: Event) -> str | None:
    """Return the line on stderr for a change of state or a notice, or `None`.

    A failure has no line: it ends the command, which prints the error.
    """
    match event:
        case StateChanged(state=State.FAILED):
            return None
        case StateChanged(state=state, reason=why, hint=hint):
            return terminal_line(f"{state.word}: {why} {hint}".rstrip() if why else state.word)
        case Notice(text=text, hint=hint) | Rejected(text=text, hint=hint):
            return terminal_line(f"{text} {hint}".rstrip())
        case SessionStarted(session=session):
            storage = f"saved in {session.path}" if session.path else "not saved"
            return terminal_line(f"recording {session.source}, {storage}")
        case _:
            return None


def _gist_line(gist: Gist, prompt: str) -> str:
    about = f"turn {gist.turn}" if gist.turn is not None else f"the session, {plural(gist.turns, 'turn')}"
    kind = f"answer to “{terminal_line(gist.question)}” from" if gist.question else f"{terminal_line(prompt)} of"
    head = f"  {kind} {about}"
    if gist.status is not GistStatus.DONE:
        return f"{head}: {gist.status}. {terminal_line(gist.error)}"
    body = "\n".join(f"    {terminal_line(line)}" for line in gist.text.splitlines())
    return f"{head}, by {terminal_line(gist.model) or 'an unnamed model'}:\n{body}"

"""Input of the line interface: parses typed commands. Pure."""

from collections.abc import Mapping
from enum import StrEnum
from typing import NamedTuple

from msgspec.structs import replace

from tui.errors import UsageError
from tui.model.commands import (
    AddTrack,
    Analyse,
    Ask,
    AskAllTurns,
    Bookmark,
    Command,
    ContinueSession,
    EditTurn,
    ExportSession,
    ListDevices,
    MergeTurn,
    Mute,
    NameSpeaker,
    Option,
    Quit,
    Recover,
    RememberSpeaker,
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
from tui.model.tracks import Track, parse_track
from tui.presentation.finishing import consequence, is_finishing
from tui.presentation.view_model import ViewModel

COMMANDS = (
    ("start", "", "start a session"),
    ("recover", "", "transcribe the rest of an incomplete session"),
    ("stop", "now", "end the wait for the last turns; without now: stop recording, wait for them, end the session"),
    ("mute", "TRACK", "record and send silence; without TRACK, for all tracks"),
    ("unmute", "TRACK", "record the input again"),
    ("prompt", "N or ID", "switch the prompt"),
    ("extra-prompts", "IDS", "set up to three more prompts for each turn; without IDS, none"),
    ("ask-all", "", "ask the prompts in use about all turns so far"),
    ("analyse", "ID", "analyse the whole session so far"),
    ("ask", "QUESTION", "ask a question about the session so far"),
    ("retry", "", "ask again for the newest missing answer"),
    ("bookmark", "N NOTE", "bookmark turn N (default: the newest), with an optional note"),
    ("unbookmark", "N", "remove the bookmark of turn N"),
    ("title", "TITLE", "set the title of the session; without TITLE, remove it"),
    ("edit", "N TEXT", "replace the text of turn N; | splits it"),
    ("merge", "N", "append the next turn to turn N"),
    ("undo", "", "undo the newest edit"),
    ("name", "LABEL NAME", "name a speaker in all turns"),
    ("only", "SPEAKER", "print the turns of one speaker and their answers only; without SPEAKER, all"),
    ("remember", "LABEL", "remember the voice of a named speaker for later sessions"),
    ("gain", "DB TRACK", "set the input gain, in dB; without TRACK, of the first"),
    ("devices", "", "list audio devices"),
    ("device", "NAME", "switch the audio device, of another track with TRACK=NAME"),
    ("add", "NAME", "record from a further audio device as a track, called TRACK with TRACK=NAME"),
    ("stop-track", "TRACK", "stop recording a track; the others go on"),
    ("export", "FORMAT", "write the session to a file: md, txt, srt, vtt, json, jsonl, csv"),
    ("prompts", "", "list prompts"),
    ("status", "", "show the state of the session"),
    ("help", "", "list commands"),
    ("detach", "", "detach; the session continues"),
    ("quit", "", "end the session and the engine"),
)
"""Name, arguments and description of each command."""

FORMER_NAMES = {
    "lens": "extra-prompts",
    "all": "ask-all",
    "again": "retry",
    "leave": "detach",
    "mark": "bookmark",
    "unmark": "unbookmark",
}
"""Former names of commands, still accepted."""


class ShowOnly(NamedTuple):
    """Print the turns of one speaker only."""

    speaker: str
    """Label or name; empty for all."""


class LocalCommand(StrEnum):
    """Commands that are not sent to the engine."""

    PROMPTS = "prompts"
    STATUS = "status"
    HELP = "help"
    DETACH = "detach"


def parse_command(
    line: str, view_model: ViewModel, options: Mapping[str, Option]
) -> list[Command] | LocalCommand | ShowOnly:
    """Return the commands of a typed line; none for an empty line.

    Args:
        line: the line as typed.
        view_model: the session that the command refers to.
        options: settings of the sessions started here.

    Raises:
        UsageError: the line is not a valid command.
    """
    word, _, rest = line.strip().partition(" ")
    word, rest = FORMER_NAMES.get(word.lower(), word.lower()), rest.strip()
    match word:
        case "":
            return []
        case "prompts" | "status" | "help" | "detach":
            return LocalCommand(word)
        case "start" if view_model.stopped_at:
            return [ContinueSession()]
        case "start":
            return [Start(dict(options))]
        case "recover":
            return [Recover("", dict(options))]
        case "stop":
            return [_stop(rest, view_model)]
        case "stop-track" if rest:
            return [StopTrack(rest)]
        case "mute" | "unmute":
            return [Mute(word == "mute", rest)]
        case "prompt":
            return [UsePrompt(_prompt(rest, view_model))]
        case "extra-prompts":
            return [UseExtraPrompts(tuple(_prompt(part, view_model) for part in rest.split()))]
        case "ask-all":
            return [AskAllTurns(id) for id in view_model.asking if view_model.unasked(id)]
        case "analyse":
            return [Analyse(_prompt(rest, view_model) if rest else "")]
        case "ask" if rest:
            return [Ask(rest)]
        case "retry":
            return [_retry(view_model)]
        case "title":
            return [SetTitle(rest)]
        case "edit" | "merge" | "undo":
            return [_edit(word, rest)]
        case "bookmark" | "unbookmark":
            return [_bookmark(rest, view_model, marked=word == "bookmark")]
        case "name" if rest:
            return [_name_speaker(rest, view_model)]
        case "only":
            return ShowOnly(rest)
        case "remember" if rest:
            return [RememberSpeaker(rest)]
        case "gain":
            number, _, track = rest.partition(" ")
            return [SetGain(_number(number), track.strip())]
        case "devices":
            return [ListDevices()]
        case "device" if rest:
            device = _track_of_device(rest)
            return [UseSource(device.source, device.name)]
        case "add" if rest:
            device = _track_of_device(rest)
            return [AddTrack(f"{device.name}={device.source}" if device.name else device.source)]
        case "export" if rest:
            return [ExportSession("", rest)]
        case "quit":
            return [Quit()]
    usage = next((f"{name} {arguments}".strip() for name, arguments, _ in COMMANDS if name == word), "")
    raise UsageError(f"Usage: {usage}" if usage else f"Unknown command: {word}.", "Type help for all commands.")


def _stop(rest: str, view_model: ViewModel) -> Stop:
    now = rest.lower() == "now"
    if rest and not now:
        raise UsageError("Usage: stop now", "Without now, the last turns are waited for.")
    if now and not is_finishing(view_model):
        raise UsageError("The session is not finishing.", "Type stop first; stop now then ends the wait.")
    if is_finishing(view_model) and not now:
        raise UsageError(
            f"The session is finishing. {consequence(view_model, 'recover')}", "Type stop now to end the wait."
        )
    return Stop(abandon=now)


def _prompt(text: str, view_model: ViewModel) -> str:
    """Return the id of the prompt with that number, id or name."""
    if text.isdecimal() and 0 < int(text) <= len(view_model.prompts):
        return view_model.prompts[int(text) - 1].id
    for prompt in view_model.prompts:
        if text.casefold() in (prompt.id.casefold(), prompt.name.casefold()):
            return prompt.id
    raise UsageError(f"Unknown prompt: {text}." if text else "Name a prompt.", "Type prompts for a list.")


def _track_of_device(text: str) -> Track:
    """Return the track that records from a device, `NAME` or `TRACK=NAME`."""
    track = parse_track(text)
    device = track.source in ("mic", "system") or track.source.startswith("mic:")
    return track if device else replace(track, source=f"mic:{track.source}")


def _retry(view_model: ViewModel) -> Command:
    missing = view_model.missing
    if not missing:
        raise UsageError("No answer is missing.", "")
    gist = missing[-1]
    if gist.turn is not None:
        return RetryGist(gist.number)
    return Ask(gist.question) if gist.question else Analyse(gist.prompt)


def _name_speaker(rest: str, view_model: ViewModel) -> NameSpeaker:
    """Return the command that names a speaker; a label such as `you A` has a space."""
    labels = {turn.speaker for turn in view_model.transcript.finals if turn.speaker}
    typed = f"{rest} ".casefold()
    known = [label for label in labels if typed.startswith(f"{label} ".casefold())]
    label = max(known, key=len, default=rest.partition(" ")[0])
    return NameSpeaker(label, rest[len(label) :].strip())


def _bookmark(rest: str, view_model: ViewModel, *, marked: bool) -> Bookmark:
    first, _, note = rest.partition(" ")
    newest = view_model.newest_final()
    if first.isdecimal():
        return Bookmark(int(first), note.strip() if marked else None)
    if newest is None:
        raise UsageError("No turn is final yet.", "Wait for the first turn to end.")
    return Bookmark(newest.number, rest if marked else None)


def _edit(word: str, rest: str) -> Command:
    number, _, text = rest.partition(" ")
    if word == "undo":
        return UndoEdit()
    if not number.isdecimal() or (word == "edit" and not text.strip()):
        raise UsageError(f"Usage: {word} N{' TEXT' if word == 'edit' else ''}", "N is the number of a turn.")
    return MergeTurn(int(number)) if word == "merge" else EditTurn(int(number), tuple(text.split("|")))


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise UsageError("Usage: gain DB", "For example: gain 6") from None

"""What a person types: words, made into commands. Pure."""

from collections.abc import Mapping
from enum import StrEnum

from tui.errors import UsageError
from tui.model.commands import (
    Analyse,
    Ask,
    AskAllTurns,
    Bookmark,
    Command,
    ExportSession,
    ListDevices,
    Mute,
    NameSpeaker,
    Option,
    Quit,
    Recover,
    RetryGist,
    SetGain,
    Start,
    Stop,
    UseExtraPrompts,
    UsePrompt,
    UseSource,
)
from tui.presentation.view_model import ViewModel

COMMANDS = (
    ("start", "", "start listening: a new session"),
    ("recover", "", "send what a session recorded but never had transcribed"),
    ("stop", "", "stop listening, wait for what is still to come, end the session"),
    ("mute", "", "record and send silence"),
    ("unmute", "", "record what is heard again"),
    ("prompt", "N or ID", "use another prompt from now on"),
    ("lens", "IDS", "ask up to three more prompts about each turn; none takes them away"),
    ("all", "", "ask the prompts in use about the turns so far, too"),
    ("analyse", "ID", "ask the LLM about the whole session so far"),
    ("ask", "QUESTION", "ask a question about what was said so far"),
    ("again", "", "ask again for the newest answer that did not come"),
    ("mark", "N NOTE", "mark a turn, the newest without a number; a note may follow"),
    ("unmark", "N", "take a mark away"),
    ("name", "LABEL NAME", "give a speaker a name, in all turns"),
    ("gain", "DB", "record so much louder, or softer below 0"),
    ("devices", "", "name what there is to record from"),
    ("device", "NAME", "record from another device"),
    ("export", "FORMAT", "write the session to a file: md, txt, srt, vtt, json, jsonl, csv"),
    ("prompts", "", "name the prompts"),
    ("status", "", "say where the session is"),
    ("help", "", "say these words"),
    ("leave", "", "leave; the session goes on"),
    ("quit", "", "end the session and the engine, and leave"),
)
"""Each word, what may follow it, and what it does."""


class LocalCommand(StrEnum):
    """Words that ask nothing of the engine."""

    PROMPTS = "prompts"
    STATUS = "status"
    HELP = "help"
    LEAVE = "leave"


def parse_command(line: str, picture: ViewModel, options: Mapping[str, Option]) -> list[Command] | LocalCommand:
    """Return what a line asks for; nothing for an empty one.

    Args:
        line: as it was typed.
        picture: what the words are about.
        options: settings that every session started here gets.

    Raises:
        UsageError: it says nothing that can be done.
    """
    word, _, rest = line.strip().partition(" ")
    rest = rest.strip()
    match word.lower():
        case "":
            return []
        case "prompts" | "status" | "help" | "leave":
            return LocalCommand(word.lower())
        case "start":
            return [Start(dict(options))]
        case "recover":
            return [Recover("", dict(options))]
        case "stop":
            return [Stop()]
        case "mute" | "unmute":
            return [Mute(word.lower() == "mute")]
        case "prompt":
            return [UsePrompt(_prompt(rest, picture))]
        case "lens":
            return [UseExtraPrompts(tuple(_prompt(part, picture) for part in rest.split()))]
        case "all":
            return [AskAllTurns(id) for id in picture.asking if picture.unasked(id)]
        case "analyse":
            return [Analyse(_prompt(rest, picture) if rest else "")]
        case "ask" if rest:
            return [Ask(rest)]
        case "again":
            return [_again(picture)]
        case "mark" | "unmark":
            return [_bookmark(rest, picture, marked=word.lower() == "mark")]
        case "name" if rest:
            label, _, name = rest.partition(" ")
            return [NameSpeaker(label, name.strip())]
        case "gain":
            return [SetGain(_number(rest))]
        case "devices":
            return [ListDevices()]
        case "device" if rest:
            return [UseSource(rest if rest == "mic" or rest.startswith("mic:") else f"mic:{rest}")]
        case "export" if rest:
            return [ExportSession("", rest)]
        case "quit":
            return [Quit()]
    known = next((f"{word} {takes}".strip() for word_, takes, _ in COMMANDS if word_ == word.lower()), "")
    raise UsageError(f"Say it as: {known}" if known else f"There is no word {word}.", "Type help for all words.")


def _prompt(written: str, picture: ViewModel) -> str:
    """Return the id of the prompt at a place, with an id, or with a name."""
    if written.isdecimal() and 0 < int(written) <= len(picture.prompts):
        return picture.prompts[int(written) - 1].id
    for prompt in picture.prompts:
        if written.casefold() in (prompt.id.casefold(), prompt.name.casefold()):
            return prompt.id
    raise UsageError(f"There is no prompt {written}." if written else "Which prompt?", "Type prompts for all of them.")


def _again(picture: ViewModel) -> Command:
    missing = picture.missing
    if not missing:
        raise UsageError("No answer is missing.", "")
    gist = missing[-1]
    if gist.turn is not None:
        return RetryGist(gist.number)
    return Ask(gist.question) if gist.question else Analyse(gist.prompt)


def _bookmark(rest: str, picture: ViewModel, *, marked: bool) -> Bookmark:
    first, _, note = rest.partition(" ")
    newest = picture.newest_final()
    if first.isdecimal():
        return Bookmark(int(first), note.strip() if marked else None)
    if newest is None:
        raise UsageError("Nothing was said yet.", "Wait for the first turn to end.")
    return Bookmark(newest.number, rest if marked else None)


def _number(written: str) -> float:
    try:
        return float(written)
    except ValueError:
        raise UsageError("Say it as: gain DB", "Such as: gain 6") from None

"""Shell completion: sessions, prompts, devices, formats, tags. A list that cannot be read is empty."""

from collections.abc import Callable, Iterable

import click
from click.shell_completion import CompletionItem

from tui.errors import LivegistError

Complete = Callable[[click.Context, click.Parameter, str], list[CompletionItem]]

SESSIONS_OFFERED = 20
"""Number of sessions offered, newest first."""


def _completion(items: Callable[[], Iterable[CompletionItem]]) -> Complete:
    """Return a completion of the items that start with the typed text."""

    def complete(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
        try:
            return [item for item in items() if item.value.startswith(incomplete)]
        except (LivegistError, OSError):
            return []

    return complete


def _sessions() -> Iterable[CompletionItem]:
    from itertools import islice

    from tui.paths import sessions_dir
    from tui.sessions.catalogue import LAST, summarise
    from tui.sessions.store import Store
    from tui.text import terminal_line

    newest = [summarise(stored) for stored in islice(Store(sessions_dir()), SESSIONS_OFFERED)]
    if newest:
        yield CompletionItem(LAST, help="the newest session")
    for summary in newest:
        yield CompletionItem(summary.id, help=terminal_line(summary.name or summary.first_words)[:60])
    for summary in newest:
        if summary.name:
            yield CompletionItem(summary.name, help=summary.id)


def _tags() -> Iterable[CompletionItem]:
    from tui.paths import sessions_dir
    from tui.sessions.store import Store

    tags = {tag for stored in Store(sessions_dir()) for tag in stored.metadata().tags}
    return [CompletionItem(tag) for tag in sorted(tags)]


def _prompts() -> Iterable[CompletionItem]:
    from tui.model.prompts import PromptLibrary
    from tui.paths import prompt_folders

    return [CompletionItem(prompt.id, help=prompt.name) for prompt in PromptLibrary.load(*prompt_folders())]


def _engines() -> Iterable[CompletionItem]:
    return [CompletionItem(name) for name in ("auto", "cloud", "local")]


def _formats() -> Iterable[CompletionItem]:
    from tui.sessions.export import FORMATS

    return [CompletionItem(name) for name in FORMATS]


def _speech_models() -> Iterable[CompletionItem]:
    from tui.gateway.model_catalogue import CATALOGUE

    return [CompletionItem(name) for name in CATALOGUE]


def _walls() -> Iterable[CompletionItem]:
    from tui.config.load import load
    from tui.model.room_address import LOCAL

    walls = load().config.walls
    named = [CompletionItem(name, help=", ".join(rooms)) for name, rooms in walls.items()]
    return [*named, CompletionItem(LOCAL, help="this machine")]


sessions = _completion(_sessions)
tags = _completion(_tags)
prompts = _completion(_prompts)
engines = _completion(_engines)
formats = _completion(_formats)
speech_models = _completion(_speech_models)
walls = _completion(_walls)


def recordings(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Complete sessions, or files if no session matches."""
    return sessions(context, parameter, incomplete) or [CompletionItem(incomplete, type="file")]


def sources(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Complete sources: microphones by name, otherwise files."""
    if "system".startswith(incomplete) and incomplete:
        return [CompletionItem("system", help="what this machine plays")]
    if not "mic".startswith(incomplete) and not incomplete.startswith("mic"):
        return [CompletionItem(incomplete, type="file")]
    from tui.audio.devices import list_devices

    try:
        named = [CompletionItem(f"mic:{device.name}", help=device.host_api) for device in list_devices()]
    except LivegistError:
        named = []
    items = [
        CompletionItem("mic", help="the default microphone"),
        CompletionItem("system", help="what this machine plays"),
        *named,
    ]
    return [item for item in items if item.value.startswith(incomplete)]

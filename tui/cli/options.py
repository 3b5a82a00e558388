"""Options that commands share, and the settings and sessions they select."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tui.cli import completion

if TYPE_CHECKING:
    from tui.config.schema import Settings
    from tui.model.session_state import SessionState
    from tui.sessions.catalogue import Summary
    from tui.sessions.store import StoredSession

Flags = dict[str, Any]


SOURCE = "mic, mic:NAME, system, a file, - (stdin) or cmd:PROGRAM."


def session_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options of a session: source, endpoint, LLM, privacy."""
    source = click.option(
        "--source",
        multiple=True,
        metavar="SOURCE",
        shell_complete=completion.sources,
        help=f"{SOURCE} Up to four times, as NAME=SOURCE: a track for each.",
    )
    return source(mix_option(endpoint_options(private_option(command))))


def mix_option(command: Callable[..., None]) -> Callable[..., None]:
    """Add `--mix`."""
    text = "Send all tracks over one connection, with labels of the speakers."
    return click.option("--mix", is_flag=True, help=text)(command)


def private_option(command: Callable[..., None]) -> Callable[..., None]:
    """Add `--private`."""
    return click.option("--private", is_flag=True, help="Write nothing of the session to disk.")(command)


def endpoint_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options that select the speech endpoint and the LLM."""
    for option in reversed(
        [
            click.option("--url", metavar="URL", help="Streaming v3 endpoint, such as wss://HOST."),
            click.option(
                "--engine",
                metavar="ENGINE",
                shell_complete=completion.engines,
                help="Speech recognition: cloud, local or auto.",
            ),
            click.option("--llm-url", metavar="URL", help="OpenAI-compatible LLM server."),
            click.option(
                "--prompt",
                metavar="ID",
                shell_complete=completion.prompts,
                help="Prompt to start with; see `livegist prompts list`.",
            ),
            click.option("--speech-model", metavar="NAME", help="The endpoint's speech model."),
            click.option("--speaker-labels", is_flag=True, help="Request labels of speakers."),
            click.option("--llm-model", metavar="NAME", help="Model of the LLM server."),
        ]
    ):
        command = option(command)
    return command


def screen_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options of the screen."""
    for option in reversed(
        [
            click.option(
                "--fps",
                type=click.IntRange(1, 60),
                metavar="N",
                help="Frame rate of the level meter, frames per second.",
            ),
            click.option(
                "--plain", is_flag=True, help="Print lines and read typed commands instead of drawing a screen."
            ),
            click.option("--ascii", is_flag=True, help="Draw with ASCII characters only."),
            click.option("--low-bandwidth", is_flag=True, help="Reduce screen updates for slow connections."),
        ]
    ):
        command = option(command)
    return command


def chat_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options that select the LLM."""
    for option in reversed(
        [
            click.option(
                "--engine",
                metavar="ENGINE",
                shell_complete=completion.engines,
                help="LLM: cloud, local or auto.",
            ),
            click.option("--llm-url", metavar="URL", help="OpenAI-compatible LLM server."),
            click.option("--llm-model", metavar="NAME", help="Model of the LLM server."),
        ]
    ):
        command = option(command)
    return command


def settings(options: Flags, *, prompt: bool = False) -> "Settings":
    """Load the settings with the flags on top; check them and the prompt's id.

    Args:
        options: the flags.
        prompt: whether to check the prompt even if no flag sets it.

    Raises:
        ConfigError: a setting is not valid.
        UsageError: the sources are not valid.
    """
    from tui.config.load import load
    from tui.model.prompts import PromptLibrary
    from tui.model.tracks import parse_tracks
    from tui.paths import prompt_folders

    loaded = load(options)
    parse_tracks(loaded.config.sources)
    if prompt or "prompt" in options:
        PromptLibrary.load(*prompt_folders())[loaded.config.prompt]
    return loaded


def flags_from(flags: dict[str, Any]) -> Flags:
    """Return the flags that were set; a file's path becomes absolute, because the engine runs in another folder."""
    found = {name: value for name, value in flags.items() if value not in (None, False, ())}
    given = found.get("source")
    if given:
        sources = [absolute_source(source) for source in ((given,) if isinstance(given, str) else given)]
        found["source"] = sources[0] if len(sources) == 1 else sources
    return found


def absolute_source(text: str) -> str:
    """Return `SOURCE` or `NAME=SOURCE` with a file's path made absolute; a file whose name has an `=` is no name."""
    from tui.errors import UsageError
    from tui.model.tracks import parse_track

    # Unlike `Path.exists`, it returns False for a text that is too long for a path.
    if os.path.exists(Path(text).expanduser()):  # noqa: PTH110
        return str(Path(text).expanduser().absolute())
    try:
        track = parse_track(text)
    except UsageError:
        return text
    source = track.source
    if source not in ("-", "mic", "system") and not source.startswith(("mic:", "cmd:")) and "://" not in source:
        source = str(Path(source).expanduser().absolute())
    return f"{track.name}={source}" if track.name else source


def load_session(word: str) -> "tuple[StoredSession, SessionState]":
    """Return a stored session and its state; print a warning if it is damaged.

    Raises:
        UsageError: no session or more than one matches.
        SessionError: its journal cannot be read at all.
    """
    from tui.sessions.catalogue import summarise

    stored = find_stored(word)
    state = stored.load()
    if problem := summarise(stored).problem:
        click.echo(f"livegist: {stored.id}: {problem}.", err=True)
    return stored, state


def find_stored(word: str) -> "StoredSession":
    """Return the stored session for `last`, an id, the start of one, or a name.

    Raises:
        UsageError: no session or more than one matches.
    """
    from tui.paths import sessions_dir
    from tui.sessions.catalogue import find
    from tui.sessions.store import Store

    return find(Store(sessions_dir()), word)


def select_sessions(since: str | None, tags: tuple[str, ...]) -> "Iterator[Summary]":
    """Yield the stored sessions that `--since` and `--tag` select, newest first.

    Raises:
        UsageError: `since` is neither a date nor an age.
    """
    from datetime import datetime

    from tui.paths import sessions_dir
    from tui.sessions.catalogue import select
    from tui.sessions.store import Store
    from tui.sessions.time_spec import parse_time

    at = parse_time(since, datetime.now().astimezone()) if since else None
    return select(Store(sessions_dir()), since=at, tags=[tag.removeprefix("#") for tag in tags])

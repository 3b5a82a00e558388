"""What commands share: the options of a session, and what they come to."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tui.cli import completion

if TYPE_CHECKING:
    from tui.config.schema import Settings
    from tui.model.session_state import SessionState
    from tui.sessions.store import StoredSession

Flags = dict[str, Any]


SOURCE = "mic, mic:NAME, a file, - (stdin) or cmd:PROGRAM."


def session_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options that say how a session runs."""
    source = click.option("--source", metavar="SOURCE", shell_complete=completion.sources, help=SOURCE)
    return source(endpoint_options(private_option(command)))


def private_option(command: Callable[..., None]) -> Callable[..., None]:
    """Add the option of a session that is not kept."""
    return click.option("--private", is_flag=True, help="Write nothing of the session to the disk.")(command)


def endpoint_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options that say who hears a session and who answers its prompts."""
    for option in reversed(
        [
            click.option("--url", metavar="URL", help="Streaming v3 endpoint, such as wss://HOST."),
            click.option(
                "--engine",
                metavar="ENGINE",
                shell_complete=completion.engines,
                help="Who recognises speech: cloud, local or auto.",
            ),
            click.option("--llm-url", metavar="URL", help="OpenAI-compatible server that answers prompts."),
            click.option(
                "--prompt",
                metavar="ID",
                shell_complete=completion.prompts,
                help="Prompt to start with; see `livegist prompts list`.",
            ),
            click.option("--speech-model", metavar="NAME", help="The endpoint's speech model."),
            click.option("--llm-model", metavar="NAME", help="The model that answers prompts."),
        ]
    ):
        command = option(command)
    return command


def screen_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options that say how the dashboard is painted."""
    for option in reversed(
        [
            click.option("--fps", type=click.IntRange(1, 60), metavar="N", help="Frames a second of the level meter."),
            click.option("--plain", is_flag=True, help="Lines and words instead of a screen."),
            click.option("--ascii", is_flag=True, help="Paint with ASCII alone, for a terminal without Unicode."),
            click.option("--low-bandwidth", is_flag=True, help="Paint less, for a line that bears little."),
        ]
    ):
        command = option(command)
    return command


def chat_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options that say who answers."""
    for option in reversed(
        [
            click.option(
                "--engine",
                metavar="ENGINE",
                shell_complete=completion.engines,
                help="Whose LLM answers: cloud, local or auto.",
            ),
            click.option("--llm-url", metavar="URL", help="OpenAI-compatible server that answers."),
            click.option("--llm-model", metavar="NAME", help="The model that answers."),
        ]
    ):
        command = option(command)
    return command


def settings(options: Flags, *, prompt: bool = False) -> "Settings":
    """Return the settings with the flags on top, having checked them and the prompt's name.

    Args:
        options: the flags.
        prompt: whether the prompt is used even if no flag names it.

    Raises:
        ConfigError: one of them is wrong.
    """
    from tui.config.load import load
    from tui.model.prompts import PromptLibrary
    from tui.paths import prompt_folders

    loaded = load(options)
    if prompt or "prompt" in options:
        PromptLibrary.load(*prompt_folders())[loaded.config.prompt]
    return loaded


def flags_from(flags: dict[str, Any]) -> Flags:
    """Return the flags that were given; a file's name becomes absolute, for the engine lives elsewhere."""
    found = {name: value for name, value in flags.items() if value not in (None, False)}
    source = found.get("source")
    if source and source not in ("-", "mic") and not source.startswith(("mic:", "cmd:")):
        found["source"] = str(Path(source).expanduser().absolute())
    return found


def load_session(word: str) -> "tuple[StoredSession, SessionState]":
    """Return the session that a word means and what its journal tells; say what of it is damaged.

    Raises:
        UsageError: there is none, or there are several.
        SessionError: its journal cannot be read at all.
    """
    from tui.sessions.catalogue import summarise

    stored = find_stored(word)
    record = stored.load()
    if trouble := summarise(stored).problem:
        click.echo(f"livegist: {stored.id}: {trouble}.", err=True)
    return stored, record


def find_stored(word: str) -> "StoredSession":
    """Return the session on disk that a word means: `last`, an id, the start of one, or a name.

    Raises:
        UsageError: there is none, or there are several.
    """
    from tui.paths import sessions_dir
    from tui.sessions.catalogue import find
    from tui.sessions.store import Store

    return find(Store(sessions_dir()), word)

"""Manual page (man(7)), generated from the help of the commands. Pure, apart from click's contexts."""

import inspect
import re
from collections.abc import Iterator

import click

from tui import __version__

FILES = (
    ("config.toml", "Settings; `livegist config path` says where, `livegist config show` what can stand in it."),
    ("sessions/", "A folder a session: audio.wav or audio.flac, events.jsonl, about.json."),
)
ENVIRONMENT = (
    ("LIVEGIST_HOME", "Folder under which config, sessions and runtime files are."),
    ("LIVEGIST_*", "Any setting, its name in capitals."),
    ("ASSEMBLYAI_API_KEY", "The vendor's key."),
    ("LIVEGIST_LLM_KEY", "Key of the server at llm_url."),
    ("LIVEGIST_HOOK_SECRET", "Secret that signs webhooks."),
)
EXIT_STATUS = (
    ("0", "Success."),
    ("1", "The command failed."),
    ("2", "An option, a setting or a file is not valid."),
    ("141", "The reader of standard output closed the pipe."),
)


def page(command: click.Command, name: str) -> str:
    """Return the manual page of a program."""
    with click.Context(command, info_name=name) as context:
        lines = [
            f'.TH {name.upper()} 1 "" "{name} {__version__}" "User Commands"',
            ".SH NAME",
            f"{name} \\- {_escaped(_first_sentence(command))}",
            ".SH SYNOPSIS",
            f".B {name}",
            _escaped(" ".join(command.collect_usage_pieces(context))),
            ".SH DESCRIPTION",
            *_paragraphs(command.help or ""),
            ".SH OPTIONS",
            *_options(command, context),
            ".SH COMMANDS",
            *_commands(command, context),
            ".SH ENVIRONMENT",
            *_list(ENVIRONMENT),
            ".SH FILES",
            *_list(FILES),
            ".SH EXIT STATUS",
            *_list(EXIT_STATUS),
        ]
    return "\n".join(lines) + "\n"


def _commands(group: click.Command, context: click.Context) -> Iterator[str]:
    """Yield a section for every command that is not a group."""
    if not isinstance(group, click.Group):
        return
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if command is None or command.hidden:
            continue
        with click.Context(command, info_name=name, parent=context) as inner:
            if not isinstance(command, click.Group):
                yield f'.SS "{_escaped(inner.command_path)} {_escaped(" ".join(command.collect_usage_pieces(inner)))}"'
                yield from _paragraphs(command.help or "")
                yield from _options(command, inner)
            yield from _commands(command, inner)


def _options(command: click.Command, context: click.Context) -> Iterator[str]:
    records = (parameter.get_help_record(context) for parameter in command.get_params(context))
    yield from _list(record for record in records if record is not None and record[1])


def _list(entries: "Iterator[tuple[str, str]] | tuple[tuple[str, str], ...]") -> Iterator[str]:
    for term, text in entries:
        yield ".TP"
        yield f"\\fB{_escaped(term)}\\fR"
        yield _escaped(text)


def _paragraphs(help: str) -> Iterator[str]:
    """Yield the paragraphs of a help text; one that starts with a backspace keeps its lines, as in click."""
    for at, paragraph in enumerate(re.split(r"\n\s*\n", inspect.cleandoc(help))):
        if at:
            yield ".PP"
        if paragraph.startswith("\b"):
            yield ".nf"
            yield from (_escaped(line) for line in paragraph.splitlines()[1:])
            yield ".fi"
        else:
            yield _escaped(" ".join(paragraph.split()))


def _first_sentence(command: click.Command) -> str:
    sentence = (command.help or "").partition("\n")[0].rstrip(".")
    return sentence[:1].lower() + sentence[1:]


def _escaped(text: str) -> str:
    """Escape text for roff, so that it contains no escapes or requests."""
    escaped = text.replace("\\", "\\e").replace("-", "\\-").replace("…", "...")
    return re.sub(r"^([.'])", r"\\&\1", escaped, flags=re.MULTILINE)

"""Write the tables of `docs/` that are made from the code. Run it from the repository: `python -m tests.make_docs`.

A table stands between `<!-- table: NAME -->` and `<!-- end -->`. `tests/unit/test_docs.py` fails while a table differs
from the code.
"""

import inspect
import re
from collections.abc import Callable, Iterable, Iterator
from itertools import groupby
from pathlib import Path
from typing import Any

import click
import msgspec
from textual.binding import Binding
from textual.screen import Screen

from tui.cli import main
from tui.cli.serve import serve
from tui.config.format import rows
from tui.config.schema import is_table
from tui.gateway.parameters import IgnoredParameters, Parameters
from tui.line_ui.input import COMMANDS
from tui.model.prompts import PromptLibrary
from tui.paths import PACKAGE
from tui.presentation.formatting import STATES
from tui.sessions.export import FORMATS
from tui.stream.close_codes import LOST, Retry, classify_close
from tui.viewer.bindings import DASHBOARD, KeyHelp, group_by_topic, help_entry
from tui.viewer.screens.device_picker import DevicePicker
from tui.viewer.screens.dialog import HELP, keys_of
from tui.viewer.screens.export import ExportPicker
from tui.viewer.screens.help import SIGNS, STATE_HELP
from tui.viewer.screens.history import HistoryScreen
from tui.viewer.screens.past_session import PastSessionScreen
from tui.viewer.screens.prompt_editor import PromptEditor
from tui.viewer.screens.prompt_picker import PromptPicker
from tui.viewer.screens.quit_dialog import QuitDialog
from tui.viewer.screens.remember_dialog import RememberDialog
from tui.viewer.screens.room_search import RoomSearchScreen
from tui.viewer.screens.settings import SettingsScreen
from tui.viewer.wall_bindings import SIGNS as WALL_SIGNS
from tui.viewer.wall_bindings import WALL, wall_topics
from tui.viewer.widgets.pane import Pane

ROOT = Path(__file__).parents[1]
PAGES = sorted((ROOT / "docs").glob("*.md"))
MARKED = re.compile(r"(<!-- table: ([\w-]+) -->\n).*?(<!-- end -->)", re.DOTALL)
CLOSES = (
    (1000, ""),
    (LOST, ""),
    (1008, ""),
    (1008, "Too many concurrent sessions"),
    (1009, ""),
    (1011, ""),
    (1012, ""),
    (3005, ""),
    (3006, ""),
    (3006, "inactivity"),
    (3007, ""),
    (3008, ""),
    (3009, ""),
    (410, ""),
)
"""Close codes of the protocol, each with the text that distinguishes its two meanings."""
DIALOGS: dict[str, type[Screen[Any]]] = {
    "Prompt picker (`p`)": PromptPicker,
    "Prompt editor (`^n` or `^e` in the prompt picker)": PromptEditor,
    "Device picker (`D`)": DevicePicker,
    "Settings (`,`)": SettingsScreen,
    "List of sessions (`h`)": HistoryScreen,
    "Session from the list": PastSessionScreen,
    "Export (`e`)": ExportPicker,
    "Quit dialog (`q`)": QuitDialog,
    "Search in all rooms, and their bookmarks (`/` and `M` on the wall)": RoomSearchScreen,
    "Offer to remember a voice (after `R`, with `known_voices`)": RememberDialog,
}


def commands() -> Iterator[tuple[str, click.Command]]:
    """Yield each command that is not hidden, with the words that call it."""
    return _commands(main, "livegist")


def _commands(command: click.Command, path: str) -> Iterator[tuple[str, click.Command]]:
    if not isinstance(command, click.Group):
        if not command.hidden:
            yield path, command
        return
    context = click.Context(command)
    for name in command.list_commands(context):
        found = command.get_command(context, name)
        if found is not None:
            yield from _commands(found, f"{path} {name}")


def render(page: str) -> str:
    """Return a page with its tables made anew.

    Raises:
        KeyError: a table's name is unknown.
    """
    return MARKED.sub(lambda found: f"{found[1]}{TABLES[found[2]]()}\n{found[3]}", page)


def _table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    names = tuple(head)
    lines = [names, tuple("---" for _ in names), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", r"\|") for cell in line) + " |" for line in lines)


def _code(text: object) -> str:
    return f"`{text}`"


def _command_table() -> str:
    rows = [("`livegist`", "Open the dashboard: on the running session, or on a new engine.")]
    rows += [(_code(path), command.get_short_help_str(400)) for path, command in commands()]
    return _table(("command", "description"), rows)


def _options_of(command: click.Command, without: Iterable[click.Parameter] = ()) -> str:
    context = click.Context(command)
    known = {option.name for option in without}
    rows = []
    for option in command.params:
        record = option.get_help_record(context) if isinstance(option, click.Option) else None
        if record is not None and option.name not in known | {"version", "help"}:
            rows.append((_code(record[0]), " ".join(record[1].split())))
    return _table(("option", "description"), rows) if rows else ""


def _command_reference() -> str:
    shared = {option.name: option.opts[0] for option in main.params}
    parts = []
    for path, command in commands():
        context = click.Context(command, info_name=path)
        usage = " ".join([path, *command.collect_usage_pieces(context)])
        text = [f"### {path}", f"```text\n{usage}\n```", *_paragraphs(command)]
        own = _options_of(command, [option for option in main.params if option.name in shared])
        taken = [_code(shared[option.name]) for option in command.params if option.name in shared]
        text += [own] if own else []
        text += [f"It also takes {_listed(taken)}: see [session options](#session-options)."] if taken else []
        parts.append("\n\n".join(text))
    return "\n\n".join(parts) + "\n"


def _paragraphs(command: click.Command) -> Iterator[str]:
    for paragraph in inspect.cleandoc(command.help or "").split("\n\n"):
        verbatim = paragraph.removeprefix("\b\n")
        yield " ".join(paragraph.split()) if verbatim == paragraph else f"```text\n{verbatim}\n```"


def _listed(words: list[str]) -> str:
    return " and ".join(filter(None, [", ".join(words[:-1]), words[-1]]))


def _dashboard_keys() -> str:
    ids = {binding.id or "" for binding in DASHBOARD}
    return "\n\n".join(f"### {topic}\n\n{_key_table(rows, ids=True)}" for topic, rows in group_by_topic({}, ids)) + "\n"


def _wall_keys() -> str:
    ids = {binding.id or "" for binding in WALL}
    return "\n\n".join(f"### {topic}\n\n{_key_table(rows, ids=True)}" for topic, rows in wall_topics({}, ids)) + "\n"


def _pane_keys() -> str:
    return _key_table([help_entry(key, {}, ()) for key in Pane.BINDINGS if isinstance(key, Binding)], ids=True)


def _dialog_keys() -> str:
    return (
        "\n\n".join(
            f"### {name}\n\n{_key_table(keys_of([*screen.BINDINGS, *(() if _has_help(screen) else (HELP,))]))}"
            for name, screen in DIALOGS.items()
        )
        + "\n"
    )


def _has_help(screen: type[Screen[Any]]) -> bool:
    return any("f1" in getattr(binding, "key", "") for binding in screen.BINDINGS)


def _key_table(keys: Iterable[KeyHelp], *, ids: bool = False) -> str:
    if ids:
        rows: list[tuple[str, ...]] = [(_code(key.key), _code(key.id), key.description) for key in keys]
        return _table(("key", "id", "description"), rows)
    return _table(("key", "description"), [(_code(key.key), key.description) for key in keys])


def _states() -> str:
    rows = [(f"{sign} {word}", STATE_HELP[state]) for state, (sign, word) in STATES.items()]
    return _table(("state", "meaning"), rows)


def _signs() -> str:
    return _table(("sign", "meaning"), SIGNS)


def _words() -> str:
    return _table(("word", "description"), [(_code(f"{word} {rest}".strip()), about) for word, rest, about in COMMANDS])


def _settings() -> str:
    sections = []
    for group, settings in groupby(rows(), key=lambda row: row.group):
        cells = [
            (_code(row.name), row.default if is_table(row.name) else _code(row.default), row.allowed, row.description)
            for row in settings
        ]
        sections.append(f"### {group}\n\n" + _table(("setting", "default", "allowed", "description"), cells))
    return "\n" + "\n\n".join(sections) + "\n"


def _fields(struct: type[msgspec.Struct]) -> tuple[msgspec.inspect.Field, ...]:
    found = msgspec.inspect.type_info(struct)
    assert isinstance(found, msgspec.inspect.StructType)
    return found.fields


def _default(value: Any) -> str:
    match value:
        case dict():
            return "a table" if value else "an empty table"
        case _:
            return _code(msgspec.json.encode(value).decode())


def _allowed(kind: msgspec.inspect.Type) -> str:
    match kind:
        case msgspec.inspect.LiteralType(values=values):
            return ", ".join(_code(value) for value in values)
        case msgspec.inspect.BoolType():
            return "`true`, `false`"
        case msgspec.inspect.IntType() | msgspec.inspect.FloatType():
            return _range(kind)
        case msgspec.inspect.StrType(max_length=most):
            return "text" if most is None else f"text, at most {most} characters"
        case msgspec.inspect.DictType():
            return "a table"
        case msgspec.inspect.VarTupleType(max_length=most):
            return "a JSON list" if most is None else f"a JSON list of at most {most}"
        case msgspec.inspect.UnionType(types=types):
            return ", ".join(_allowed(part) for part in types if not isinstance(part, msgspec.inspect.NoneType))
        case msgspec.inspect.StructType():
            return "a JSON object"
    raise TypeError(f"no words for {kind}")


def _range(kind: msgspec.inspect.IntType | msgspec.inspect.FloatType) -> str:
    least, most = (kind.ge if kind.gt is None else kind.gt), kind.le
    from_ = "" if least is None else (f"above {least:,}" if kind.gt is not None else f"{least:,}")
    if least is None or most is None:
        return from_ and f"{from_} or more"
    return f"{from_}, at most {most:,}" if kind.gt is not None else f"{from_} to {most:,}"


def _prompts() -> str:
    library = PromptLibrary.load(PACKAGE / "prompts")
    rows = [(_code(number), _code(prompt.id), prompt.name) for number, prompt in enumerate(library, 1)]
    return _table(("key", "id", "name"), rows)


def _formats() -> str:
    return _table(("format", "contents"), [(_code(name), _first_line(make)) for name, make in FORMATS.items()])


def _first_line(function: Callable[..., object]) -> str:
    line = (inspect.getdoc(function) or "").splitlines()[0].removeprefix("Return ")
    return f"{line[0].upper()}{line[1:]}"


def _themes() -> str:
    rows = []
    for file in sorted((ROOT / "themes").glob("*.toml")):
        about = file.read_text(encoding="utf-8").splitlines()[1].removeprefix("# ")
        rows.append((_code(file.stem), about))
    return _table(("theme", "description"), rows)


def _close_codes() -> str:
    retries = {Retry.NO: "no", Retry.YES: "yes", Retry.LATER: "yes, after a longer wait"}
    rows = []
    for code, reason in CLOSES:
        found = classify_close(code, reason)
        rows.append((f"{_code(code)}{f', “{reason}”' if reason else ''}", found.meaning, retries[found.retry]))
    return _table(("code", "meaning", "connects again"), rows)


def _parameters() -> str:
    rows = [
        (_code(field.name), _allowed(field.type), "" if field.default in (None, "", ()) else _default(field.default))
        for field in _fields(Parameters)
    ]
    return _table(("parameter", "allowed", "default"), rows)


def _ignored_parameters() -> str:
    return _listed([_code(field.name) for field in _fields(IgnoredParameters)]) + "."


TABLES: dict[str, Callable[[], str]] = {
    "close-codes": _close_codes,
    "command-reference": _command_reference,
    "commands": _command_table,
    "dashboard-keys": _dashboard_keys,
    "dialog-keys": _dialog_keys,
    "formats": _formats,
    "ignored-parameters": _ignored_parameters,
    "pane-keys": _pane_keys,
    "parameters": _parameters,
    "prompts": _prompts,
    "serve-options": lambda: _options_of(serve),
    "session-options": lambda: _options_of(main),
    "settings": _settings,
    "signs": _signs,
    "states": _states,
    "themes": _themes,
    "wall-keys": _wall_keys,
    "wall-signs": lambda: _table(("sign", "meaning"), WALL_SIGNS),
    "words": _words,
}
"""Makes each table, by its name."""


if __name__ == "__main__":
    for path in PAGES:
        before = path.read_text(encoding="utf-8")
        after = render(before)
        if after != before:
            path.write_text(after, encoding="utf-8")
            print(path.relative_to(ROOT))

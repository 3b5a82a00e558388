"""Settings as text: a commented TOML file, and rows for the documentation."""

import json
import re
from collections.abc import Iterator
from itertools import groupby
from typing import Any, NamedTuple

import msgspec

from tui.config.schema import FIELDS, Config, Settings, allowed, description, group


class SettingRow(NamedTuple):
    """A setting as the documentation lists it."""

    group: str
    name: str
    default: str
    """As TOML; `a table` or `an empty table` for a table."""
    allowed: str
    description: str


def rows() -> Iterator[SettingRow]:
    """Yield all settings, group by group."""
    defaults = Config()
    for name in FIELDS:
        yield SettingRow(group(name), name, _default(getattr(defaults, name)), allowed(name), description(name))


def _default(value: Any) -> str:
    if isinstance(value, dict):
        return "a table" if value else "an empty table"
    return toml(value)


def show(settings: Settings) -> str:
    """Return the settings as a TOML file, group by group; comments give the description and origin of each.

    A table is written as dotted keys, so that it stays in its group.
    """
    return "\n".join(
        line
        for title, names in groupby(FIELDS, key=group)
        for line in (f"# == {title} ==", "", *(line for name in names for line in _setting(settings, name)))
    )


def _setting(settings: Settings, name: str) -> list[str]:
    value = getattr(settings.config, name)
    lines = [f"# {description(name)}", f"# from: {settings.origin[name]}"]
    entries = _without_null(value)
    if isinstance(entries, dict) and entries:
        lines += [f"{name}.{_key(key)} = {toml(entry)}" for key, entry in entries.items()]
    else:
        lines.append(f"{name} = {toml(entries)}")
    return [*lines, ""]


def toml(value: Any) -> str:
    """Return a value as TOML on one line; entries that are null are left out."""
    match value:
        case dict():
            entries = ", ".join(f"{_key(key)} = {toml(entry)}" for key, entry in _without_null(value).items())
            return f"{{ {entries} }}" if entries else "{}"
        case msgspec.Struct():
            return toml(msgspec.structs.asdict(value))
        case list():
            return "[" + ", ".join(toml(entry) for entry in value) + "]"
        case float():
            return str(value)
        case _:
            # JSON strings are TOML strings, except for one control character that JSON does not escape.
            return json.dumps(value, ensure_ascii=False, default=str).replace("\x7f", "\\u007f")


def _without_null(value: Any) -> Any:
    """Return a table without its null entries, which TOML cannot express; any other value as it is."""
    return {key: entry for key, entry in value.items() if entry is not None} if isinstance(value, dict) else value


def _key(key: str) -> str:
    return key if re.fullmatch(r"[A-Za-z0-9_-]+", key) else toml(key)

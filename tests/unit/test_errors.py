"""The hierarchy of errors in the docstring of `tui/errors.py`, and its hints."""

import ast
import sqlite3
from contextlib import closing

import pytest

from tui import errors
from tui.errors import database_error_hint
from tui.paths import PACKAGE


def test_the_hierarchy_lists_every_error_that_a_person_sees() -> None:
    bases = {
        node.name: base.id
        for path in PACKAGE.rglob("*.py")
        for node in ast.parse(path.read_text(encoding="utf-8")).body
        if isinstance(node, ast.ClassDef)
        for base in node.bases
        if isinstance(base, ast.Name)
    }
    shown = {name for name in bases if not name.startswith("_") and _is_shown(name, bases)}
    assert shown >= {"UsageError", "CommandError"}
    assert [name for name in sorted(shown) if f" {name} " not in (errors.__doc__ or "")] == []


def _is_shown(name: str, bases: dict[str, str]) -> bool:
    return name == "LivegistError" or (name in bases and _is_shown(bases[name], bases))


def test_a_full_disk_behind_a_database_is_said() -> None:
    with closing(sqlite3.connect(":memory:")) as database:
        database.execute("PRAGMA max_page_count = 2")
        with pytest.raises(sqlite3.OperationalError) as full:
            database.executescript("CREATE TABLE one (x); CREATE TABLE two (x); CREATE TABLE three (x)")
    assert database_error_hint(full.value, "Delete it.") == "The disk is full. Free some space."
    assert database_error_hint(sqlite3.DatabaseError("damaged"), "Delete it.") == "Delete it."

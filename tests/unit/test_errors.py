"""The names of the errors, and their hierarchy in `tui/errors.py`."""

import ast

from tui import errors
from tui.paths import PACKAGE

BUILT_IN = {"Exception", "RuntimeError", "ValueError", "OSError"}


def error_bases() -> dict[str, str]:
    """Return the base class of each class in the package that derives from an exception, by name."""
    classes = {
        node.name: base.id
        for path in PACKAGE.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ClassDef)
        for base in node.bases
        if isinstance(base, ast.Name)
    }
    return {name: base for name, base in classes.items() if base in BUILT_IN or _derives(base, classes)}


def _derives(name: str, classes: dict[str, str]) -> bool:
    base = classes.get(name, "")
    return base in BUILT_IN or (bool(base) and _derives(base, classes))


def test_every_error_is_named_an_error() -> None:
    bases = error_bases()
    assert "LivegistError" in bases
    assert [name for name in bases if not name.endswith("Error")] == []


def test_the_hierarchy_names_every_error_that_a_person_sees() -> None:
    bases = error_bases()
    shown = {name for name in bases if not name.startswith("_") and _is_shown(name, bases)}
    assert shown >= {"UsageError", "CommandError"}
    assert [name for name in sorted(shown) if f" {name} " not in (errors.__doc__ or "")] == []


def _is_shown(name: str, bases: dict[str, str]) -> bool:
    return name == "LivegistError" or (name in bases and _is_shown(bases[name], bases))

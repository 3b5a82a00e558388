"""Rules of the source that linters do not know: sizes of modules, names of errors, names of loggers."""

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "tui"
MODULES = sorted(PACKAGE.rglob("*.py"))
TESTS = sorted((PACKAGE.parent / "tests").rglob("*.py"))
MAX_LINES = 400


def identifier(path: Path) -> str:
    return str(path.relative_to(PACKAGE.parent))


def classes(path: Path) -> list[ast.ClassDef]:
    return [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.ClassDef)]


def test_there_are_modules() -> None:
    assert len(MODULES) > 150


@pytest.mark.parametrize("path", MODULES, ids=identifier)
def test_a_module_has_at_most_400_lines_and_says_what_it_is(path: Path) -> None:
    text = path.read_text()
    assert len(text.splitlines()) <= MAX_LINES
    assert ast.get_docstring(ast.parse(text))


def test_no_file_of_tests_has_more_than_400_lines() -> None:
    assert [identifier(path) for path in TESTS if len(path.read_text().splitlines()) > MAX_LINES] == []


def test_errors_end_in_error() -> None:
    raised = {
        found.name
        for path in MODULES
        for found in classes(path)
        for base in found.bases
        if ast.unparse(base).rpartition(".")[2].endswith(("Error", "Exception", "InvalidHandshake"))
    }
    assert "LivegistError" in raised
    assert {name for name in raised if not name.endswith("Error")} == set()


def test_loggers_have_the_name_of_their_module() -> None:
    made = [
        (identifier(path), ast.unparse(node.args[0]))
        for path in MODULES
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("getLogger") and node.args
    ]
    # Ray's own logger is made quieter, too.
    assert {name for _, name in made} == {"__name__", "'ray.serve'"}

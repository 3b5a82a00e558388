"""Textual's private names that the viewer uses: all of them are listed here, and each exists."""

import ast
import importlib
import importlib.metadata
import inspect
import io
import pkgutil
import re
import textwrap
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.version import Version
from textual import _ansi_sequences, _compositor
from textual._xterm_parser import XTermParser
from textual.app import App
from textual.drivers._writer_thread import WriterThread
from textual.drivers.linux_driver import LinuxDriver
from textual.drivers.web_driver import WebDriver
from textual.geometry import Region
from textual.screen import Screen

import tui.viewer
from tests.viewer.dashboard_harness import running
from tests.viewer.scripted_engine import ScriptedEngine, meeting
from tui.viewer.app import LivegistApp
from tui.viewer.driver import SYNC_END, SYNC_START, FrameDriver

NAMES = {
    "App": {"_check_bindings", "_driver", "_is_mounted", "_refresh_truecolor_filter"},
    "Screen": {"_compositor", "_mounted_event", "_on_timer_update"},
    "Driver": {"_app", "_file", "_writer_thread"},
    "WriterThread": {"_queue"},
    "XTermParser": {"_sequence_to_key_events"},
}
"""Private attributes, by the class that has them."""
MODULES = {
    "textual._compositor": {"ChopsUpdate", "Compositor", "LayoutUpdate"},
    "textual._xterm_parser": {"XTermParser"},
    "textual.drivers._writer_thread": {"WriterThread"},
}
"""What is imported from private modules."""
ALLOWED = set().union(*NAMES.values())
PUBLIC = {"_replace", "_asdict", "_fields"}
"""Documented, in spite of the underscore, of a `NamedTuple`."""


def modules() -> Iterator[Any]:
    for found in pkgutil.walk_packages(tui.viewer.__path__, "tui.viewer."):
        yield importlib.import_module(found.name)


def trees() -> list[tuple[str, ast.Module]]:
    found = [(module.__name__, ast.parse(inspect.getsource(module))) for module in modules()]
    assert len(found) > 30
    return found


def private(tree: ast.AST) -> Iterator[tuple[str, str]]:
    """Yield the object and the name of each private attribute in a piece of code."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and re.match(r"_[a-z]", node.attr):
            yield ast.unparse(node.value), node.attr


def test_nothing_else_is_imported_from_private_modules() -> None:
    found: dict[str, set[str]] = {}
    for _, tree in trees():
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and re.match(r"(textual|rich)\b.*\._", node.module or ""):
                found.setdefault(node.module or "", set()).update(name.name for name in node.names)
    assert found == MODULES


def test_no_other_private_name_of_another_object_is_used() -> None:
    found = {
        (name, f"{of}.{attribute}")
        for name, tree in trees()
        for of, attribute in private(tree)
        if of not in ("self", "cls", "super()") and attribute not in ALLOWED | PUBLIC
    }
    assert found == set()


def test_no_class_uses_or_hides_another_private_name_of_its_base() -> None:
    checked = 0
    for module in modules():
        for owner in vars(module).values():
            if not inspect.isclass(owner) or owner.__module__ != module.__name__:
                continue
            bases = [base for base in owner.__mro__[1:] if base.__module__.startswith("textual.")]
            theirs = {
                name for base in bases for name in re.findall(r"\b(?:self|cls)\.(_[a-z]\w*)", inspect.getsource(base))
            } | {name for base in bases for name in vars(base) if re.match(r"_[a-z]", name)}
            tree = ast.parse(textwrap.dedent(inspect.getsource(owner)))
            ours = {name for of, name in private(tree) if of in ("self", "cls", "super()")}
            ours |= {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}
            assert {name for name in ours & theirs if name.startswith("_") and not name.startswith("__")} <= ALLOWED, (
                owner
            )
            checked += bool(bases)
    assert checked > 15


async def test_each_name_exists_in_a_running_app() -> None:
    async with running(ScriptedEngine(snapshot=meeting())) as (app, _):
        terminal = FrameDriver(LivegistApp(ScriptedEngine(), theme="night", fps=20, keys={}))
        objects: dict[str, Any] = {
            "App": app,
            "Screen": app.screen,
            "Driver": terminal,
            "WriterThread": WriterThread(io.StringIO()),
            "XTermParser": XTermParser(),
        }
        assert objects.keys() == NAMES.keys()
        wanted = {(owner, name) for owner, names in NAMES.items() for name in names}
        assert {(owner, name) for owner, name in wanted if not hasattr(objects[owner], name)} == set()
        assert objects["WriterThread"]._queue.qsize() == 0


def test_what_is_overridden_is_still_called_by_textual() -> None:
    assert "self._on_timer_update" in inspect.getsource(Screen)
    assert "render_partial_update(" in inspect.getsource(Screen) + inspect.getsource(_compositor.Compositor)
    assert "_compositor" in inspect.getsource(Screen)
    assert "self._sequence_to_key_events" in inspect.getsource(XTermParser.parse)
    for driver in (LinuxDriver, WebDriver):
        assert "= XTermParser(" in inspect.getsource(driver.run_input_thread)
    assert "self._driver" in inspect.getsource(App)
    assert "self._file" in inspect.getsource(LinuxDriver)
    assert (_ansi_sequences.SYNC_START, _ansi_sequences.SYNC_END) == (SYNC_START, SYNC_END)


@pytest.mark.parametrize(
    ("built", "names"),
    [
        (_compositor.Compositor(), {"render_partial_update", "render_full_update"}),
        (_compositor.ChopsUpdate([], [], []), {"chops", "spans", "chop_ends", "render_segments"}),
        (_compositor.LayoutUpdate([], Region()), {"strips", "region", "render_segments"}),
    ],
)
def test_the_compositor_has_what_is_built_on(built: object, names: set[str]) -> None:
    assert {name for name in names if not hasattr(built, name)} == set()


def test_no_minor_version_of_textual_is_allowed_that_these_tests_do_not_run_with() -> None:
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())["project"]
    (bound,) = [needed for needed in project["dependencies"] if needed.startswith("textual")]
    allowed = Requirement(bound).specifier
    major, minor, patch = Version(importlib.metadata.version("textual")).release
    assert f"{major}.{minor}.{patch}" in allowed
    assert f"{major}.{minor + 1}.0" not in allowed
    assert f"{major}.{minor - 1}.99" not in allowed

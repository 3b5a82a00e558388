import re
import shlex
import tomllib
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path

import click
import pytest

from tests.make_docs import PAGES, ROOT, TABLES, commands, render
from tui.cli import main
from tui.config.schema import FIELDS
from tui.model.prompts import parse_prompt
from tui.viewer.bindings import DASHBOARD, TOPICS

README = ROOT / "README.md"
WRITTEN = {path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8") for path in [README, *PAGES]}
EVERYTHING = "\n".join(WRITTEN.values())
VARIABLES = {
    "LIVEGIST_HOME",
    "LIVEGIST_LLM_KEY",
    "LIVEGIST_HOOK_SECRET",
    "LIVEGIST_WEB_TOKEN",
    "LIVEGIST_SESSION",
    "LIVEGIST_TOKEN",
}
MAX_README_LINES = 180
MAX_GLOSSARY_TERMS = 22


def blocks(language: str, text: str = EVERYTHING) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


def invocations(text: str) -> Iterator[list[str]]:
    """Yield the words after each `livegist` that a page shows."""
    lines = "\n".join([*blocks("sh", text), *blocks("console", text)]).splitlines()
    for code in [*re.findall(r"(?<!`)`([^`\n]+)`(?!`)", text), *lines]:
        remote = re.fullmatch(r"ssh .*HOST '(.*)'", code)
        for found in re.finditer(r"(?:^|[\s/])livegist((?: [^|&#]*)?)(?:#.*)?$", remote[1] if remote else code):
            yield shlex.split(found[1])


def links(text: str) -> list[str]:
    return [link for link in re.findall(r"\]\(([^)\s]+)\)", text) if "://" not in link]


def anchors(text: str) -> set[str]:
    """Return the anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_tables_are_those_of_the_code(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert render(text) == text, "Tables differ from the code. Run: python -m tests.make_docs"


def test_every_table_is_used_once() -> None:
    assert sorted(re.findall(r"^<!-- table: ([\w-]+) -->$", EVERYTHING, re.MULTILINE)) == sorted(TABLES)


def test_every_dashboard_key_has_a_topic_and_so_a_row() -> None:
    with_topic = [id for _, ids in TOPICS for id in ids]
    ids = {binding.id for binding in DASHBOARD if not re.fullmatch(r"use-prompt-[2-9]", binding.id or "")}
    assert sorted(with_topic) == sorted(id or "" for id in ids)


def test_every_command_has_a_row_and_a_section() -> None:
    page = WRITTEN["docs/commands.md"]
    paths = [path for path, _ in commands()]
    assert "livegist sessions prune" in paths
    assert [path for path in paths if f"| `{path}` |" not in page or f"### {path}\n" not in page] == []


def test_every_setting_that_is_named_exists() -> None:
    assigned = re.findall(r"`(\w+) = ", EVERYTHING)
    assert assigned
    assert set(assigned) <= set(FIELDS)
    variables = set(re.findall(r"LIVEGIST_[A-Z_]+\b", EVERYTHING)) - VARIABLES
    assert {name.removeprefix("LIVEGIST_").lower() for name in variables} <= {*FIELDS, ""}


def test_every_command_and_option_that_is_shown_exists() -> None:
    shown = list(invocations(EVERYTHING))
    assert ["demo"] in shown
    for words in shown:
        command: click.Command = main
        for word in words:
            if word.startswith("--"):
                name = word.partition("=")[0]
                known = {"--help"}.union(*(option.opts for option in command.params))
                assert name in known, f"{command.name} has no {word}"
            elif isinstance(command, click.Group):
                found = command.get_command(click.Context(command), word)
                command = found or command


def test_examples_of_prompts_are_valid() -> None:
    examples = [block for block in blocks("toml") if "{{turn}}" in block]
    assert [parse_prompt(example, "questions", "docs").name for example in examples] == ["Questions"]


def test_examples_of_config_files_are_valid() -> None:
    from tui.config.load import parse

    examples = [block for block in blocks("toml") if "{{turn}}" not in block]
    assert examples
    for example in examples:
        assert set(parse(example, Path("config.toml"))) == set(tomllib.loads(example))


@pytest.mark.parametrize("name", WRITTEN)
def test_links_and_pictures_exist(name: str) -> None:
    broken = []
    for link in links(WRITTEN[name]):
        target, _, anchor = link.partition("#")
        path = (ROOT / name).parent / target if target else ROOT / name
        if not path.exists() or (anchor and anchor not in anchors(path.read_text(encoding="utf-8"))):
            broken.append(link)
    assert broken == []


def test_every_page_can_be_reached_from_the_readme() -> None:
    linked = {link.partition("#")[0] for link in links(WRITTEN["README.md"])}
    reached: set[str] = set()
    while linked - reached:
        name = (linked - reached).pop()
        reached.add(name)
        folder = (ROOT / name).parent
        if name.endswith(".md") and name in WRITTEN:
            found = {(folder / link.partition("#")[0]).resolve() for link in links(WRITTEN[name])}
            linked |= {path.relative_to(ROOT).as_posix() for path in found}
    assert set(WRITTEN) - {"README.md"} <= reached


def test_files_that_the_readme_links_to_are_in_the_sdist() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    included = project["tool"]["hatch"]["build"]["targets"]["sdist"]["include"]
    linked = {link.partition("#")[0] for link in links(WRITTEN["README.md"])}
    assert "docs/getting-started.md" in linked
    assert linked == {
        name
        for name in linked
        if any(name == pattern or name.startswith(f"{pattern}/") or fnmatch(name, pattern) for pattern in included)
    }


def test_readme_is_short() -> None:
    assert len(WRITTEN["README.md"].splitlines()) <= MAX_README_LINES


def test_the_readme_has_the_figures_of_the_performance_page() -> None:
    page = WRITTEN["docs/performance.md"]

    def measured(what: str) -> float:
        found = re.search(rf"^\| {re.escape(what)} +\| ([\d.,]+) ", page, re.MULTILINE)
        assert found, f"{what} is not in the table"
        return float(found[1].replace(",", ""))

    memory = measured("memory of the viewer") + measured("memory of the engine")
    readme = " ".join(WRITTEN["README.md"].split())
    assert f"writes {measured('painted while live') / 1000:.1f} kB/s" in readme
    assert f"use {measured('CPU of viewer and engine, live'):.1f} % of one CPU core and {memory:.0f} MB" in readme
    mean = re.search(r"^\| mean +\| ([\d.]+) % +\| ([\d.]+) % ", page, re.MULTILINE)
    assert mean
    assert f"by the same small model: {mean[1]} and {mean[2]} % on average for seven people" in readme


def test_the_tests_are_the_second_shell_block_of_the_readme() -> None:
    # `.ci/run` runs exactly that block.
    assert "pytest" in blocks("sh", WRITTEN["README.md"])[1]


def test_glossary_is_short() -> None:
    terms = re.findall(r"^\| \*\*(.+?)\*\* \|", WRITTEN["docs/glossary.md"], re.MULTILINE)
    assert 0 < len(terms) <= MAX_GLOSSARY_TERMS


def test_paths_that_are_named_exist() -> None:
    text = "\n".join([EVERYTHING, *(path.read_text(encoding="utf-8") for path in ROOT.glob("CONTRIBUTING.md"))])
    named = re.findall(r"`((?:tui|tests|docs|themes|screenshots|\.ci)/[\w./*-]*)`", text)
    assert named
    assert [name for name in named if not any(ROOT.glob(name.rstrip("/")))] == []


def test_classes_that_the_guides_for_developers_name_exist() -> None:
    text = WRITTEN["docs/architecture.md"] + (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`((?:[A-Z][a-z]+){2,})(?:\.\w+)?`", text))
    defined = {
        name for path in ROOT.glob("tui/**/*.py") for name in re.findall(r"class (\w+)", path.read_text("utf-8"))
    }
    assert "EventSink" in named
    assert named <= defined

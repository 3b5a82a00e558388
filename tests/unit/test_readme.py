import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from textual.binding import Binding
from textual.keys import format_key

from tui.cli import main
from tui.config import FIELDS, Config, documentation
from tui.model.prompts import parse_prompt
from tui.viewer.keys import DASHBOARD

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def rows(heading: str) -> list[list[str]]:
    """Return the cells of the table whose first column has that heading."""
    _, _, below = README.partition(f"\n| {heading} |")
    table = below.partition("\n\n")[0].splitlines()[2:]
    return [[cell.strip() for cell in line.strip().strip("|").split(" | ")] for line in table]


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", README, re.MULTILINE | re.DOTALL)


def invocations() -> Iterator[list[str]]:
    """Yield the words after each `livegist` that the README tells to run."""
    for code in [*re.findall(r"(?<!`)`([^`\n]+)`(?!`)", README), *"\n".join(blocks("sh")).splitlines()]:
        remote = re.fullmatch(r"ssh .*HOST '(.*)'", code)
        for found in re.finditer(r"(?:^|[\s/])livegist((?: [^|&#]*)?)$", remote[1] if remote else code):
            yield shlex.split(found[1])


def below(command: click.Command) -> dict[str, click.Command]:
    """Return the commands of a group, by name."""
    if not isinstance(command, click.Group):
        return {}
    context = click.Context(command)
    return {name: found for name in command.list_commands(context) if (found := command.get_command(context, name))}


def test_every_setting_is_there_with_its_default_and_its_own_words() -> None:
    told = {cells[0].strip("`"): cells[1:] for cells in rows("setting")}
    assert list(told) == list(FIELDS)
    for name, (default, words) in told.items():
        assert words == documentation()[name]
        value = getattr(Config(), name)
        if not isinstance(value, dict):
            assert default.strip("`").strip('"') == (str(value).lower() if isinstance(value, bool) else str(value))


def test_every_setting_named_elsewhere_exists() -> None:
    assigned = re.findall(r"`(\w+) = ", README)
    assert assigned
    assert set(assigned) <= set(FIELDS)
    for variable in re.findall(r"LIVEGIST_[A-Z_]+\b", README):
        assert variable.removeprefix("LIVEGIST_").lower() in {
            *FIELDS,
            "home",
            "llm_key",
            "hook_secret",
            "session",
            "token",
            "",
        }


def test_every_command_and_option_that_is_told_to_be_run_exists() -> None:
    told = list(invocations())
    assert ["demo"] in told
    for words in told:
        command: click.Command = main
        for word in words:
            if word.startswith("--"):
                assert any(word in option.opts for option in command.params), f"{command.name} has no {word}"
            elif word in below(command):
                command = below(command)[word]


def test_every_command_is_told() -> None:
    def leaves(command: click.Command, path: str) -> Iterator[str]:
        if isinstance(command, click.Group):
            for name, inner in below(command).items():
                yield from leaves(inner, f"{path} {name}")
        elif not command.hidden:
            yield path

    told = {cells[0].strip("`") for cells in rows("command")}
    assert told == {"livegist", *leaves(main, "livegist")}


def test_every_shared_option_is_told() -> None:
    told = {cells[0].strip("`") for cells in rows("option")}
    assert told == {option.opts[0] for option in main.params if isinstance(option, click.Option)} - {"--version"}


@pytest.mark.parametrize("binding", DASHBOARD, ids=lambda binding: binding.id)
def test_every_key_is_told_with_its_id(binding: Binding) -> None:
    told = {cells[1].strip("`"): cells[0].strip("`") for cells in rows("key")}
    if binding.id and re.fullmatch(r"prompt-\d", binding.id):
        assert told["prompt-1`–`prompt-9"] == "1`–`9"
    else:
        assert told[binding.id or ""] in (binding.key, binding.key_display, format_key(binding.key))


def test_no_key_is_told_that_there_is_not() -> None:
    told = {cells[1].strip("`") for cells in rows("key")} - {"prompt-1`–`prompt-9"}
    assert told <= {binding.id for binding in DASHBOARD}


def test_the_example_of_a_prompt_is_one() -> None:
    (example,) = [block for block in blocks("toml") if "{{turn}}" in block]
    assert parse_prompt(example, "questions", "README.md").name == "Questions"


def test_what_it_links_to_in_the_repository_is_there() -> None:
    links = re.findall(r"\]\(([^)]+)\)", README)
    assert links
    assert [link for link in links if "://" not in link and not (ROOT / link).exists()] == []

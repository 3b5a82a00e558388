"""Prompts: what an LLM is asked of each turn and of a whole session."""

import re
import tomllib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated

import msgspec

from tui.errors import ConfigError

TURN = "{{turn}}"
"""The endpoint puts a finished turn in place of exactly this."""
TRANSCRIPT = "{{transcript}}"
"""We put the transcript so far in place of this."""


class Prompt(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """One prompt, as its file says it."""

    name: str
    """What is shown."""
    turn: str
    """Text for one turn, with `{{turn}}` where its words go."""
    session: str
    """Text for a whole session, with `{{transcript}}` where it goes."""
    id: str = ""
    """The file's name without its ending and without a number and dash before it."""
    model: str | None = None
    """Model to ask; `None` for the configured one."""
    max_tokens: Annotated[int, msgspec.Meta(ge=1)] | None = None
    """Most tokens of an answer; `None` for the configured number."""


def parse_prompt(text: str, id: str, origin: str) -> Prompt:
    """Return the prompt that a TOML file's text says.

    Raises:
        ConfigError: it is not TOML, lacks an entry, has one too many, or a placeholder is missing.
    """
    try:
        prompt = msgspec.convert(tomllib.loads(text) | {"id": id}, Prompt)
    except (tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        raise ConfigError(
            f"{origin}: {error}",
            "A prompt has name, turn and session, and may have model and max_tokens.",
        ) from error
    for entry, placeholder in (("turn", TURN), ("session", TRANSCRIPT)):
        if placeholder not in getattr(prompt, entry):
            raise ConfigError(
                f"{origin}: {entry} lacks {placeholder}.", f"Put {placeholder} where the words should go."
            )
    return prompt


def prompt_id(path: Path) -> str:
    """Return the id of the prompt in a file: its name without the ending and without a number and dash before it."""
    return re.sub(r"^\d+-(?=.)", "", path.stem)


class PromptLibrary:
    """The prompts there are, in the order of their keys `1` to `9`."""

    def __init__(self, prompts: Iterable[Prompt], problems: Iterable[ConfigError] = ()) -> None:
        self._prompts = {prompt.id: prompt for prompt in prompts}
        self.problems = tuple(problems)
        """What was wrong with files that were left out."""

    @classmethod
    def load(cls, *folders: Path) -> "PromptLibrary":
        """Read every `*.toml` in the folders by name; a later folder's prompt replaces one of the same id.

        A broken file is left out and told in `problems`; it never takes the others down.
        """
        prompts: dict[str, Prompt] = {}
        problems: list[ConfigError] = []
        for folder in folders:
            for path in sorted(folder.glob("*.toml")):
                id = prompt_id(path)
                try:
                    prompts[id] = parse_prompt(path.read_text(encoding="utf-8"), id, str(path))
                except ConfigError as problem:
                    problems.append(problem)
                except (OSError, UnicodeDecodeError) as error:
                    problems.append(ConfigError(f"{path}: {error}", "Save it as UTF-8 text that you may read."))
        return cls(prompts.values(), problems)

    def replace_with(self, other: "PromptLibrary", in_use: Iterable[str] = ()) -> None:
        """Hold what another holds from now on, and of what was here before those that are still in use."""
        kept = {id: self._prompts[id] for id in in_use if id in self._prompts and id not in other}
        self._prompts = other._prompts | kept
        self.problems = other.problems

    def __iter__(self) -> Iterator[Prompt]:
        return iter(self._prompts.values())

    def __len__(self) -> int:
        return len(self._prompts)

    def __contains__(self, id: object) -> bool:
        return id in self._prompts

    def __getitem__(self, id: str) -> Prompt:
        """Return the prompt with that id.

        Raises:
            ConfigError: there is none.
        """
        try:
            return self._prompts[id]
        except KeyError:
            there = ", ".join(self._prompts) or "none"
            raise ConfigError(f"There is no prompt {id!r}.", f"There are: {there}.") from None

"""Prompts: templates that are sent to an LLM for each turn and for a whole session."""

import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Annotated

import msgspec

from tui.errors import ConfigError
from tui.model.prompt_info import PromptInfo

TURN = "{{turn}}"
"""Placeholder that the endpoint replaces by the text of a final turn."""
VARIABLE = re.compile(r"\{\{(\w+)\}\}")
TRANSCRIPT = "{{transcript}}"
"""Placeholder that livegist replaces by the transcript so far."""


LANGUAGE, TITLE, SPEAKERS = "language", "title", "speakers"
"""Names of the variables, which livegist replaces where a prompt has them in double braces."""


class Prompt(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A prompt, as its file defines it."""

    name: str
    """Display name."""
    turn: str
    """Template for one turn, with the placeholder `{{turn}}`."""
    session: str
    """Template for a whole session, with the placeholder `{{transcript}}`."""
    id: str = ""
    """The file's name without its extension and without a leading number and dash."""
    model: str | None = None
    """Name of the model; `None` for the configured one."""
    max_tokens: Annotated[int, msgspec.Meta(ge=1)] | None = None
    """Maximum number of tokens in an answer; `None` for the configured number."""


def fill(prompt: Prompt, variables: Mapping[str, str]) -> Prompt:
    """Return a prompt with its variables replaced; braces in the values cannot form another placeholder.

    Args:
        prompt: the prompt.
        variables: values by name; others stay as they are.
    """

    def value(placeholder: re.Match[str]) -> str:
        found = variables.get(placeholder[1])
        return placeholder[0] if found is None else found.replace("{{", "{ {").replace("}}", "} }")

    turn, session = (VARIABLE.sub(value, text) for text in (prompt.turn, prompt.session))
    return msgspec.structs.replace(prompt, turn=turn, session=session)


def uses(prompt: Prompt, variable: str) -> bool:
    """Return whether the template for one turn contains a variable."""
    return any(found == variable for found in VARIABLE.findall(prompt.turn))


def parse_prompt(text: str, id: str, origin: str) -> Prompt:
    """Return the prompt in the text of a TOML file.

    Raises:
        ConfigError: the text is not valid TOML, an entry is missing or unknown, or a placeholder is missing.
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
            raise ConfigError(f"{origin}: {entry} lacks {placeholder}.", f"Put {placeholder} where the text should go.")
    return prompt


def prompt_id(path: Path) -> str:
    """Return the id of the prompt in a file: the name without its extension and without a leading number and dash."""
    return re.sub(r"^\d+-(?=.)", "", path.stem)


class PromptLibrary:
    """The available prompts, in the order of their keys `1` to `9`."""

    def __init__(self, prompts: Iterable[Prompt], problems: Iterable[ConfigError] = ()) -> None:
        self._prompts = {prompt.id: prompt for prompt in prompts}
        self.problems = tuple(problems)
        """Errors in the files that were skipped."""

    @classmethod
    def load(cls, *folders: Path) -> "PromptLibrary":
        """Read every `*.toml` in the folders, sorted by name; a later folder's prompt replaces one with the same id.

        A file that is not valid is skipped and reported in `problems`.
        """
        prompts: dict[str, Prompt] = {}
        problems: list[ConfigError] = []
        for folder in folders:
            for path in sorted(folder.glob("*.toml")):
                id = prompt_id(path)
                try:
                    prompts[id] = parse_prompt(path.read_text(encoding="utf-8-sig"), id, str(path))
                except ConfigError as problem:
                    problems.append(problem)
                except (OSError, UnicodeDecodeError) as error:
                    problems.append(
                        ConfigError(f"{path}: {error}", "Check the file's permissions and that it is UTF-8 text.")
                    )
        return cls(prompts.values(), problems)

    def replace_with(self, other: "PromptLibrary", in_use: Iterable[str] = ()) -> None:
        """Take over the prompts of another library; keep those of the ids `in_use` that it lacks."""
        retained = {id: self._prompts[id] for id in in_use if id in self._prompts and id not in other}
        self._prompts = other._prompts | retained
        self.problems = other.problems

    @property
    def infos(self) -> tuple[PromptInfo, ...]:
        """The prompts as viewers receive them."""
        return tuple(PromptInfo(prompt.id, prompt.name, prompt.turn, prompt.session) for prompt in self)

    @property
    def names(self) -> dict[str, str]:
        """Display names by id."""
        return {prompt.id: prompt.name for prompt in self}

    def __iter__(self) -> Iterator[Prompt]:
        return iter(self._prompts.values())

    def __len__(self) -> int:
        return len(self._prompts)

    def __contains__(self, id: object) -> bool:
        return id in self._prompts

    def __getitem__(self, id: str) -> Prompt:
        """Return the prompt with that id.

        Raises:
            ConfigError: no prompt has that id.
        """
        try:
            return self._prompts[id]
        except KeyError:
            available = ", ".join(self._prompts) or "none"
            raise ConfigError(f"There is no prompt {id!r}.", f"Available prompts: {available}.") from None

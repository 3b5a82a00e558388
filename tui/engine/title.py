"""Title of a session: suggested by the LLM from the first minutes, unless a person has set one."""

import re
from collections.abc import Callable
from typing import Protocol

from tui.config.schema import Config
from tui.errors import ChatError
from tui.llm.client import ChatClient
from tui.llm.protocol import Message
from tui.model.events import Event, TitleChanged
from tui.model.session_state import SessionState
from tui.model.transcript import transcript_lines
from tui.text import one_line

SUGGEST_AFTER_S = 60.0
"""Recorded seconds after which a title is suggested."""
MIN_TURNS = 3
"""Final turns that a suggestion needs."""
MAX_CHARACTERS = 4000
"""Maximum number of characters of the transcript that a suggestion is made from."""
MAX_TITLE_CHARACTERS = 60
MAX_TOKENS = 40
REQUEST = """\
Suggest a title of at most six words for this conversation, in its language. Answer with the title alone.

Transcript: """


class Chat(Protocol):
    """Returns the client of the LLM server."""

    async def __call__(self) -> ChatClient:
        """Return the client; raise `ChatError` if there is none."""
        ...


class TitleSuggester:
    """Suggests one title for one session.

    Args:
        config: the LLM model, and whether titles are suggested.
        state: state of the session.
        chat: returns the client of the LLM server.
        publish: receives the title.
    """

    def __init__(self, config: Config, state: SessionState, chat: Chat, publish: Callable[[Event], None]) -> None:
        self._config = config
        self._state = state
        self._chat = chat
        self._publish = publish
        self._asked = not config.suggest_title or bool(state.title)

    def is_due(self, recorded_s: float) -> bool:
        """Return, once, whether a title is to be suggested now; `recorded_s` is the length of the session."""
        if self._asked or recorded_s < SUGGEST_AFTER_S or len(self._state.transcript.finals) < MIN_TURNS:
            return False
        self._asked = True
        return not self._state.title

    async def suggest(self) -> None:
        """Ask the LLM for a title and publish it; do nothing if that fails, or if a person has set one meanwhile."""
        text = "\n".join(transcript_lines(self._state.finals))[:MAX_CHARACTERS]
        try:
            answer = await (await self._chat()).complete(
                [Message("user", REQUEST + text)], model=self._config.llm_model, max_tokens=MAX_TOKENS
            )
        except ChatError:
            return
        title = clean_title(answer.text)
        if title and not self._state.title:
            self._publish(TitleChanged(title))


def clean_title(text: str) -> str:
    """Return the first line of an answer without marks of Markdown and quotation marks, cut at a word if it is long."""
    line = next((line for line in text.splitlines() if line.strip()), "")
    title = one_line(re.sub(r"^\s*(?:(?:#+|[-*>])\s+)?(?:[Tt]itle:\s*)?|[*_`\"“”„«»]", "", line), None).strip(" .:")
    if len(title) <= MAX_TITLE_CHARACTERS:
        return title
    return title[:MAX_TITLE_CHARACTERS].rpartition(" ")[0].rstrip(" ,;:") + "…"

"""A person's additions to a session: questions, extra prompts, bookmarks and speaker names."""

from collections.abc import Callable, Coroutine
from typing import Any

from tui.engine.gist_tracker import Chat, GistTracker
from tui.errors import UsageError
from tui.model.commands import Ask, AskAllTurns, Bookmark, NameSpeaker, RetryGist, UseExtraPrompts
from tui.model.events import Event, ExtraPromptsChanged, SpeakerNamed, TurnBookmarked
from tui.model.prompts import Prompt, PromptLibrary
from tui.model.session_state import SessionState
from tui.model.transcript import Turn
from tui.sessions.qa import SessionExcerpt

MAX_EXTRA_PROMPTS = 3
"""Maximum number of extra prompts, asked about each turn in addition to the one in use."""
MAX_NOTE_CHARACTERS = 500
"""Maximum length of a note, a name or a question; longer ones are cut."""

AnnotationCommand = Ask | RetryGist | AskAllTurns | UseExtraPrompts | Bookmark | NameSpeaker


class Annotations:
    """Executes annotation commands on one session, also after its end.

    Args:
        state: state of the session.
        prompts: the prompts that may be used.
        gists: sends requests to the LLM and stores the answers.
        chat: returns the client of the LLM server.
        publish: receives every event.
        spawn: runs a request in the background; the session waits for it before it ends.
    """

    def __init__(
        self,
        state: SessionState,
        prompts: PromptLibrary,
        gists: GistTracker,
        chat: Chat,
        publish: Callable[[Event], None],
        spawn: Callable[[Coroutine[Any, Any, None]], None],
    ) -> None:
        self._state = state
        self._prompts = prompts
        self._gists = gists
        self._chat = chat
        self._publish = publish
        self._spawn = spawn

    def execute(self, command: AnnotationCommand) -> None:
        """Execute a command.

        Raises:
            UsageError: the command is not possible in the session's current state.
            ConfigError: the prompt does not exist.
        """
        match command:
            case Ask(question=question):
                self._ask(question)
            case RetryGist(gist=number):
                self._retry(number)
            case AskAllTurns(prompt=id):
                prompt = self._prompts[id]
                for turn in self._final_turns():
                    self._ask_about(turn, prompt)
            case UseExtraPrompts(prompts=ids):
                self._use_extra_prompts(ids)
            case Bookmark(turn=number, note=note):
                self._turn(number)
                self._publish(TurnBookmarked(number, note if note is None else _shorten(note)))
            case NameSpeaker(label=label, name=name):
                self._publish(SpeakerNamed(_shorten(label), _shorten(name)))

    def on_final(self, turn: Turn, stream_prompt: str | None) -> None:
        """Ask the extra prompts about a final turn, except `stream_prompt`, which the endpoint answers."""
        for id in self._state.extra_prompts:
            if id != stream_prompt and id in self._prompts:
                self._ask_about(turn, self._prompts[id])

    def _ask(self, question: str) -> None:
        if not question.strip():
            raise UsageError("The question is empty.", "Type a question, such as: what was decided?")
        session = self._state.session
        excerpt = SessionExcerpt(
            session.id if session else "", "", session.started_at if session else "", tuple(self._final_turns())
        )
        self._spawn(self._gists.question(_shorten(question), excerpt, self._chat))

    def _retry(self, number: int) -> None:
        gist = self._gists.find(number)
        if gist is None or gist.turn is None or not gist.status.over:
            raise UsageError("This answer cannot be requested again.", "Choose an answer that failed or timed out.")
        self._ask_about(self._turn(gist.turn), self._prompts[gist.prompt])

    def _use_extra_prompts(self, ids: tuple[str, ...]) -> None:
        chosen = tuple(dict.fromkeys(self._prompts[id].id for id in ids if id != self._state.prompt))
        if len(chosen) > MAX_EXTRA_PROMPTS:
            raise UsageError(f"A session has at most {MAX_EXTRA_PROMPTS} extra prompts.", "Remove one first.")
        self._publish(ExtraPromptsChanged(chosen))

    def _ask_about(self, turn: Turn, prompt: Prompt) -> None:
        self._spawn(self._gists.about_turn(turn, prompt, self._chat))

    def _final_turns(self) -> list[Turn]:
        turns = self._state.transcript.with_speaker_names(self._state.speakers).finals
        if not turns:
            raise UsageError("There are no final turns yet.", "Wait for the first turn to end.")
        return turns

    def _turn(self, number: int) -> Turn:
        turn = self._state.transcript.get(number)
        if turn is None or not turn.final:
            raise UsageError(f"There is no final turn {number}.", "Choose another turn.")
        return turn


def _shorten(text: str) -> str:
    return " ".join(text.split())[:MAX_NOTE_CHARACTERS]

"""What a person adds to a session: questions, further lenses, marks, names."""

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
"""Prompts asked about each turn beside the one in use."""
MAX_NOTE_CHARACTERS = 500
"""Characters of a note, a name or a question."""

AnnotationCommand = Ask | RetryGist | AskAllTurns | UseExtraPrompts | Bookmark | NameSpeaker


class Annotations:
    """A session's remarks, also after its end.

    Args:
        record: what is known of the session.
        prompts: the prompts that may be asked.
        answers: asks and keeps what is answered.
        chat: returns the client of the server that answers.
        tell: gets every event.
        spawn: runs what takes a while; it is waited for before the session ends.
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

    def execute(self, remark: AnnotationCommand) -> None:
        """Do what a person asked for.

        Raises:
            UsageError: it makes no sense now.
            ConfigError: there is no such prompt.
        """
        match remark:
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

    def on_final(self, turn: Turn, asked: str | None) -> None:
        """Ask the lenses about a turn that ended; `asked` is the prompt by which the stream answers it."""
        for id in self._state.extra_prompts:
            if id != asked and id in self._prompts:
                self._ask_about(turn, self._prompts[id])

    def _ask(self, question: str) -> None:
        if not question.strip():
            raise UsageError("There is no question.", "Type one, such as: what was decided?")
        session = self._state.session
        read = SessionExcerpt(
            session.id if session else "", "", session.started_at if session else "", tuple(self._final_turns())
        )
        self._spawn(self._gists.question(_shorten(question), read, self._chat))

    def _retry(self, number: int) -> None:
        gist = self._gists.find(number)
        if gist is None or gist.turn is None or not gist.status.over:
            raise UsageError("That answer cannot be asked for again.", "Choose one that failed or timed out.")
        self._ask_about(self._turn(gist.turn), self._prompts[gist.prompt])

    def _use_extra_prompts(self, ids: tuple[str, ...]) -> None:
        chosen = tuple(dict.fromkeys(self._prompts[id].id for id in ids if id != self._state.prompt))
        if len(chosen) > MAX_EXTRA_PROMPTS:
            raise UsageError(f"At most {MAX_EXTRA_PROMPTS} prompts go beside the one in use.", "Take one away first.")
        self._publish(ExtraPromptsChanged(chosen))

    def _ask_about(self, turn: Turn, prompt: Prompt) -> None:
        self._spawn(self._gists.about_turn(turn, prompt, self._chat))

    def _final_turns(self) -> list[Turn]:
        turns = self._state.transcript.with_speaker_names(self._state.speakers).finals
        if not turns:
            raise UsageError("Nothing was said yet.", "Wait for the first turn to end.")
        return turns

    def _turn(self, number: int) -> Turn:
        turn = self._state.transcript.get(number)
        if turn is None or not turn.final:
            raise UsageError(f"There is no finished turn {number}.", "Choose another.")
        return turn


def _shorten(text: str) -> str:
    return " ".join(text.split())[:MAX_NOTE_CHARACTERS]

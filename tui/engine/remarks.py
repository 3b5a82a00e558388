"""What a person adds to a session: questions, further lenses, marks, names."""

from collections.abc import Callable, Coroutine
from typing import Any

from tui.engine.answers import Answers, Chat
from tui.errors import UsageError
from tui.model.commands import Ask, AskAllTurns, Bookmark, NameSpeaker, RetryGist, UseExtraPrompts
from tui.model.events import Event, ExtraPromptsChanged, SpeakerNamed, TurnBookmarked
from tui.model.prompts import Prompt, PromptLibrary
from tui.model.session_state import SessionState
from tui.model.transcript import Turn
from tui.sessions.qa import SessionExcerpt

LENSES_MOST = 3
"""Prompts asked about each turn beside the one in use."""
NOTE_MOST = 500
"""Characters of a note, a name or a question."""

Remark = Ask | RetryGist | AskAllTurns | UseExtraPrompts | Bookmark | NameSpeaker


class Remarks:
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
        record: SessionState,
        prompts: PromptLibrary,
        answers: Answers,
        chat: Chat,
        tell: Callable[[Event], None],
        spawn: Callable[[Coroutine[Any, Any, None]], None],
    ) -> None:
        self._record = record
        self._prompts = prompts
        self._answers = answers
        self._chat = chat
        self._tell = tell
        self._spawn = spawn

    def make(self, remark: Remark) -> None:
        """Do what a person asked for.

        Raises:
            UsageError: it makes no sense now.
            ConfigError: there is no such prompt.
        """
        match remark:
            case Ask(question=question):
                self._ask(question)
            case RetryGist(gist=number):
                self._ask_again(number)
            case AskAllTurns(prompt=id):
                prompt = self._prompts[id]
                for turn in self._said():
                    self._about(turn, prompt)
            case UseExtraPrompts(prompts=ids):
                self._use_lenses(ids)
            case Bookmark(turn=number, note=note):
                self._turn(number)
                self._tell(TurnBookmarked(number, note if note is None else _short(note)))
            case NameSpeaker(label=label, name=name):
                self._tell(SpeakerNamed(_short(label), _short(name)))

    def final(self, turn: Turn, asked: str | None) -> None:
        """Ask the lenses about a turn that ended; `asked` is the prompt by which the stream answers it."""
        for id in self._record.extra_prompts:
            if id != asked and id in self._prompts:
                self._about(turn, self._prompts[id])

    def _ask(self, question: str) -> None:
        if not question.strip():
            raise UsageError("There is no question.", "Type one, such as: what was decided?")
        session = self._record.session
        read = SessionExcerpt(
            session.id if session else "", "", session.started_at if session else "", tuple(self._said())
        )
        self._spawn(self._answers.question(_short(question), read, self._chat))

    def _ask_again(self, number: int) -> None:
        gist = self._answers.find(number)
        if gist is None or gist.turn is None or not gist.status.over:
            raise UsageError("That answer cannot be asked for again.", "Choose one that failed or timed out.")
        self._about(self._turn(gist.turn), self._prompts[gist.prompt])

    def _use_lenses(self, ids: tuple[str, ...]) -> None:
        chosen = tuple(dict.fromkeys(self._prompts[id].id for id in ids if id != self._record.prompt))
        if len(chosen) > LENSES_MOST:
            raise UsageError(f"At most {LENSES_MOST} prompts go beside the one in use.", "Take one away first.")
        self._tell(ExtraPromptsChanged(chosen))

    def _about(self, turn: Turn, prompt: Prompt) -> None:
        self._spawn(self._answers.about_turn(turn, prompt, self._chat))

    def _said(self) -> list[Turn]:
        turns = self._record.transcript.with_speaker_names(self._record.speakers).finals
        if not turns:
            raise UsageError("Nothing was said yet.", "Wait for the first turn to end.")
        return turns

    def _turn(self, number: int) -> Turn:
        turn = self._record.transcript.get(number)
        if turn is None or not turn.final:
            raise UsageError(f"There is no finished turn {number}.", "Choose another.")
        return turn


def _short(text: str) -> str:
    return " ".join(text.split())[:NOTE_MOST]

"""A person's additions to a session: questions, extra prompts, bookmarks and speaker names."""

from collections.abc import Awaitable, Callable, Collection, Coroutine
from typing import Any

from tui.engine.gist_tracker import Chat, GistTracker
from tui.errors import UsageError
from tui.model.commands import (
    Ask,
    AskAllTurns,
    Bookmark,
    EditTurn,
    MergeTurn,
    NameSpeaker,
    RememberSpeaker,
    RetryGist,
    SessionAnnotation,
    SetTitle,
    UndoEdit,
    UseExtraPrompts,
)
from tui.model.events import (
    Event,
    ExtraPromptsChanged,
    Notice,
    Severity,
    SpeakerNamed,
    TitleChanged,
    TurnBookmarked,
)
from tui.model.prompts import Prompt, PromptLibrary
from tui.model.session_state import SessionState
from tui.model.transcript import Turn
from tui.sessions.editing import TranscriptEditor
from tui.sessions.metadata import clean_line
from tui.sessions.qa import SessionExcerpt

MAX_EXTRA_PROMPTS = 3
"""Maximum number of extra prompts, asked about each turn in addition to the one in use."""
MAX_NOTE_CHARACTERS = 500
"""Maximum length of a note, a name or a question; longer ones are cut."""


class Annotations:
    """Executes annotation commands on one session, also after its end.

    Args:
        state: state of the session.
        prompts: the prompts that may be used.
        gists: sends requests to the LLM and stores the answers.
        chat: returns the client of the LLM server.
        publish: receives every event.
        spawn: runs a request in the background; the session waits for it before it ends.
        original: returns a turn with its words, or `None`.
        remember_voice: stores the voice of a label under a name, and returns why not; `None` if it must not be stored.
    """

    def __init__(
        self,
        state: SessionState,
        prompts: PromptLibrary,
        gists: GistTracker,
        chat: Chat,
        publish: Callable[[Event], None],
        spawn: Callable[[Coroutine[Any, Any, None]], None],
        original: Callable[[int], Turn | None],
        remember_voice: Callable[[str, str], Awaitable[str]] | None = None,
    ) -> None:
        self._state = state
        self._prompts = prompts
        self._gists = gists
        self._chat = chat
        self._publish = publish
        self._spawn = spawn
        self._editor = TranscriptEditor(state, original)
        self._remember_voice = remember_voice

    def execute(self, command: SessionAnnotation) -> None:
        """Execute a command.

        Raises:
            UsageError: the command is not possible in the session's current state.
            ConfigError: the prompt does not exist.
        """
        match command:
            case Ask(question=question, turns=numbers):
                self._ask(question, numbers)
            case RetryGist(gist=number):
                self._retry(number)
            case AskAllTurns(prompt=id):
                prompt = self._prompts[id]
                for number in dict.fromkeys(turn.number for turn in self._final_turns()):
                    self._ask_about(self._turn(number), prompt)
            case UseExtraPrompts(prompts=ids):
                self._use_extra_prompts(ids)
            case SetTitle(title=title):
                self._publish(TitleChanged(clean_line(title)[:MAX_NOTE_CHARACTERS]))
            case EditTurn() | MergeTurn() | UndoEdit():
                if (event := self._editor.execute(command)) is not None:
                    self._publish(event)
            case Bookmark(turn=number, note=note):
                self._turn(number)
                self._publish(TurnBookmarked(number, note if note is None else _shorten(note)))
            case NameSpeaker(label=label, name=name):
                self._publish(SpeakerNamed(_shorten(label), _shorten(name)))
            case RememberSpeaker(label=label):
                self._spawn(self._remember(label, self._nameable(label)))

    def on_final(self, turn: Turn, stream_prompt: str | None) -> None:
        """Ask the extra prompts about a final turn, except `stream_prompt`, which the endpoint answers."""
        for id in self._state.extra_prompts:
            if id != stream_prompt and id in self._prompts:
                self._ask_about(turn, self._prompts[id])

    def _nameable(self, label: str) -> str:
        """Return the name under which a speaker's voice can be remembered.

        Raises:
            UsageError: it cannot be.
        """
        if self._remember_voice is None:
            hint = "Turn on known_voices and speaker_labels, use the local engine, and not a private session."
            raise UsageError("Voices are not remembered in this session.", hint)
        if not (name := self._state.speakers.get(label, "")):
            raise UsageError(f"Speaker {label} has no name yet.", "Name the speaker first.")
        return name

    async def _remember(self, label: str, name: str) -> None:
        assert self._remember_voice is not None
        # With several tracks, the track's name precedes the endpoint's label.
        refused = await self._remember_voice(label.rpartition(" ")[2], name)
        if refused:
            self._publish(Notice(Severity.WARNING, f"The voice of {name} is not remembered: {refused}"))
        else:
            hint = "livegist speakers lists, renames and forgets voices."
            self._publish(Notice(Severity.INFO, f"The voice of {name} is remembered on this machine.", hint))

    def _ask(self, question: str, numbers: Collection[int]) -> None:
        if not question.strip():
            raise UsageError("The question is empty.", "Type a question, such as: what was decided?")
        said = tuple(turn for turn in self._state.spoken if not numbers or turn.number in numbers)
        if not said:
            raise UsageError("Nothing has been said yet.", "Wait for the first words.")
        session = self._state.session
        excerpt = SessionExcerpt(session.id if session else "", "", session.started_at if session else "", said)
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
        turns = self._state.finals
        if not turns:
            raise UsageError("There are no final turns yet.", "Wait for the first turn to end.")
        return turns

    def _turn(self, number: int) -> Turn:
        turn = self._state.turn(number)
        if turn is None or not turn.final:
            raise UsageError(f"There is no final turn {number}.", "Choose another turn.")
        return turn


def _shorten(text: str) -> str:
    return " ".join(text.split())[:MAX_NOTE_CHARACTERS]

"""A person's additions to a session: questions, extra prompts, bookmarks and speaker names."""

from collections.abc import Awaitable, Callable, Collection, Coroutine, Iterable
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
    SetTitle,
    UndoEdit,
    UseExtraPrompts,
)
from tui.model.edits import edit_turn, merge_turns
from tui.model.events import (
    Event,
    ExtraPromptsChanged,
    Notice,
    Severity,
    SpeakerNamed,
    TitleChanged,
    TranscriptEdited,
    TurnBookmarked,
)
from tui.model.prompts import Prompt, PromptLibrary
from tui.model.session_state import SessionState
from tui.model.transcript import Turn
from tui.sessions.metadata import clean_line
from tui.sessions.qa import SessionExcerpt

MAX_EXTRA_PROMPTS = 3
"""Maximum number of extra prompts, asked about each turn in addition to the one in use."""
MAX_NOTE_CHARACTERS = 500
"""Maximum length of a note, a name or a question; longer ones are cut."""

AnnotationCommand = (
    Ask
    | RetryGist
    | AskAllTurns
    | UseExtraPrompts
    | Bookmark
    | NameSpeaker
    | RememberSpeaker
    | SetTitle
    | EditTurn
    | MergeTurn
    | UndoEdit
)


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
        self._original = original
        self._remember_voice = remember_voice

    def execute(self, command: AnnotationCommand) -> None:
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
            case EditTurn(turn=number, texts=texts):
                self._edit(number, texts)
            case MergeTurn(turn=number):
                self._merge(number)
            case UndoEdit():
                if (undo := self._state.undo_edit) is None:
                    raise UsageError("There is no edit to undo.", "Edit a turn with E.")
                self._publish(undo)
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

    def _edit(self, number: int, texts: Iterable[str]) -> None:
        parts = self._parts(number)
        spoken = [self._split_speaker(" ".join(text.split())) for text in texts]
        spoken = [(speaker, text) for speaker, text in spoken if text]
        if not spoken:
            raise UsageError("The text is empty.", "Type the words of the turn; | splits it.")
        edit = edit_turn(parts, number, [text for _, text in spoken], [speaker for speaker, _ in spoken])
        if edit.parts != parts:
            self._publish(TranscriptEdited((edit,)))

    def _merge(self, number: int) -> None:
        first = self._parts(number)
        track = [turn for turn in self._state.transcript.finals if turn.track == first[0].track]
        after = (turn for turn in track if turn.number > number and self._state.parts(turn))
        if (following := next(after, None)) is None:
            raise UsageError(f"No final turn follows turn {number}.", "Choose an earlier turn.")
        self._publish(TranscriptEdited(merge_turns(first, self._parts(following.number))))

    def _parts(self, number: int) -> tuple[Turn, ...]:
        """Return the parts of a final turn, with their words.

        Raises:
            UsageError: there is no such turn, or another one contains it.
        """
        self._turn(number)
        original = self._original(number)
        assert original is not None
        return self._state.parts(original)

    def _split_speaker(self, text: str) -> tuple[str | None, str]:
        """Return the label of the speaker that a text begins with, `None` without one, and the rest of the text."""
        names = {label.casefold(): label for label in self._labels()}
        names |= {name.casefold(): label for label, name in self._state.speakers.items()}
        before, colon, rest = text.partition(":")
        label = names.get(before.strip().casefold()) if colon else None
        return (label, rest.strip()) if label is not None else (None, text)

    def _labels(self) -> set[str]:
        turns = self._state.transcript.finals
        return {part.speaker for turn in turns for part in self._state.parts(turn) if part.speaker}

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

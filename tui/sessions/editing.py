"""Editing of a session's transcript: checks an edit and returns its event. Pure."""

from collections.abc import Callable, Iterable

from tui.errors import UsageError
from tui.model.commands import EditTurn, MergeTurn, UndoEdit
from tui.model.edits import edit_turn, merge_turns
from tui.model.events import TranscriptEdited
from tui.model.session_state import SessionState
from tui.model.transcript import Turn


class TranscriptEditor:
    """Makes the events of edits.

    Args:
        state: state of the session, which the events are to be applied to.
        original: returns a turn with its words, or `None`.
    """

    def __init__(self, state: SessionState, original: Callable[[int], Turn | None]) -> None:
        self._state = state
        self._original = original

    def execute(self, command: EditTurn | MergeTurn | UndoEdit) -> TranscriptEdited | None:
        """Return the event of an edit; `None` if it changes nothing.

        Raises:
            UsageError: there is no such turn, or nothing to undo.
        """
        match command:
            case EditTurn(turn=number, texts=texts):
                return self._edit(number, texts)
            case MergeTurn(turn=number):
                return self._merge(number)
            case UndoEdit():
                if (undo := self._state.undo_edit) is None:
                    raise UsageError("There is no edit to undo.", "Edit a turn first.")
                return undo

    def _edit(self, number: int, texts: Iterable[str]) -> TranscriptEdited | None:
        parts = self._parts(number)
        spoken = [self._split_speaker(" ".join(text.split())) for text in texts]
        spoken = [(speaker, text) for speaker, text in spoken if text]
        if not spoken:
            raise UsageError("The text is empty.", "Type the words of the turn; | splits it.")
        edit = edit_turn(parts, number, [text for _, text in spoken], [speaker for speaker, _ in spoken])
        if edit.parts != parts:
            return TranscriptEdited((edit,))
        return None

    def _merge(self, number: int) -> TranscriptEdited:
        first = self._parts(number)
        track = [turn for turn in self._state.transcript.finals if turn.track == first[0].track]
        after = (turn for turn in track if turn.number > number and self._state.parts(turn))
        if (following := next(after, None)) is None:
            raise UsageError(f"No final turn follows turn {number}.", "Choose an earlier turn.")
        return TranscriptEdited(merge_turns(first, self._parts(following.number)))

    def _parts(self, number: int) -> tuple[Turn, ...]:
        """Return the parts of a final turn, with their words.

        Raises:
            UsageError: there is no such turn, or another one contains it.
        """
        original = self._original(number)
        parts = self._state.parts(original) if original is not None and original.final else ()
        if not parts:
            raise UsageError(f"There is no final turn {number}.", "Choose another turn.")
        return parts

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

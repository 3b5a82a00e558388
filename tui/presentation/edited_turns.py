"""Turns that a person edited: what an edit has changed, in words, and where merged turns are. Pure."""

from tui.model.edits import TurnEdit
from tui.model.events import TranscriptEdited
from tui.model.session_state import SessionState


def edit_summary(event: TranscriptEdited) -> str:
    """Return a sentence about an edit, or about what undoing it has restored."""
    match event.edits:
        case (TurnEdit(number=first), TurnEdit(number=second)) if event.undo:
            return f"Turns {first} and {second} are separate again."
        case (TurnEdit(number=first), TurnEdit(number=second)):
            return f"Turn {second} is part of turn {first} now."
        case (TurnEdit(number=number), *_) if event.undo:
            return f"The edit of turn {number} is undone."
        case (TurnEdit(number=number, parts=parts), *_) if parts and len(parts) > 1:
            return f"Turn {number} has {len(parts)} parts now."
        case (TurnEdit(number=number), *_):
            return f"Turn {number} is changed."
    return "The transcript is unchanged."


def containing_turn(state: SessionState, number: int) -> int:
    """Return the number of the turn that shows the text of a turn: its own unless it was appended to another."""
    while number > 1 and state.edits.get(number) == ():
        number -= 1
        while number > 1 and state.transcript.get(number) is None:
            number -= 1
    return number


def appended_turns(state: SessionState, number: int) -> list[int]:
    """Return the numbers of the turns whose text a turn has taken over, in order."""
    merged = sorted(other for other, parts in state.edits.items() if parts == () and other > number)
    return [other for other in merged if containing_turn(state, other) == number]
